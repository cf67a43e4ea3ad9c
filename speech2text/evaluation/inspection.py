"""What a model did with one recording, ready to be drawn: sounds and pictures as bytes, attention as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Spike:
    """A piece of the text between the times of its CTC alignment, in seconds, and its mean posterior there."""

    piece: str
    start: float
    end: float
    posterior: float


@dataclass(frozen=True, eq=False)
class Spelling:
    """One stretch of the recording as it was spelled, from `start` (seconds) on.

    attention: (L + 1, T), where the speller looked for each of L pieces and for the end, in frames of `frame` seconds;
    spikes: the pieces as CTC aligns them, or none where CTC cannot have said so many.
    """

    start: float
    frame: float
    attention: NDArray[np.float32]
    spikes: tuple[Spike, ...]


@dataclass(frozen=True)
class Media:
    """A file within a page: its bytes and what kind they are, as "image/webp"."""

    kind: str
    data: bytes


@dataclass(frozen=True, eq=False)
class Inspection:
    """A recording of `duration` seconds, its spectrogram if it is not too long to be drawn, and how it was spelled."""

    duration: float
    audio: Media
    spectrogram: Media | None
    spellings: tuple[Spelling, ...]
