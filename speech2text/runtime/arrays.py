"""Samples as people have them in Python, to what the listener hears: 16 kHz, mono, float32, -1 to 1."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech2text.audio.channels import CANCELLED, are_cancelled
from speech2text.audio.limits import LEAST_RATE, MOST_CHANNELS, MOST_RATE
from speech2text.audio.resampling import LOUDEST, resample
from speech2text.decoding.protocols import FloatArray
from speech2text.errors import AudioError, AudioWarning

_REMEDY = "check how they were made, or with which encoding they are read"


def to_mono(samples: NDArray[Any], sample_rate: int) -> FloatArray:
    """Samples (N,) or (N, channels) at `sample_rate` Hz as (M,) float32 at 16 kHz, channels averaged.

    Raises:
        AudioError, TypeError: as `mix_down`.
        ValueError, TypeError: as `check_rate`.

    Warns:
        AudioWarning: next to nothing is left of what the channels have, or integers are those of a narrower type.
    """
    check_rate(sample_rate)
    scaled = _scaled(samples)
    if narrow := _narrow_peak(np.asarray(samples)):
        fault = f"samples of at most {narrow} in an array of {samples.dtype}"
        warnings.warn(f"{fault}, so next to silence; give those of 16 bits as int16", AudioWarning, stacklevel=2)
    mono = _average(scaled)
    if scaled.ndim == 2 and are_cancelled(_peak(mono), _peak(scaled), scaled.shape[1]):
        warnings.warn(f"samples whose {CANCELLED}; give those of one of them", AudioWarning, stacklevel=2)
    return resample(mono, sample_rate)


def check_rate(sample_rate: int) -> None:
    """Raise ValueError for a rate in Hz that no recording has, as one in kHz, and TypeError for what is no number."""
    if not isinstance(sample_rate, Real):
        raise TypeError(f"a sample rate must be a number of Hz, not {sample_rate!r}")
    if not LEAST_RATE <= sample_rate <= MOST_RATE:  # NaN is refused too
        limits = f"{LEAST_RATE} to {MOST_RATE}"
        raise ValueError(f"a sample rate of {sample_rate} Hz is impossible; give that of the recording, {limits} Hz")


def mix_down(samples: NDArray[Any]) -> FloatArray:
    """Samples (N,) or (N, channels) as (N,) float32 at the same rate, channels averaged.

    Floats are taken as they are; signed integers are divided by the range of their type.

    Raises:
        AudioError: another shape or type, or NaN, infinite or absurdly large samples.
        TypeError: no NumPy array.
    """
    return _average(_scaled(samples))


def _scaled(samples: NDArray[Any]) -> FloatArray:
    """Samples (N,) or (N, channels), which are checked but for their values, as float32."""
    if not isinstance(samples, np.ndarray):
        raise TypeError(f"samples must be a NumPy array, not {type(samples).__name__}; np.array(samples) makes one")
    samples = np.asarray(samples)  # a masked array or a matrix has other rules for what comes now
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and not 1 <= samples.shape[1] <= MOST_CHANNELS):
        raise AudioError(f"an array of shape {samples.shape} is no sound; give samples (N,) or (N, channels)")
    if np.issubdtype(samples.dtype, np.signedinteger):
        scaled: FloatArray = samples.astype(np.float32) / -np.float32(np.iinfo(samples.dtype).min)
        return scaled
    if np.issubdtype(samples.dtype, np.floating):
        with np.errstate(over="ignore"):  # what is too large becomes infinite
            return samples.astype(np.float32)
    raise AudioError(f"an array of {samples.dtype} is no sound; give floats from -1 to 1, or signed integers")


def _narrow_peak(samples: NDArray[Any]) -> int:
    """The largest of integers that fit into 16 bits but are in a wider type; 0 for all else."""
    if not np.issubdtype(samples.dtype, np.signedinteger) or samples.dtype.itemsize <= 2 or not samples.size:
        return 0
    peak = max(int(samples.max()), -int(samples.min()))
    return peak if peak <= 2**15 else 0


def _average(scaled: FloatArray) -> FloatArray:
    """The mean of the channels (N,), whose values are checked."""
    with np.errstate(over="ignore", invalid="ignore"):
        mono = scaled if scaled.ndim == 1 else np.ascontiguousarray(scaled).mean(axis=1)  # a sum depends on the layout
    if not np.isfinite(mono).all():
        raise AudioError(f"NaN or infinite samples; {_REMEDY}")
    if _peak(mono) > LOUDEST:
        raise AudioError(f"samples of {_peak(mono):.0e}, and floats go from -1 to 1; {_REMEDY}")
    return np.ascontiguousarray(mono)


def _peak(samples: FloatArray) -> float:
    return float(np.abs(samples).max(initial=0.0))
