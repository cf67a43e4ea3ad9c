"""Checkpoints appear whole or not at all, and the newest one counts."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import torch

from speech2text.errors import OutputError, RecipeError, TrainingError
from speech2text.training.checkpoint import (
    Checkpoint,
    Position,
    has_checkpoint,
    load_checkpoint,
    load_run,
    newest_step,
    save_checkpoint,
)
from speech2text.training.recipe import DEFAULT_RECIPE
from speech2text.training.run import open_run
from tests.training.tiny import tiny_recipe, write_recordings


def checkpoint(step):
    tensors = {"weight": torch.full((2, 3), float(step)), "step": torch.tensor(float(step))}
    return Checkpoint(Position(step, 1, 2), "bf16", tensors, tensors, tensors)


def names(run):
    return sorted(folder.name for folder in (run / "checkpoints").iterdir())


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    assert load_checkpoint(tmp_path) is None
    assert not has_checkpoint(tmp_path)
    assert newest_step(tmp_path) is None
    save_checkpoint(tmp_path, checkpoint(7))
    found = load_checkpoint(tmp_path)
    assert has_checkpoint(tmp_path)
    assert (found.position, found.precision) == (Position(7, 1, 2), "bf16")
    for part in (found.model, found.average, found.optimizer):
        assert torch.equal(part["weight"], torch.full((2, 3), 7.0))
        assert torch.equal(part["step"], torch.tensor(7.0))


@pytest.mark.parametrize("steps", [(1, 2, 3), (999_800, 999_900, 1_000_000, 1_000_100)])
def test_the_two_newest_stay(tmp_path, steps):
    for step in steps:
        save_checkpoint(tmp_path, checkpoint(step))
        assert load_checkpoint(tmp_path).position.step == newest_step(tmp_path) == step
    assert len(names(tmp_path)) == 2


def test_a_half_written_checkpoint_is_ignored_and_replaced(tmp_path):
    save_checkpoint(tmp_path, checkpoint(1))
    draft = tmp_path / "checkpoints" / ".draft"
    draft.mkdir()
    (draft / "model.safetensors").write_bytes(b"half")
    assert load_checkpoint(tmp_path).position.step == 1
    save_checkpoint(tmp_path, checkpoint(2))
    assert names(tmp_path) == ["step-000001", "step-000002"]
    assert load_checkpoint(tmp_path).position.step == 2


@pytest.mark.parametrize("file", ["model.safetensors", "average.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["cut", "missing", "garbage", "null"])
def test_a_damaged_checkpoint_is_named_with_the_remedy(tmp_path, file, damage):
    for step in (1, 2):
        save_checkpoint(tmp_path, checkpoint(step))
    newest = tmp_path / "checkpoints" / "step-000002"
    if damage == "missing":
        (newest / file).unlink()
    else:
        contents = {"cut": (newest / file).read_bytes()[:20], "garbage": b'{"a": 1}', "null": b"null"}
        (newest / file).write_bytes(contents[damage])
    with pytest.raises(TrainingError, match=r"step-000002: damaged checkpoint .*; delete it to go on from") as error:
        load_checkpoint(tmp_path)
    assert "\n" not in str(error.value)
    shutil.rmtree(newest)
    assert load_checkpoint(tmp_path).position.step == 1


@pytest.mark.skipif(os.name == "nt" or not os.getuid(), reason="Windows and root may read everything")
def test_a_checkpoint_that_may_not_be_read_is_not_called_damaged(tmp_path):
    save_checkpoint(tmp_path, checkpoint(1))
    (tmp_path / "checkpoints" / "step-000001" / "model.safetensors").chmod(0)
    with pytest.raises(TrainingError, match=r"model.safetensors: cannot be read .*; check its permissions"):
        load_checkpoint(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="modes of Unix")
def test_who_may_read_a_new_file_may_read_a_checkpoint(tmp_path):
    save_checkpoint(tmp_path, checkpoint(1))
    (tmp_path / "usual").touch()
    files = (tmp_path / "checkpoints" / "step-000001").iterdir()
    assert {file.stat().st_mode for file in files} == {(tmp_path / "usual").stat().st_mode}


def test_a_copy_beside_the_checkpoints_is_none_of_them(tmp_path):
    save_checkpoint(tmp_path, checkpoint(1))
    shutil.copytree(tmp_path / "checkpoints" / "step-000001", tmp_path / "checkpoints" / "step-000002.bak")
    assert load_checkpoint(tmp_path).position.step == 1


def test_where_nothing_can_be_written_the_error_says_so(tmp_path):
    (tmp_path / "checkpoints").write_text("in the way")
    with pytest.raises(OutputError, match="checkpoints: no checkpoint can be saved"):
        save_checkpoint(tmp_path, checkpoint(1))


def test_a_run_is_loaded_with_its_averaged_weights(tmp_path):
    recipe = tiny_recipe("training.steps=2")
    trainer = open_run(recipe, DEFAULT_RECIPE, write_recordings(tmp_path / "data"), tmp_path / "run")
    with pytest.raises(TrainingError, match="no checkpoint yet"):
        load_run(tmp_path / "run")
    for _ in trainer.train():
        pass
    run = load_run(tmp_path / "run")
    assert (run.step, run.recipe) == (2, recipe)
    assert run.tokenizer.pieces == trainer.tokenizer.pieces
    assert not run.model.training
    for name, tensor in trainer.average.state_dict().items():
        assert torch.equal(run.model.state_dict()[name], tensor)


@pytest.mark.parametrize("content", [None, "", "[]", '{"pieces": ["a"], "merges": []}'])
def test_a_run_without_its_pieces_is_named_with_the_remedy(tmp_path, content):
    (tmp_path / "recipe.json").write_text(tiny_recipe().to_json())
    save_checkpoint(tmp_path, checkpoint(1))
    if content is not None:
        (tmp_path / "pieces.json").write_text(content)
    with pytest.raises(TrainingError, match=r"pieces\.json: missing or damaged .* copy the file back") as error:
        load_run(tmp_path)
    assert "\n" not in str(error.value)


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"is .* the folder of a training run"):
        load_run(tmp_path)


def test_keys_of_later_versions_do_not_pass_for_this_one(tmp_path):
    save_checkpoint(tmp_path, checkpoint(1))
    state = tmp_path / "checkpoints" / "step-000001" / "state.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "later": 1}))
    with pytest.raises(TrainingError, match="damaged checkpoint"):
        load_checkpoint(tmp_path)
