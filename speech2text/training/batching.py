"""The batches of an epoch: lengths in, rows of indices out, each index once, each row of similar lengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speech2text.audio.files import SAMPLE_RATE

RECORDING_JITTER, SENTENCE_JITTER = 0.15, 0.3
"""Lengths are blurred by up to this share first, so that what shares a batch changes every epoch."""


def batch_recordings(
    lengths: NDArray[np.int64], batch_seconds: float, seed: int, epoch: int
) -> list[NDArray[np.int64]]:
    """Batches of recordings of `lengths` (N,) in samples at 16 kHz: at most `batch_seconds` each with the padding.

    A recording that is longer is alone in its batch. What augmentation adds, room around speech and a slower speed,
    comes on top: of recordings of half a second a step may hear twice as much.
    """
    random = np.random.default_rng([seed, epoch])
    order = _blurred_order(lengths, RECORDING_JITTER, random)
    begins, longest = [0], 0
    for position, length in enumerate(lengths[order].tolist()):
        longest = max(longest, length)
        if position > begins[-1] and longest * (position - begins[-1] + 1) > batch_seconds * SAMPLE_RATE:
            begins.append(position)
            longest = length
    return _cut_and_shuffle(order, begins[1:], random)


def batch_sentences(
    lengths: NDArray[np.int64], batch_tokens: int, random: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Batches of sentences of `lengths` (N,) in tokens: about `batch_tokens` each without the padding."""
    order = _blurred_order(lengths, SENTENCE_JITTER, random)
    begins = np.flatnonzero(np.diff(np.cumsum(lengths[order]) // batch_tokens)) + 1
    return _cut_and_shuffle(order, begins, random)


def _blurred_order(lengths: NDArray[np.int64], jitter: float, random: np.random.Generator) -> NDArray[np.int64]:
    """The indices (N,), those of about the shortest first."""
    return np.argsort(lengths * random.uniform(1 - jitter, 1 + jitter, len(lengths)))


def _cut_and_shuffle(
    order: NDArray[np.int64], begins: Sequence[int] | NDArray[np.int64], random: np.random.Generator
) -> list[NDArray[np.int64]]:
    """The order cut where all batches but the first begin, the batches in random order."""
    batches = np.split(order, begins) if len(order) else []
    return [batches[position] for position in random.permutation(len(batches))]
