"""From any sample rate to 16 kHz, block by block: mono float32 in, mono float32 out.

The result does not depend on how the recording is cut into blocks: a whole file and a stream hear the same samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

SAMPLE_RATE = 16_000
"""Samples a second of everything the recogniser hears."""

LOUDEST = 100.0
"""Of samples where 1 is full scale: louder ones are of another scale, such as floats that were made of integers."""


class Resampler:
    """Carries the filter's state from block to block; at 16 kHz it passes blocks through unchanged.

    Args:
        rate: samples a second of what will be fed.
    """

    def __init__(self, rate: int) -> None:
        self._stream: Any = None
        if rate != SAMPLE_RATE:
            import soxr  # most recordings are 16 kHz already and start faster without it

            self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")

    def feed(self, block: FloatArray) -> FloatArray:
        """The samples (M,) at 16 kHz that are ready after the block (N,); they lag behind by the filter's delay."""
        return block if self._stream is None else self._run(block, last=False)

    def finish(self) -> FloatArray:
        """The samples the delay still held back; call once, after the last block."""
        nothing = np.zeros(0, np.float32)
        return nothing if self._stream is None else self._run(nothing, last=True)

    def _run(self, block: FloatArray, last: bool) -> FloatArray:
        ready: FloatArray = self._stream.resample_chunk(np.ascontiguousarray(block, np.float32), last=last)
        return ready


def resample(samples: FloatArray, rate: int) -> FloatArray:
    """A whole recording (N,) at 16 kHz (about N * 16000 / rate,)."""
    resampler = Resampler(rate)
    return np.concatenate([resampler.feed(samples), resampler.finish()])
