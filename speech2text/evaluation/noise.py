"""Speech in noise: samples (N,) of speech and of noise in, their sum at a signal-to-noise ratio in decibels out.

The level of speech is that of its active part: the mean power of the frames of 20 ms that are at most 15.9 dB (the
margin of ITU-T P.56) below the mean power of the whole recording. So a long pause before and after the words does not
make the noise weaker. The level of noise is its mean power over the whole recording. The sum is not clipped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

_RATE = 16_000
_FRAME = _RATE // 50
_LOWEST_HERTZ = 20.0
_MARGIN = 10 ** (-15.9 / 10)


def add_noise(speech: FloatArray, noise: FloatArray, snr: float) -> FloatArray:
    """Speech (N,) with noise (N,), whose power is `snr` dB below that of the active speech.

    Without any speech or any noise, as in digital silence, there is no ratio and the speech is returned as it is.
    """
    noise_power = float(np.mean(np.square(noise, dtype=np.float64))) if len(noise) else 0.0
    if noise_power == 0:
        return speech
    gain = np.sqrt(active_power(speech) / noise_power / 10 ** (snr / 10))
    noisy: FloatArray = speech + np.float32(gain) * noise
    return noisy


def active_power(speech: FloatArray) -> float:
    """The mean power of the active frames of speech (N,); 0 for silence and for no samples."""
    if len(speech) == 0:
        return 0.0
    squares = np.square(speech, dtype=np.float64)
    starts = np.arange(0, len(speech), _FRAME)
    lengths = np.diff(starts, append=len(speech))
    frames = np.add.reduceat(squares, starts) / lengths
    active = frames >= _MARGIN * squares.mean()
    return float(np.average(frames[active], weights=lengths[active]))


def cut_noise(clip: FloatArray, length: int, generator: np.random.Generator) -> FloatArray:
    """`length` samples of a clip (N,), N > 0, from a random place on; a short clip goes round and round.

    Where it is silent there for as long, they begin at a random one of its sounds.
    """
    start = int(generator.integers(len(clip) if len(clip) <= length else len(clip) - length + 1))
    cut = np.resize(np.roll(clip, -start), length)
    if cut.any() or not clip.any():
        return cut
    return np.resize(np.roll(clip, -int(generator.choice(np.flatnonzero(clip)))), length)


def make_pink_noise(length: int, generator: np.random.Generator) -> FloatArray:
    """`length` samples of noise of power 1 that loses 3 dB an octave from 20 Hz on.

    Fans, streets and amplifiers leave such a noise in a room, roughly.
    """
    if length == 0:
        return np.zeros(0, np.float32)
    spectrum = np.fft.rfft(generator.standard_normal(length))
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(length, 1 / _RATE), _LOWEST_HERTZ))
    noise = np.fft.irfft(spectrum, length)
    pink: FloatArray = (noise / np.sqrt(np.mean(np.square(noise)))).astype(np.float32)
    return pink
