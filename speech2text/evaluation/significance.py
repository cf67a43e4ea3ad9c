"""How sure a word error rate is: counts of each utterance in, the bootstrap's 95 % interval out.

Another test set of the same kind would have had other speakers, some easy and some hard, so it is speakers that are
drawn with replacement: the utterances of one voice succeed and fail together, and to draw utterances would promise too
much. A handful of speakers cannot tell how different speakers are: below about ten, the interval is too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from speech2text.evaluation.error_rate import Counts

RESAMPLES = 2000
LEVEL = 0.95
_DRAWS_AT_ONCE = 1 << 22
"""Bounds the memory of the draws (8 bytes each); the result does not depend on it."""


@dataclass(frozen=True)
class Interval:
    """The corpus error rate lies between `low` and `high` in 95 % of the resampled corpora of `size` `units`."""

    low: float
    high: float
    units: Literal["speakers", "utterances"]
    size: int


def bootstrap(counts: Sequence[Counts], speakers: Sequence[str] | None = None, seed: int = 0) -> Interval | None:
    """The interval of the error rate of all `counts` together; the same input and seed give the same interval.

    Units are speakers where at least two are known (an utterance whose speaker is "" is a unit of its own), else
    utterances. None where nothing can be drawn: fewer than two units, or no unit with a word in its reference.
    """
    units, groups = _group(speakers or [""] * len(counts), len(counts))
    size = int(groups.max(initial=-1)) + 1
    errors = _sum_by_group(groups, [count.errors for count in counts], size)
    lengths = _sum_by_group(groups, [count.reference for count in counts], size)
    if size < 2 or not lengths.any():
        return None
    rates = _resample(errors, lengths, np.random.default_rng(seed))
    low, high = np.quantile(rates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), units, size)


def _group(speakers: Sequence[str], utterances: int) -> tuple[Literal["speakers", "utterances"], NDArray[np.int64]]:
    """The unit of every utterance, as numbers from 0 in the order in which they first appear."""
    if len(speakers) != utterances:
        raise ValueError(f"{utterances} utterances but {len(speakers)} speakers; give one for each")
    if len(set(speakers) - {""}) < 2:
        return "utterances", np.arange(utterances)
    keys = [(speaker, -1 if speaker else index) for index, speaker in enumerate(speakers)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return "speakers", np.array([numbers[key] for key in keys])


def _sum_by_group(groups: NDArray[np.int64], values: Sequence[int], size: int) -> NDArray[np.int64]:
    return np.bincount(groups, weights=values, minlength=size).astype(np.int64)


def _resample(
    errors: NDArray[np.int64], lengths: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Error rates (up to RESAMPLES,) of corpora of as many units (G,) each; those without a word are left out."""
    size = len(errors)
    figures = np.stack([errors, lengths], axis=1)  # (G, 2)
    rows = max(1, _DRAWS_AT_ONCE // size)
    sums = np.concatenate(
        [
            generator.multinomial(size, np.full(size, 1 / size), min(rows, RESAMPLES - start)) @ figures  # (rows, 2)
            for start in range(0, RESAMPLES, rows)
        ]
    )
    spoken = sums[sums[:, 1] > 0]
    return np.asarray(spoken[:, 0] / spoken[:, 1], dtype=np.float64)
