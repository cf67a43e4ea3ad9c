"""How sure to be of a word: from CTC's posteriors of its tokens to the share of such words that is right.

A network's own posteriors do not mean what they say (Guo et al. 2017, "On calibration of modern neural networks").
Platt scaling (Platt 1999) mends that with two numbers, which recipes/measurements/calibration.py fits on development
data: the log-odds of the evidence are stretched and shifted. It is monotone, so that the order of words stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, prod, tanh

import numpy as np

from speech2text.decoding.protocols import ScoreArray

LEAST_EVIDENCE = 1e-3
"""Evidence nearer to 0 or 1 than this counts as this: such certainty was never earned."""
_NEWTON_STEPS = 30  # it converges in some ten at most
_SMALL_STEP = 1e-6  # too small to go too far; what it gains is lost in rounding


def word_confidence(posteriors: Sequence[float], slope: float = 1.0, bias: float = 0.0) -> float:
    """`sigmoid(slope * log-odds of the evidence + bias)`, (0 to 1), of a word's token posteriors, each 0 to 1.

    The evidence is their geometric mean: one doubtful token makes a doubtful word. Without slope and bias it is the
    confidence itself.
    """
    evidence = prod(posteriors) ** (1 / len(posteriors))
    return (1 + tanh((slope * log_odds(evidence) + bias) / 2)) / 2  # the sigmoid, of any number


def log_odds(probability: float) -> float:
    """`log(p / (1 - p))`, of what is nearer to 0 or 1 than `LEAST_EVIDENCE` as if it were that far away."""
    bounded = min(max(probability, LEAST_EVIDENCE), 1 - LEAST_EVIDENCE)
    return log(bounded / (1 - bounded))


def fit_scaling(confidences: Sequence[float], right: Sequence[bool]) -> tuple[float, float]:
    """The slope and bias with which unscaled confidences (N,) are likeliest to have come out right or wrong so.

    Logistic regression by Newton's method, held slightly towards slope 1 and bias 0 (one word's worth), so that it is
    defined when all words are right. Where a model is sure and wrong a whole step goes too far, so it is halved then.

    Raises:
        ValueError: there are no words, or the surer words are not the better ones: their confidence is worth nothing.
    """
    if not confidences:
        raise ValueError("no words to fit confidences on")
    features = np.array([[log_odds(confidence), 1.0] for confidence in confidences])  # (N, 2)
    targets = np.array(right, dtype=np.float64)
    weights = neutral = np.array([1.0, 0.0])

    def log_likelihood(weights: ScoreArray) -> float:
        scores = features @ weights
        return float((targets * scores - np.logaddexp(0, scores)).sum() - np.square(weights - neutral).sum() / 2)

    for _ in range(_NEWTON_STEPS):
        probabilities = (1 + np.tanh(features @ weights / 2)) / 2  # the sigmoid, of any number
        slopes = features.T @ (targets - probabilities) - (weights - neutral)
        curvature = (features.T * (probabilities * (1 - probabilities))) @ features + np.eye(2)
        step = np.linalg.solve(curvature, slopes)
        while np.abs(step).max() > _SMALL_STEP and log_likelihood(weights + step) < log_likelihood(weights):
            step /= 2
        weights = weights + step
    slope, bias = weights.tolist()
    if slope <= 0:
        raise ValueError("the surer words are not the better ones; there is nothing to calibrate")
    return slope, bias
