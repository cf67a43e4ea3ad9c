"""What every search returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """One reading of an utterance.

    tokens: without END; score: what the search ranked by; ctc_score: the natural log-probability of the whole reading
    under CTC, -inf when the tokens need more frames than the memory has.
    """

    tokens: tuple[int, ...]
    score: float
    ctc_score: float


EMPTY = Hypothesis(tokens=(), score=0.0, ctc_score=0.0)
"""The reading of an utterance without a single frame."""
