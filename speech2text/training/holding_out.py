"""Holding out what a model is measured by: drawn by a hash of its name, so the same on every machine, in any order."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from speech2text.disk import as_utf8


def draw(name: str, size: int) -> float:
    """A number from 0 to 1 that is the name's own: the first `size` bytes of its hash as a fraction."""
    digest = hashlib.sha256(as_utf8(name)).digest()
    return int.from_bytes(digest[:size], "big") / 256**size


def hold_out(draws: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """Which are held out (N,), by their draws (N,): about `share` of them, equal draws together.

    Unless the share is 0 or all draws are equal, neither part is empty.
    """
    different = np.unique(draws)
    if not share or len(different) < 2:
        return np.zeros(len(draws), bool)
    return draws < np.clip(share, different[1], different[-1])
