"""What the trainers of the recogniser and of the language model share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import nn

PRECISION_ROUNDS = 3


@torch.no_grad()
def move_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move averaged weights towards those of the model: `decay` is what they keep."""
    for averaged, weights in zip(average.parameters(), model.parameters(), strict=True):
        averaged.lerp_(weights, 1 - decay)


def time_precisions(run: Callable[[str], None]) -> dict[str, float]:
    """The fewest seconds of `run` in fp32 and in bf16, timed in turns, since other programs may take their share."""
    best = {"fp32": math.inf, "bf16": math.inf}
    for _ in range(PRECISION_ROUNDS):
        for precision, seconds in best.items():
            started = time.perf_counter()
            run(precision)
            best[precision] = min(seconds, time.perf_counter() - started)
    return best
