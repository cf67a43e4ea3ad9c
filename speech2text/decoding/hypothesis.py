"""What every search returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """One reading of an utterance.

    tokens: without END; score: what the search ranked by; ctc_score, attention_score: natural log-probabilities of
    the whole reading (END included) under CTC and the speller. ctc_score is -inf when the tokens need more frames
    than the memory has. term_scores: what each further term of the search added to the score, in their order.
    """

    tokens: tuple[int, ...]
    score: float
    ctc_score: float
    attention_score: float
    term_scores: tuple[float, ...] = ()


EMPTY = Hypothesis(tokens=(), score=0.0, ctc_score=0.0, attention_score=0.0)
"""The reading of an utterance without a single frame."""
