"""Ten utterances of four sung words, and the settings by which a small model learns them by heart in seconds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from speech2text.audio.files import SAMPLE_RATE
from tests.cli.conftest import COMMAND

PITCHES = {"one": 300, "two": 700, "three": 1300, "four": 2200}
TEXTS = (
    "one two",
    "two one three",
    "three",
    "four one",
    "two four three",
    "one one four",
    "three two",
    "four three one two",
    "two",
    "one three four",
)

EXACTLY_AS_RECORDED = (
    "augmentation.speeds=[1.0]",
    "augmentation.noise_share=0",
    "augmentation.telephone_share=0",
    "augmentation.time_masks=0",
    "augmentation.frequency_masks=0",
)
SMALL_AND_QUICK = (
    "data.dev=['.']",
    "model.listener_units=32",
    "model.memory=32",
    "model.heads=2",
    "model.embedding=16",
    "model.speller_units=32",
    "model.dropout=0",
    "training.steps=600",
    "training.batch_seconds=8",
    "training.learning_rate=0.005",
    "training.warmup_steps=20",
    "training.average_decay=0.9",
    "training.precision=fp32",
)


def say(text: str) -> np.ndarray:
    """Samples (N,) at 16 kHz: each word 300 ms of its own pitch, 100 ms of quiet around it."""
    time = np.arange(3 * SAMPLE_RATE // 10) / SAMPLE_RATE
    quiet = np.zeros(SAMPLE_RATE // 10)
    parts = [quiet]
    for word in text.split():
        parts += [0.3 * np.sin(2 * np.pi * PITCHES[word] * time) * np.hanning(len(time)), quiet]
    samples = np.concatenate(parts)
    noise = np.random.default_rng(len(samples)).standard_normal(len(samples))
    return (samples + 0.003 * noise).astype(np.float32)


def speech2text(*arguments: str | Path, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command as people do; it must leave with `exit_code`."""
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == exit_code, done.stderr
    return done


def write_recordings(folder: Path) -> Path:
    """A wav file with a .txt beside it for each of TEXTS, and `all.jsonl`, the manifest of them all."""
    rows = []
    for text in TEXTS:
        stem = folder / text.replace(" ", "-")
        soundfile.write(stem.with_suffix(".wav"), say(text), SAMPLE_RATE)
        stem.with_suffix(".txt").write_text(text)
        rows.append(json.dumps({"audio": f"{stem.name}.wav", "text": text}) + "\n")
    (folder / "all.jsonl").write_text("".join(rows))
    return folder


def learn(data: Path, run: Path) -> Path:
    """Train on the recordings until they are known by heart."""
    changes = [part for change in (*SMALL_AND_QUICK, *EXACTLY_AS_RECORDED) for part in ("--set", change)]
    done = speech2text("train", "--data", data, "--run", run, "--threads", 1, *changes)
    assert "dev WER (CTC greedy) 0.0 %" in done.stderr.splitlines()[-2]
    return run


def export(run: Path, bundle: Path) -> Path:
    """Write the run's bundle in fp32."""
    assert "graphs equal to the model" in speech2text("export", run, bundle).stderr
    return bundle
