"""How far sound rises above the noise of the room, from frame to frame. Samples are mono, 16 kHz.

Speech in noise is louder than the noise somewhere in the spectrum long before it is louder as a whole, so the two are
compared in bands. That is all that is known of speech in here; `python -m recipes.measurements.pauses` compares it with
a neural detector.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.decoding.protocols import FloatArray

Array = NDArray[np.float64]

FRAME = SAMPLE_RATE // 100
"""Samples in a frame: 10 ms."""
LEAST_LEVEL = -80.0
"""Decibels of full scale in a band; what is quieter counts as this. 16 bits hold no speech down there."""

_WINDOW = 400  # 25 ms, as the listener's frontend
_SMOOTHED = 10  # frames, 100 ms: shorter than any pause that matters
_BANDS = [-(-hertz * _WINDOW // SAMPLE_RATE) for hertz in (100, 400, 800, 1400, 2300, 4000)]
"""The first line of the spectrum in each band; the last band ends at 8 kHz, and hum and rumble lie below the first."""
_PART_FRAMES = 50
_PARTS = 8  # 4 s: nobody speaks as long as that without a closure or a breath


class Loudness:
    """Measures a recording that comes in blocks; however it is cut, the frames get the same values.

    The level of a frame is the power of its last 100 ms in each of six bands. The noise of the room is the least level
    of the last 4 s (minimum statistics, Martin 2001, without its correction for bias); before a recording begins it is
    taken to be silent, so that nothing which may be speech passes for noise at once.
    """

    def __init__(self) -> None:
        self._shape = np.hanning(_WINDOW)
        self._scale = 2 / (_WINDOW * np.square(self._shape).sum())  # a spectrum's sum to the power of its samples
        self._rest = np.zeros(_WINDOW - FRAME, np.float32)  # what the next window begins with, and more
        self._powers = np.zeros((_SMOOTHED - 1, len(_BANDS)))
        silence = np.full(len(_BANDS), LEAST_LEVEL)
        self._parts = deque([silence] * _PARTS, _PARTS)  # the least levels of the last parts of 0.5 s
        self._part = np.full_like(silence, np.inf)  # the least levels of this part
        self._part_frames = 0

    def feed(self, block: FloatArray) -> list[float]:
        """For each frame completed by these samples (N,): decibels above the noise, in the band where they are most."""
        samples = np.concatenate([self._rest, block])
        frames = (len(samples) - (_WINDOW - FRAME)) // FRAME
        self._rest = samples[frames * FRAME :].copy()
        if not frames:
            return []
        windows = samples[FRAME * np.arange(frames)[:, None] + np.arange(_WINDOW)]
        levels = self._levels(windows)  # (frames, bands)
        above: list[float] = (levels - self._noise(levels)).max(axis=1).tolist()
        return above

    def finish(self) -> list[float]:
        """The same for the last frame, if the recording ends within it."""
        left = len(self._rest) - (_WINDOW - FRAME)
        return self.feed(np.zeros(FRAME - left, np.float32)) if left else []

    def _levels(self, windows: FloatArray) -> Array:
        """Smoothed levels (frames, bands) of windows (frames, samples), in decibels of full scale."""
        spectrum = np.square(np.abs(np.fft.rfft(windows * self._shape)))  # (frames, lines)
        in_bands = self._scale * np.add.reduceat(spectrum, _BANDS, axis=1)  # each row alone, unlike a matrix product
        powers = np.concatenate([self._powers, in_bands])
        self._powers = powers[len(windows) :]
        smooth = sum(powers[first : first + len(windows)] for first in range(_SMOOTHED)) / _SMOOTHED
        levels: Array = 10 * np.log10(np.maximum(smooth, 10 ** (LEAST_LEVEL / 10)))
        return levels

    def _noise(self, levels: Array) -> Array:
        """The noise (frames, bands) at each of the next frames."""
        noise = np.empty_like(levels)
        begin = 0
        while begin < len(levels):
            end = min(begin + _PART_FRAMES - self._part_frames, len(levels))
            least = np.minimum.accumulate(np.concatenate([self._part[None], levels[begin:end]]))[1:]
            noise[begin:end] = np.minimum(least, np.min(self._parts, axis=0))
            self._part = least[-1]
            self._part_frames += end - begin
            if self._part_frames == _PART_FRAMES:
                self._parts.append(self._part)
                self._part = np.full_like(self._part, np.inf)
                self._part_frames = 0
            begin = end
        return noise
