"""A spoken line of a game."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speech2text.decoding.protocols import FloatArray

PLAIN_RATE = 11025
"""Of sound in unsigned bytes, as the games of the nineties have it."""


@dataclass(frozen=True)
class Line:
    """What is said and how it sounds.

    name: good for a file, and unlike that of any other line of the game.
    text: as it is shown, with its punctuation; may be empty.
    speaker: "" where the game does not tell.
    samples: (N,) at `rate` Hz.
    """

    name: str
    text: str
    speaker: str
    samples: FloatArray
    rate: int = PLAIN_RATE


def from_bytes(sound: bytes) -> FloatArray:
    """Samples (N,) of sound in unsigned bytes."""
    return np.asarray(np.frombuffer(sound, np.uint8) / np.float32(128) - np.float32(1), np.float32)
