"""How sure to be of a word: from CTC's posteriors of its tokens to the share of such words that is right.

A network's own posteriors do not mean what they say (Guo et al. 2017, "On calibration of modern neural networks").
Platt scaling (Platt 1999) mends that with two numbers, which recipes/measurements/calibration.py fits on development
data: the log-odds of the evidence are stretched and shifted. It is monotone, so that the order of words stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, prod

import numpy as np

LEAST_EVIDENCE = 1e-3
"""Evidence nearer to 0 or 1 than this counts as this: such certainty was never earned."""
_NEWTON_STEPS = 20  # it converges in five


def word_confidence(posteriors: Sequence[float], slope: float = 1.0, bias: float = 0.0) -> float:
    """`sigmoid(slope * log-odds of the evidence + bias)`, (0 to 1), of a word's token posteriors, each 0 to 1.

    The evidence is their geometric mean: one doubtful token makes a doubtful word. Without slope and bias it is the
    confidence itself.
    """
    evidence = prod(posteriors) ** (1 / len(posteriors))
    return 1 / (1 + exp(-(slope * log_odds(evidence) + bias)))


def log_odds(probability: float) -> float:
    """`log(p / (1 - p))`, of what is nearer to 0 or 1 than `LEAST_EVIDENCE` as if it were that far away."""
    bounded = min(max(probability, LEAST_EVIDENCE), 1 - LEAST_EVIDENCE)
    return log(bounded / (1 - bounded))


def fit_scaling(confidences: Sequence[float], right: Sequence[bool]) -> tuple[float, float]:
    """The slope and bias with which unscaled confidences (N,) are likeliest to have come out right or wrong so.

    Logistic regression by Newton's method, held slightly towards slope 1 and bias 0 (one word's worth), so that it is
    defined when all words are right.

    Raises:
        ValueError: there are no words, or the surer words are not the better ones: their confidence is worth nothing.
    """
    if not confidences:
        raise ValueError("no words to fit confidences on")
    features = np.array([[log_odds(confidence), 1.0] for confidence in confidences])  # (N, 2)
    targets = np.array(right, dtype=np.float64)
    weights = neutral = np.array([1.0, 0.0])
    for _ in range(_NEWTON_STEPS):
        probabilities = 1 / (1 + np.exp(-features @ weights))
        slopes = features.T @ (targets - probabilities) - (weights - neutral)
        curvature = (features.T * (probabilities * (1 - probabilities))) @ features + np.eye(2)
        weights = weights + np.linalg.solve(curvature, slopes)
    slope, bias = weights.tolist()
    if slope <= 0:
        raise ValueError("the surer words are not the better ones; there is nothing to calibrate")
    return slope, bias
