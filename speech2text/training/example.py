"""A recording that a run keeps, so that a bundle made of it can bring a sample."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speech2text.training.corpus import PCM_SCALE


def find_example(run: Path) -> NDArray[np.float32] | None:
    """The samples (N,) at 16 kHz of the first usable dev recording of a run, else of its training recordings.

    None when the run's cache was deleted.
    """
    for name in ("dev", "train"):
        cache = run / "cache" / name
        if not (cache.with_suffix(".json").is_file() and cache.with_suffix(".pcm").is_file()):
            continue
        lengths = json.loads(cache.with_suffix(".json").read_text(encoding="utf-8"))["lengths"]
        first = next((length for length in lengths if length), 0)  # those left out have length 0 and no samples
        if not first:
            continue
        return np.fromfile(cache.with_suffix(".pcm"), np.int16, first).astype(np.float32) / PCM_SCALE
    return None
