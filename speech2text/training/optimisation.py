"""What the trainers of the recogniser and of the language model share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache

import torch
from torch import nn

from speech2text.errors import TrainingError

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


@cache
def has_bf16() -> bool:
    """Whether this processor can train LSTM layers in bf16; torch has no such layers for those without AVX-512."""
    with torch.random.fork_rng(devices=[]):  # whoever asks draws the same afterwards
        layer = nn.LSTM(8, 8)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            layer(torch.zeros(1, 1, 8))[0].sum().backward()
    except RuntimeError:
        return False
    return True


def check_precision(precision: str, source: str) -> None:
    """See that this processor can compute in a precision.

    Raises:
        TrainingError: it is bf16 and the processor cannot; `source` says what asked for it.
    """
    if precision == "bf16" and not has_bf16():
        raise TrainingError(f"{source}: this processor cannot train in bf16; use another, or start anew with fp32")


def time_precisions(run: Callable[[str], None]) -> dict[str, float]:
    """The fewest seconds of `run` in each precision that the processor has, timed in turns as others may disturb."""
    best = dict.fromkeys(("fp32", "bf16") if has_bf16() else ("fp32",), math.inf)
    for _ in range(PRECISION_ROUNDS):
        for precision, seconds in best.items():
            started = time.perf_counter()
            run(precision)
            best[precision] = min(seconds, time.perf_counter() - started)
    return best
