"""The mean of a run's weights and a bundle's is a run that can be exported."""

import shutil
import sys
from dataclasses import replace

import pytest
import torch

from recipes.english import average
from speech2text.training.checkpoint import load_checkpoint, load_run, save_checkpoint


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["average", *map(str, arguments)])
    average.main()


def test_the_mean_lies_half_way(run, tmp_path, monkeypatch):
    silent = shutil.copytree(run, tmp_path / "silent", ignore=shutil.ignore_patterns("cache"))
    checkpoint = load_checkpoint(run)
    nothing = {name: torch.zeros_like(weights) for name, weights in checkpoint.average.items()}
    position = replace(checkpoint.position, step=checkpoint.position.step + 1)
    save_checkpoint(silent, replace(checkpoint, average=nothing, position=position))
    call(monkeypatch, run, silent, tmp_path / "mean")
    found = load_run(tmp_path / "mean").model.state_dict()
    assert all(torch.equal(found[name], weights / 2) for name, weights in checkpoint.average.items())


def test_what_has_no_mean_is_told_in_a_line(run, tmp_path, monkeypatch, capsys):
    for origin, out, message in [
        ("default", tmp_path / "mean", "differ in shape or in pieces"),
        (run, tmp_path, "is there already"),
        (tmp_path / "none", tmp_path / "mean", "neither a bundle nor a run"),
    ]:
        with pytest.raises(SystemExit):
            call(monkeypatch, run, origin, out)
        assert message in capsys.readouterr().err
