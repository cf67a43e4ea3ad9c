"""Law 6: a run that was stopped and goes on is, bit for bit on a CPU, the run that was never stopped."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import torch

from speech2text.training.checkpoint import load_checkpoint
from speech2text.training.recipe import DEFAULT_RECIPE
from speech2text.training.run import open_run
from tests.training.tiny import RATE, TEXTS, needs_bf16, tiny_recipe, write_recordings

CHANGES = (
    "data.noise=noise.jsonl",
    "model.listener_bits=4",
    "augmentation.noise_share=0.5",
    "augmentation.telephone_share=0.5",
    "augmentation.non_speech_share=0.2",
    "augmentation.splice_share=0.5",
    "augmentation.splice_after=2",
    "augmentation.token_noise=0.2",
    "training.guide_weight=0.2",
    "training.consistency_weight=0.2",
    "training.risk_weight=0.2",
    "training.checkpoint_every=1",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A manifest of recordings of two speakers, whose words can be spliced, beside one of noise."""
    folder = write_recordings(tmp_path_factory.mktemp("data"))
    rows = [{"audio": f"{number}.wav", "text": text, "speaker": "ab"[number % 2]} for number, text in enumerate(TEXTS)]
    soundfile.write(folder / "noise.flac", 0.1 * np.random.default_rng(0).standard_normal(RATE), RATE)
    (folder / "noise.jsonl").write_text('{"audio": "noise.flac"}\n')
    manifest = folder / "rows.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return manifest


def train(data, run, precision="fp32", stop_after=None):
    """Train from where the run stands until `stop_after`, or its end; returns the losses."""
    recipe = tiny_recipe(*CHANGES, f"training.precision={precision}")
    losses = []
    for report in open_run(recipe, DEFAULT_RECIPE, data, run).train():
        losses.append(report.loss)
        if report.step == stop_after:
            break
    return losses


@pytest.fixture(scope="module", params=["fp32", pytest.param("bf16", marks=needs_bf16)])
def straight(request, data, tmp_path_factory):
    """The precision, and a run that was never stopped: its folder and its losses."""
    run = tmp_path_factory.mktemp("straight")
    return request.param, run, train(data, run, request.param)


@pytest.mark.parametrize("stops", [(1,), (3,), (5,), (1, 2, 3, 4, 5)])
def test_a_run_that_was_stopped_equals_one_that_was_not(data, tmp_path, straight, stops):
    precision, unbroken, expected_losses = straight
    losses = [loss for stop in (*stops, None) for loss in train(data, tmp_path, precision, stop)]
    assert losses == expected_losses
    found, expected = load_checkpoint(tmp_path), load_checkpoint(unbroken)
    assert found.position == expected.position
    for part in ("model", "average", "optimizer"):
        tensors = getattr(found, part)
        for name, tensor in getattr(expected, part).items():
            assert torch.equal(tensors[name], tensor), f"{part} {name}"


def test_what_was_done_after_the_last_checkpoint_is_done_again(data, tmp_path, straight):
    """A checkpoint is lost with its steps; the run repeats them."""
    precision, unbroken, expected_losses = straight
    train(data, tmp_path, precision, 4)
    newest = tmp_path / "checkpoints" / "step-000004"
    newest.rename(tmp_path / "checkpoints" / ".draft")  # as if it had been killed just before it was whole
    assert train(data, tmp_path, precision) == expected_losses[3:]
    found, expected = load_checkpoint(tmp_path), load_checkpoint(unbroken)
    for name, tensor in expected.average.items():
        assert torch.equal(found.average[name], tensor), name
