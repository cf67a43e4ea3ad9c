"""What the trainers of the recogniser and of the language model share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from speech2text.errors import TrainingError

FINAL_RATE = 0.01
"""The learning rate at the end, as a share of the highest."""
AVERAGE_WARMUP = 10
"""The average keeps at most (1 + s) / (AVERAGE_WARMUP + s) of itself at step s: it soon forgets the random start."""
PRECISIONS = ("fp32", "bf16")
PRECISION_ROUNDS = 3
CLEARLY_FASTER = 1.25
"""How much faster bf16 must be to be taken: it is about 2 times where the processor has it, and chance is below."""


def learning_rate(step: int, steps: int, warmup_steps: int, highest: float) -> float:
    """The rate of step 0, 1, ... of `steps`: a linear warm-up, then a cosine (Loshchilov and Hutter 2017).

    The warm-up takes half of the steps at most, so that a short training, too, ends at a low rate.
    """
    warmup_steps = min(warmup_steps, steps // 2)
    if step < warmup_steps:
        return highest * (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * done))
    return highest * (FINAL_RATE + (1 - FINAL_RATE) * cosine)


@torch.no_grad()
def move_average(average: nn.Module, model: nn.Module, step: int, highest_decay: float) -> None:
    """Move averaged weights towards those of the model after step 0, 1, ...: they keep at most `highest_decay`."""
    decay = min(highest_decay, (1 + step) / (AVERAGE_WARMUP + step))
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


def faster_precision(run: Callable[[str], None]) -> str:
    """bf16 where the processor has it and `run` is clearly faster in it, else fp32; timed in turns, the best counts."""
    if not has_bf16():
        return "fp32"
    best = dict.fromkeys(PRECISIONS, math.inf)
    for _ in range(PRECISION_ROUNDS):
        for precision, seconds in best.items():
            started = time.perf_counter()
            run(precision)
            best[precision] = min(seconds, time.perf_counter() - started)
    return "bf16" if best["bf16"] * CLEARLY_FASTER < best["fp32"] else "fp32"


def check_gradient(norm: Tensor, step: int, cure: str) -> None:
    """See that a step may be taken.

    Raises:
        TrainingError: the norm of its gradient is not finite.
    """
    if not norm.isfinite():
        raise TrainingError(f"step {step} has no finite gradient: {cure}")
