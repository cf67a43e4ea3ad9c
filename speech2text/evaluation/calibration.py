"""Does a confidence mean what it says? Of the words heard with 80 % confidence, four of five should be right.

Words are put into bins of equal width by their confidence; the expected calibration error is the mean distance between
confidence and share of right words over the bins, each weighed by its words (Naeini et al. 2015; Guo et al. 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 10


@dataclass(frozen=True)
class Bin:
    """The words with a confidence from `low` to below `high` (the last bin holds 1 as well).

    `confidence` is their mean and `accuracy` the share of them that is right; both None where there are no words.
    """

    low: float
    high: float
    words: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Calibration:
    """How far confidences are from the truth: `error` between 0 (they mean what they say) and 1."""

    error: float
    words: int
    bins: tuple[Bin, ...]


def calibrate(confidences: Sequence[float], right: Sequence[bool]) -> Calibration | None:
    """The calibration of words by their confidences (0 to 1) and whether each is right; None without words."""
    if not confidences:
        return None
    values, hits = np.array(confidences, dtype=np.float64), np.array(right, dtype=np.float64)  # (N,), (N,)
    numbers = np.minimum((values * BINS).astype(np.int64), BINS - 1)
    rows = [_summarise(index, values[numbers == index], hits[numbers == index]) for index in range(BINS)]
    error = sum(row.words * abs((row.confidence or 0.0) - (row.accuracy or 0.0)) for row in rows) / len(values)
    return Calibration(float(error), len(values), tuple(rows))


def _summarise(index: int, values: np.ndarray, hits: np.ndarray) -> Bin:
    count = len(values)
    means = (float(values.mean()), float(hits.mean())) if count else (None, None)
    return Bin(index / BINS, (index + 1) / BINS, count, *means)
