"""The mean of a run's weights and a bundle's is a run that can be exported."""

import json
import shutil
import sys
from dataclasses import replace

import pytest
import torch

from recipes.english import average
from speech2text.model.las import LAS
from speech2text.training import layout
from speech2text.training.checkpoint import load_checkpoint, load_run, load_tokenizer, save_checkpoint
from speech2text.training.recipe import recipe_from_json


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["average", *map(str, arguments)])
    average.main()


@pytest.mark.parametrize(("options", "share"), [([], 0.5), (["--share", 0.25], 0.25)])
def test_the_mean_lies_half_way_or_where_it_is_told(run, tmp_path, monkeypatch, options, share):
    silent = shutil.copytree(run, tmp_path / "silent", ignore=shutil.ignore_patterns("cache"))
    checkpoint = load_checkpoint(run)
    nothing = {name: torch.zeros_like(weights) for name, weights in checkpoint.average.items()}
    position = replace(checkpoint.position, step=checkpoint.position.step + 1)
    save_checkpoint(silent, replace(checkpoint, average=nothing, position=position))
    call(monkeypatch, *options, run, silent, tmp_path / "mean")
    begun = load_checkpoint(tmp_path / "mean")
    assert all(torch.equal(weights, begun.average[name]) for name, weights in begun.model.items())
    found = load_run(tmp_path / "mean").model.state_dict()
    assert all(torch.equal(found[name], share * weights) for name, weights in checkpoint.average.items())


def reshaped(run, folder, **sizes):
    """The run with a model of other sizes in it, all of whose new weights are 1."""
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("cache", "checkpoints"))
    recipe = json.loads((folder / layout.RECIPE).read_text())
    recipe["model"] |= sizes
    (folder / layout.RECIPE).write_text(json.dumps(recipe))
    known = load_checkpoint(run)
    model = LAS(recipe_from_json(folder / layout.RECIPE).las_config(len(load_tokenizer(run))))
    added = {name: torch.ones_like(each) for name, each in model.state_dict().items() if name not in known.average}
    save_checkpoint(folder, replace(known, average=known.average | added))
    return folder, added


def test_layers_that_one_of_them_has_more_add_as_much_less(run, tmp_path, monkeypatch):
    deeper, added = reshaped(run, tmp_path / "deeper", residual_layers=2)
    call(monkeypatch, "--share", 0.25, deeper, run, tmp_path / "mean")
    found = load_run(tmp_path / "mean").model.state_dict()
    assert all(torch.allclose(found[name], weights) for name, weights in load_checkpoint(run).average.items())
    assert added and all((found[name] == (0.25 if ".norm." in name else 1.0)).all() for name in added)


@pytest.mark.parametrize("sizes", [{"heads": 1}, {"plain_layers": 2}])
def test_what_no_shape_tells_apart_has_no_mean_either(run, tmp_path, monkeypatch, capsys, sizes):
    deeper, _ = reshaped(run, tmp_path / "deeper", residual_layers=1)
    other, _ = reshaped(run, tmp_path / "other", **{"residual_layers": 0 if "plain_layers" in sizes else 1, **sizes})
    with pytest.raises(SystemExit):
        call(monkeypatch, deeper, other, tmp_path / "mean")
    assert "differ in shape" in capsys.readouterr().err


def test_it_stands_under_the_terms_of_both(run, tmp_path, monkeypatch):
    other = shutil.copytree(run, tmp_path / "other", ignore=shutil.ignore_patterns("cache"))
    recipe = json.loads((other / layout.RECIPE).read_text())
    theirs = {"name": "theirs", "hours": 1.0, "licence": "CC BY-SA 4.0"}
    (other / layout.RECIPE).write_text(json.dumps(recipe | {"licence": "CC BY-SA 4.0", "credits": [theirs]}))
    call(monkeypatch, run, other, tmp_path / "mean")
    mean = json.loads((tmp_path / "mean" / layout.RECIPE).read_text())
    assert "CC BY-SA 4.0" in mean["licence"]
    assert recipe["licence"] in mean["licence"]
    assert mean["credits"] == [theirs, *recipe["credits"]]


def test_what_has_no_mean_is_told_in_a_line(run, tmp_path, monkeypatch, capsys):
    for origin, out, message in [
        ("default", tmp_path / "mean", "differ in shape or in pieces"),
        (run, tmp_path, "is there already"),
        (tmp_path / "none", tmp_path / "mean", "neither a bundle nor a run"),
    ]:
        with pytest.raises(SystemExit):
            call(monkeypatch, run, origin, out)
        assert message in capsys.readouterr().err
