"""The mean of a run's weights and a bundle's is a run that can be exported."""

import sys

import pytest
import torch

from recipes.english import average
from speech2text.training.checkpoint import load_run


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["average", *map(str, arguments)])
    average.main()


def test_the_mean_lies_half_way(run, tmp_path, monkeypatch):
    call(monkeypatch, run, run, tmp_path / "mean")
    ours, found = (load_run(folder).model.state_dict() for folder in (run, tmp_path / "mean"))
    assert all(torch.equal(found[name], weights) for name, weights in ours.items())


def test_what_has_no_mean_is_told_in_a_line(run, tmp_path, monkeypatch, capsys):
    for origin, out, message in [
        ("default", tmp_path / "mean", "differ in shape or in pieces"),
        (run, tmp_path, "is there already"),
        (tmp_path / "none", tmp_path / "mean", "neither a bundle nor a run"),
    ]:
        with pytest.raises(SystemExit):
            call(monkeypatch, run, origin, out)
        assert message in capsys.readouterr().err
