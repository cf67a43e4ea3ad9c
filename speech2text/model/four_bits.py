"""Weights in four bits: whole numbers from -7 to 7 and a step for each row.

Twice as many weights then fit into a bundle of a size. A model that is to be stored so hears with rounded weights while
it is trained, which costs it little (Fasoli et al. 2021); one that was not loses words.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

BITS = 4
MOST = 7
STEP = 0.24
"""Of the sixth moment of a row: its squared error is then a few hundredths above that of the best step, for normal rows
and for those with a few large weights, and the step follows the weights as they are trained."""


def four_bits(weights: Tensor) -> tuple[Tensor, Tensor]:
    """The whole numbers (rows, columns) and the steps (rows, 1) whose product stands for weights (rows, columns)."""
    step = STEP * weights.pow(6).mean(dim=1, keepdim=True).pow(1 / 6)
    step = step.clamp(min=torch.finfo(torch.float32).tiny)  # of a row of zeros
    return (weights / step).round().clamp(-MOST, MOST), step


def whole_weights(numbers: Tensor, step: Tensor) -> Tensor:
    """Weights (rows, columns) of which `four_bits` makes these numbers and steps again.

    They are the products of both, but for the numbers at the ends, which stand for larger weights too: these are made
    as large as gives the row its sixth moment back.
    """
    numbers, ends = numbers.double(), numbers.abs() == MOST
    others = numbers.masked_fill(ends, 0.0).pow(6).sum(dim=1, keepdim=True)
    size = (numbers.shape[1] / STEP**6 - others) / ends.sum(dim=1, keepdim=True).clamp(min=1)
    size = size.clamp(min=(MOST - 0.49) ** 6).pow(1 / 6)  # less would be rounded to the number below
    return (torch.where(ends, numbers.sign() * size, numbers) * step).float()


class Stored(Protocol):
    """A model of which a bundle may keep some weights in four bits."""

    def in_four_bits(self) -> list[Tensor]:
        """These weights, each (rows, columns); none if it is not to be kept so."""
        ...


@contextmanager
def as_stored(model: Stored) -> Iterator[None]:
    """Within it the weights that a bundle keeps in four bits are rounded; then they are what they were.

    Gradients that are taken within it are for the weights as they were, as if rounding changed nothing (Bengio et al.
    2013, straight-through).
    """
    kept = [(weights, weights.detach().clone()) for weights in model.in_four_bits()]
    with torch.no_grad():
        for weights, before in kept:
            numbers, step = four_bits(before)
            weights.copy_(numbers * step)
    try:
        yield
    finally:
        with torch.no_grad():
            for weights, before in kept:
                weights.copy_(before)
