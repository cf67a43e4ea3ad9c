"""Raw PCM, sound without a header: bytes to samples. Rate, channels and encoding must be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech2text.audio.limits import SAMPLE_TYPES
from speech2text.errors import AudioError

ENCODINGS: Mapping[str, np.dtype[Any]] = {name: np.dtype(kind) for name, kind in SAMPLE_TYPES.items()}


def decode_pcm(data: bytes, encoding: str = "s16le", channels: int = 1) -> NDArray[Any]:
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
