"""Processes that train together learn what one alone would have learned."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch

from speech2text.training.checkpoint import load_checkpoint
from speech2text.training.recipe import DEFAULT_RECIPE
from speech2text.training.run import open_run
from speech2text.training.team import Team
from tests.training.tiny import RATE, TINY, sing, tiny_recipe

SAME_LENGTH = ("abc", "bca", "cab", "acb")
"""Texts of as many tokens: the loss of a process is a mean over its own, that of the team a mean over the processes."""
NO_CHANCE = (
    "data.dev_share=0",
    "model.dropout=0",
    "augmentation.noise_share=0",
    "augmentation.telephone_share=0",
    "augmentation.frequency_masks=0",
    "augmentation.time_masks=0",
    "augmentation.gain_db=[0.0, 0.0]",
    "augmentation.speeds=[1.0]",
    "training.whole_share=1",
    "training.steps=3",
    "training.warmup_steps=0",
)
PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for text in SAME_LENGTH:
        soundfile.write(folder / f"{text}.wav", sing(text), RATE)
        (folder / f"{text}.txt").write_text(text)
    return folder


def run_team(processes, data, run, *others):
    """A training by torchrun, ended in whatever way."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    changes = [part for change in (*TINY, *NO_CHANCE, *others) for part in ("--set", change)]
    command = [*launcher, "-m", "speech2text", "--", "train", "--data", str(data), "--run", str(run), *changes]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, env=environment, timeout=PATIENCE_SECONDS, check=False, capture_output=True, text=True
    )


def train_together(processes, data, run, *others):
    """What a training by torchrun said that ended well."""
    done = run_team(processes, data, run, *others)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_team_of_two_learns_what_one_learns(data, tmp_path):
    for _ in open_run(tiny_recipe(*NO_CHANCE), DEFAULT_RECIPE, data, tmp_path / "alone").train():
        pass
    told = train_together(2, data, tmp_path / "together")
    assert told.count("done: ") == 1  # the leader speaks for all
    alone, together = (load_checkpoint(tmp_path / name) for name in ("alone", "together"))
    assert together.position == alone.position
    for name, tensor in alone.model.items():
        torch.testing.assert_close(together.model[name], tensor, rtol=0, atol=1e-4, msg=name)


def test_a_team_that_was_stopped_equals_one_that_was_not(data, tmp_path):
    """Law 6, of a team: what it did after its last checkpoint it does again, with the same chances."""
    chances = ("augmentation.noise_share=0.5", "augmentation.speeds=[0.9, 1.0, 1.1]", "training.whole_share=0.5")
    train_together(2, data, tmp_path / "run", *chances)
    unbroken = load_checkpoint(tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "step-000003")
    assert load_checkpoint(tmp_path / "run").position.step == 2
    train_together(2, data, tmp_path / "run", *chances)
    again = load_checkpoint(tmp_path / "run")
    assert again.position == unbroken.position
    for name, tensor in unbroken.model.items():
        assert torch.equal(again.model[name], tensor), name


def test_every_process_draws_otherwise_and_the_leader_as_one_alone():
    drawn = []
    for rank in range(3):
        torch.manual_seed(Team(rank, 3).seed(5))
        drawn.append(float(torch.rand(())))
    torch.manual_seed(5)
    assert drawn[0] == float(torch.rand(()))
    assert len(set(drawn)) == 3


def test_when_the_leader_ends_the_others_say_so_and_end(data, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").touch()
    (tmp_path / "run" / "tensorboard").write_text("a file where a folder should be")
    ended = run_team(2, data, tmp_path / "run")
    said = ended.stderr
    assert ended.returncode == 1
    assert "error: " in said
    assert "tensorboard: cannot be written" in said
    assert "speech2text/training" not in said  # torchrun has a traceback of its own, we have none


@pytest.mark.parametrize(("utterances", "size"), [(5, 2), (4, 4), (7, 3)])
def test_the_shares_of_a_batch_are_the_batch(utterances, size):
    shares = [Team(rank, size).share(np.arange(utterances)) for rank in range(size)]
    assert sorted(np.concatenate(shares)) == list(range(utterances))


def test_too_few_utterances_are_heard_by_everybody():
    assert list(Team(2, 3).share(np.array([7, 8]))) == [7, 8]
