"""A few seconds of tones, one to a letter, and a recipe that trains on them in a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech2text.training.optimisation import has_bf16
from speech2text.training.recipe import DEFAULT_RECIPE, Recipe, read_recipe

needs_bf16 = pytest.mark.skipif(not has_bf16(), reason="this processor cannot train in bf16")
RATE = 16_000
TEXTS = ("a b", "b a", "ab ba", "c", "abc a", "ca b", "b", "bc cab", "cc a", "ac bb")
TINY = (
    "model.listener_units=8",
    "model.memory=8",
    "model.heads=2",
    "model.embedding=8",
    "model.speller_units=8",
    "data.dev_share=0.2",
    "augmentation.room_seconds=0",
    "training.steps=6",
    "training.batch_seconds=2",
    "training.warmup_steps=2",
    "training.checkpoint_every=2",
    "training.evaluate_every=3",
    "training.precision='fp32'",
)


def tiny_recipe(*changes: str) -> Recipe:
    """The default recipe with small sizes and the changes of a test."""
    return read_recipe(DEFAULT_RECIPE, (*TINY, *changes))


def sing(text: str) -> np.ndarray:
    """Samples (N,) at 16 kHz: each letter 100 ms of its own pitch, a space 100 ms of silence."""
    pitches = [0 if letter == " " else 300 * (1 + "abc".index(letter)) for letter in text]
    time = np.arange(RATE // 10) / RATE
    samples = np.concatenate([0.3 * np.sin(2 * np.pi * pitch * time) for pitch in pitches])
    return samples.astype(np.float32)


def tell_loudness(samples: np.ndarray) -> np.ndarray:
    """A teacher's features (T, 2), 25 a second: loudness, and how long the recording has lasted, in seconds."""
    frames = samples[: len(samples) // 640 * 640].reshape(-1, 640)
    return np.stack([np.abs(frames).mean(axis=1), (np.arange(len(frames)) + 0.5) / 25], axis=1)


def write_recordings(folder: Path) -> Path:
    """A wav file with a .txt beside it for each of TEXTS."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(TEXTS):
        soundfile.write(folder / f"{number}.wav", sing(text), RATE)
        (folder / f"{number}.txt").write_text(text)
    return folder
