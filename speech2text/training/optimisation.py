"""What the trainers of the recogniser and of the language model share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import nn

FINAL_RATE = 0.01
"""The learning rate at the end, as a share of the highest."""
PRECISION_ROUNDS = 3


def learning_rate(step: int, steps: int, warmup_steps: int, highest: float) -> float:
    """The rate of step 0, 1, ... of `steps`: a linear warm-up, then a cosine (Loshchilov and Hutter 2017)."""
    if step < warmup_steps:
        return highest * (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * done))
    return highest * (FINAL_RATE + (1 - FINAL_RATE) * cosine)


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
