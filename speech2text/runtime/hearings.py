"""One span heard at several speeds, and one text of it: minimum Bayes risk over N-best lists (Goel and Byrne 2000).

A listener that hears the same span a little slower or faster makes other errors, while what it has right mostly stays.
Each hearing gives its best readings, whose scores, as they are, are taken for logarithms of posteriors; their mean over
the hearings is the posterior of a text, and of all texts that with the fewest word errors to be expected is taken.
`python -m recipes.measurements.hearings` prints what that brings, and what it costs.

What the guards say comes first. Where most hearings hear nothing, nothing is said; the others have no vote then, nor do
those that hear nothing where most hear something. A reading that CTC alone gave, in place of one that looped, is taken
only where there is no other.
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

N_BEST = 8
"""Readings of each hearing that count; half as many bring a little less, and three times as many no more."""

AsText = Callable[[Sequence[int]], str]
"""Turns tokens into words with spaces between them."""


@dataclass(frozen=True)
class Hearing:
    """A span as it was heard at one speed.

    memory: what the listener made of it; frame: how much of the span a memory frame takes; readings: those that the
    guards let pass, best first, none where they let none; guard: the one that took the best away, if one did; fired:
    the same, or where hot words were taken away and the span was read again without them, what had taken those.
    """

    memory: Memory
    frame: Seconds
    readings: Sequence[Hypothesis]
    guard: str | None
    fired: str | None

    @property
    def best(self) -> Hypothesis:
        """Its own reading."""
        return self.readings[0] if self.readings else EMPTY


@dataclass(frozen=True)
class Consensus:
    """What was said: the tokens, in the hearing whose they are, and all texts, best first."""

    hearing: Hearing
    tokens: tuple[int, ...]
    alternatives: tuple[Alternative, ...]


def change_speed(samples: FloatArray, speed: float) -> FloatArray:
    """Samples (N,) as if spoken `speed` times as fast, (ceil(N / speed),), by linear interpolation.

    A filter as that of audio/resampling.py leaves no sound at all in slower speech above the highest that it had, and
    no training has heard the like: what it makes is recognised worse (recipes/english/README.md).
    """
    if speed == 1.0:
        return samples
    places = np.arange(0, len(samples), speed)
    changed: FloatArray = np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
    return changed


def combine(hearings: Sequence[Hearing], as_text: AsText) -> Consensus:
    """What one or more hearings of a span, that at its own speed first, say together; see the module.

    Where one alone counts, it is its own reading, and the texts have the scores of the search. Else the texts have the
    logarithms of their posteriors as scores, and the tokens are of the hearing where the text has the highest.
    """
    voters = _voters(hearings)
    if len(voters) == 1:
        return _own(voters[0], as_text)
    posteriors = [_posteriors(hearing, as_text) for hearing in voters]
    mean: dict[str, float] = defaultdict(float)
    for each in posteriors:
        for text, posterior in each.items():
            mean[text] += posterior / len(voters)
    texts = sorted((text for text in mean if mean[text] > 0), key=lambda text: -mean[text])
    best = texts.pop(_least_risk([text.split() for text in texts], [mean[text] for text in texts]))
    hearing = voters[max(range(len(voters)), key=lambda index: posteriors[index].get(best, 0.0))]
    tokens = next(each.tokens for each in hearing.readings if as_text(each.tokens) == best)
    return Consensus(hearing, tokens, tuple(Alternative(text, math.log(mean[text])) for text in [best, *texts]))


def _voters(hearings: Sequence[Hearing]) -> Sequence[Hearing]:
    """The hearings that count, one at least; between as many that hear something and nothing the first decides."""
    spoken = [each for each in hearings if each.best.tokens]
    silent = [each for each in hearings if not each.best.tokens]
    if len(silent) > len(spoken) or (len(silent) == len(spoken) and hearings[0] is silent[0]):
        return silent[:1]
    return [each for each in spoken if each.guard is None] or spoken[:1]


def _own(hearing: Hearing, as_text: AsText) -> Consensus:
    """Each text once with its best score: a word can be spelled by several rows of pieces."""
    scores: dict[str, float] = {}
    for reading in hearing.readings:
        scores.setdefault(as_text(reading.tokens), reading.score)
    alternatives = tuple(Alternative(text, score) for text, score in scores.items())
    return Consensus(hearing, hearing.best.tokens, alternatives)


def _posteriors(hearing: Hearing, as_text: AsText) -> Mapping[str, float]:
    """The posterior of each text among the readings that count."""
    readings = hearing.readings[:N_BEST]
    scores = np.array([reading.score for reading in readings])
    posteriors: dict[str, float] = defaultdict(float)
    for reading, posterior in zip(readings, np.exp(scores - np.logaddexp.reduce(scores)).tolist(), strict=True):
        posteriors[as_text(reading.tokens)] += posterior
    return posteriors


def _least_risk(texts: Sequence[Sequence[str]], probabilities: Sequence[float]) -> int:
    """Which of the texts t, rows of words, has the least Σ_u p(u) · d(t, u), d being the edit distance in words.

    Of several the first.
    """
    from rapidfuzz.distance import Levenshtein  # whoever hears once starts without it

    risks = [
        sum(p * Levenshtein.distance(text, other) for other, p in zip(texts, probabilities, strict=True))
        for text in texts
    ]
    return risks.index(min(risks))
