"""How sure a word error rate is, or that of two systems one is better: counts of each utterance in, the bootstrap out.

Another test set of the same kind would have had other speakers, some easy and some hard, so it is speakers that are
drawn with replacement: the utterances of one voice succeed and fail together, and to draw utterances would promise too
much. A handful of speakers cannot tell how different speakers are: below about ten, the interval is too narrow. Where
all have the same rate, draws cannot tell anything, and there is no interval.

Two systems are compared on the same draws (Bisani and Ney 2004, "Bootstrap estimates for confidence intervals in ASR
performance evaluation"): what makes a speaker hard is hard for both, so a difference is found where the two intervals
still overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from speech2text.evaluation.error_rate import Counts

RESAMPLES = 2000
LEVEL = 0.95
Units: TypeAlias = Literal["speakers", "utterances"]
"""What is drawn with replacement."""
FEWEST_UNITS = 10
"""With fewer, the draws differ less than other test sets would."""
_DRAWS_AT_ONCE = 1 << 22
"""Bounds the memory of the draws (8 bytes each); the result does not depend on it."""


@dataclass(frozen=True)
class Interval:
    """The error rate of a corpus, or a difference of two, is between `low` and `high` in 95 % of the resampled corpora.

    A resampled corpus has `size` `units` with words, and perhaps others without.
    """

    low: float
    high: float
    units: Units
    size: int

    @property
    def doubt(self) -> str:
        """Why this, and a probability of the same draws, is not to be trusted; "" where it is."""
        return f"too few to trust: fewer than {FEWEST_UNITS} {self.units}" if self.size < FEWEST_UNITS else ""


@dataclass(frozen=True)
class Improvement:
    """The error rate of a system minus that of another on the same utterances: below zero where it is better.

    The difference lies within `interval` in 95 % of the resampled corpora, and the system has the lower error rate in
    the share `probability` of them (Bisani and Ney's probability of improvement; a draw counts half, so a system
    against itself has 0.5).
    """

    difference: float
    interval: Interval
    probability: float


def voice(corpus: str, speaker: str) -> str:
    """A speaker for `bootstrap` and `compare`, named within the corpus: two may each have a "01". None stays none."""
    return speaker and f"{corpus}\n{speaker}"


def bootstrap(counts: Sequence[Counts], speakers: Sequence[str] | None = None, seed: int = 0) -> Interval | None:
    """The interval of the error rate of all `counts` together; the same input and seed give the same interval.

    Units are speakers where at least two are known (an utterance whose speaker is "" is a unit of its own), else
    utterances. None where nothing can be drawn: fewer than two units, or no unit with a word in its reference. None too
    where all units have one rate, 0 perhaps: a width of zero would promise that no other test set has another.
    """
    draws = _draw([count.errors for count in counts], [count.reference for count in counts], speakers, seed)
    return draws.interval() if draws and np.ptp(draws.rates) else None


def compare(
    counts: Sequence[Counts], others: Sequence[Counts], speakers: Sequence[str] | None = None
) -> Improvement | None:
    """How much lower the error rate of `counts` is than that of `others`, the same utterances by another system.

    Units are drawn as in `bootstrap`. None where nothing can be drawn; a system against itself has an interval of zero
    width.

    Raises:
        ValueError: the references of the two differ.
    """
    if [count.reference for count in counts] != [other.reference for other in others]:
        raise ValueError("the two systems are scored on different references; give the same utterances in one order")
    more = [count.errors - other.errors for count, other in zip(counts, others, strict=True)]
    lengths = [count.reference for count in counts]
    differences = _draw(more, lengths, speakers, seed=0)
    if differences is None:
        return None
    better = np.mean(differences.rates < 0) + np.mean(differences.rates == 0) / 2
    return Improvement(sum(more) / sum(lengths), differences.interval(), float(better))


@dataclass(frozen=True, eq=False)
class _Draws:
    """The rates (R,) of resampled corpora of `size` `units` that have words."""

    rates: NDArray[np.float64]
    units: Units
    size: int

    def interval(self) -> Interval:
        low, high = np.quantile(self.rates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Interval(float(low), float(high), self.units, self.size)


def _draw(errors: Sequence[int], lengths: Sequence[int], speakers: Sequence[str] | None, seed: int) -> _Draws | None:
    units, groups = _group(speakers or [""] * len(errors), len(errors))
    size = int(groups.max(initial=-1)) + 1
    if size < 2 or not any(lengths):
        return None
    wrong, spoken = _sum_by_group(groups, errors, size), _sum_by_group(groups, lengths, size)
    rates = _resample(wrong, spoken, np.random.default_rng(seed))
    return _Draws(rates, units, int(np.count_nonzero(spoken)))


def _group(speakers: Sequence[str], utterances: int) -> tuple[Units, NDArray[np.int64]]:
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
