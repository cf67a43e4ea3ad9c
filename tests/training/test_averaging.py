"""The mean of runs is of their weights, and only of models that are alike."""

from __future__ import annotations

import json

import pytest
import torch

from speech2text.errors import TrainingError
from speech2text.model.las import LAS
from speech2text.text.tokenizer import Tokenizer
from speech2text.training.averaging import load_mean
from speech2text.training.checkpoint import Checkpoint, Position, load_run, save_checkpoint
from tests.training.tiny import tiny_recipe


def write_run(folder, *changes, texts="abc", seed=0):
    recipe = tiny_recipe(*changes)
    tokenizer = Tokenizer.of_characters([texts])
    torch.manual_seed(seed)
    weights = LAS(recipe.las_config(len(tokenizer))).state_dict()
    save_checkpoint(folder, Checkpoint(Position(step=seed), "fp32", weights, weights, {}))
    (folder / "recipe.json").write_text(recipe.model_dump_json())
    (folder / "pieces.json").write_text(json.dumps(tokenizer.to_json()))
    return folder


def test_every_weight_is_the_mean_and_the_rest_is_of_the_first(tmp_path):
    folders = [write_run(tmp_path / str(seed), f"training.steps={seed + 1}", seed=seed) for seed in range(3)]
    states = [load_run(folder).model.state_dict() for folder in folders]
    mean = load_mean(folders)
    assert (mean.step, mean.recipe.training.steps) == (0, 1)
    for name, weight in mean.model.state_dict().items():
        torch.testing.assert_close(weight, sum(state[name] for state in states) / 3)


def test_the_mean_of_one_is_itself(tmp_path):
    folder = write_run(tmp_path / "run")
    for name, weight in load_mean([folder]).model.state_dict().items():
        torch.testing.assert_close(weight, load_run(folder).model.state_dict()[name], rtol=0, atol=0)


def test_dropout_makes_no_difference(tmp_path):
    load_mean([write_run(tmp_path / "one"), write_run(tmp_path / "other", "model.dropout=0.3")])


@pytest.mark.parametrize("other", [{"changes": ("model.memory=16",)}, {"texts": "abd"}])
def test_runs_of_other_shape_or_pieces_are_refused(tmp_path, other):
    folders = [write_run(tmp_path / "one"), write_run(tmp_path / "other", *other.pop("changes", ()), **other)]
    with pytest.raises(TrainingError, match=r"other: its model has another shape or other pieces than that of .*one"):
        load_mean(folders)
