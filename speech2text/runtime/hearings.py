"""One span heard at several speeds, and the reading on which the hearings agree best.

A listener that hears the same span a little slower or faster makes other errors, while what it has right mostly stays.
So each hearing gives its likeliest readings, whose scores become the probabilities of their texts; the mean over all
hearings is what is believed, and of all texts that with the fewest word errors to be expected is taken (Goel and Byrne
2000). `python -m recipes.measurements.hearings` prints what that brings, and what it costs.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from speech2text.decoding.hypothesis import EMPTY, Hypothesis
from speech2text.decoding.protocols import FloatArray, Memory
from speech2text.text.transcript import Alternative, Seconds

POOLED = 8
"""Readings of each hearing that count; half as many bring a little less, and three times as many no more."""

AsText = Callable[[Sequence[int]], str]
"""Turns tokens into words with spaces between them."""


@dataclass(frozen=True)
class Hearing:
    """A span as it was heard at one speed.

    memory: what the listener made of it; frame: how much of the span a memory frame takes; readings: those that the
    guards let pass, best first, none where nothing was said; guard: the one that took the best away, if one did.
    """

    memory: Memory
    frame: Seconds
    readings: Sequence[Hypothesis]
    guard: str | None

    @property
    def best(self) -> Hypothesis:
        """Its own reading."""
        return self.readings[0] if self.readings else EMPTY


@dataclass(frozen=True)
class Verdict:
    """What was said: the tokens, in the hearing that gave them, and all texts, best first."""

    hearing: Hearing
    tokens: tuple[int, ...]
    alternatives: tuple[Alternative, ...]


def change_speed(samples: FloatArray, speed: float) -> FloatArray:
    """Samples (N,) as if spoken `speed` times as fast, (about N / speed,), by linear interpolation.

    A filter as that of audio/resampling.py leaves no sound at all in slower speech above the highest that it had, and
    no training has heard the like: what it makes is recognised worse (recipes/english/README.md).
    """
    if speed == 1.0:
        return samples
    places = np.arange(0, len(samples), speed)
    changed: FloatArray = np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
    return changed


def agree(hearings: Sequence[Hearing], as_text: AsText) -> Verdict:
    """The verdict of one or more hearings of a span.

    Of one it is its own reading, and the texts have the scores of the search. Of several it is the text of least risk,
    the texts have the logarithms of their probabilities as scores, and the hearing is the one that believes most in it.
    """
    if len(hearings) == 1:
        return _verdict_of_one(hearings[0], as_text)
    beliefs = [_beliefs(hearing, as_text) for hearing in hearings]
    mean: dict[str, float] = defaultdict(float)
    for belief in beliefs:
        for text, probability in belief.items():
            mean[text] += probability / len(hearings)
    texts = sorted(mean, key=lambda text: -mean[text])
    best = texts.pop(_least_risk([text.split() for text in texts], [mean[text] for text in texts]))
    hearing = hearings[max(range(len(hearings)), key=lambda index: beliefs[index].get(best, 0.0))]
    tokens = next((each.tokens for each in hearing.readings if as_text(each.tokens) == best), ())
    return Verdict(hearing, tokens, tuple(Alternative(text, math.log(mean[text])) for text in [best, *texts]))


def _verdict_of_one(hearing: Hearing, as_text: AsText) -> Verdict:
    """Each text once with its best score: a word can be spelled by several rows of pieces."""
    scores: dict[str, float] = {}
    for reading in hearing.readings:
        scores.setdefault(as_text(reading.tokens), reading.score)
    alternatives = tuple(Alternative(text, score) for text, score in scores.items())
    return Verdict(hearing, hearing.best.tokens, alternatives)


def _beliefs(hearing: Hearing, as_text: AsText) -> Mapping[str, float]:
    """The probability of each text that a hearing gives; of its own alone where a guard has spoken."""
    readings = [hearing.best] if hearing.guard or not hearing.readings else hearing.readings[:POOLED]
    scores = np.array([reading.score for reading in readings])
    shares = np.exp(scores - scores.max())
    beliefs: dict[str, float] = defaultdict(float)
    for reading, share in zip(readings, shares / shares.sum(), strict=True):
        if share > 0:
            beliefs[as_text(reading.tokens)] += float(share)
    return beliefs


def _least_risk(texts: Sequence[Sequence[str]], probabilities: Sequence[float]) -> int:
    """Which of the texts t, rows of words, has the least Σ_u p(u) · d(t, u), d being the edit distance in words.

    Of several the first. It is what Goel and Byrne (2000, eq. 4) call the minimum Bayes risk over a list.
    """
    from rapidfuzz.distance import Levenshtein  # whoever hears once starts without it

    risks = [
        sum(p * Levenshtein.distance(text, other) for other, p in zip(texts, probabilities, strict=True))
        for text in texts
    ]
    return risks.index(min(risks))
