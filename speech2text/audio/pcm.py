"""Raw PCM, sound without a header: bytes to samples, where rate, channels and encoding must be told; and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech2text.audio.limits import SAMPLE_TYPES
from speech2text.errors import AudioError

ENCODINGS: Mapping[str, np.dtype[Any]] = {name: np.dtype(kind) for name, kind in SAMPLE_TYPES.items()}


PCM_SCALE = 32768.0
"""The number of 16 bits that stands for a sample of 1."""


def encode_pcm(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Samples of any shape from -1 to 1 as integers of 16 bits; what is louder is clipped."""
    return np.clip(np.round(samples * PCM_SCALE), -PCM_SCALE, PCM_SCALE - 1).astype(np.int16)


def decode_pcm(data: bytes, encoding: str, channels: int) -> NDArray[Any]:
    """Samples (N, channels) of the encoding's type, as a view of the bytes.

    Raises:
        AudioError: the bytes end within a frame, which is one sample of each channel.
        KeyError: no such encoding.
    """
    sample = ENCODINGS[encoding]
    frame_bytes = sample.itemsize * channels
    if len(data) % frame_bytes:
        raise AudioError(
            f"{len(data)} bytes are no whole frames ({encoding}, {channels} channels: {frame_bytes} bytes each); "
            "check encoding and channels, and cut between frames"
        )
    return np.frombuffer(data, sample).reshape(-1, channels)
