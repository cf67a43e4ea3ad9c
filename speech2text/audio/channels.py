"""What may be lost where the channels of a recording are averaged."""

from __future__ import annotations

CANCELLED = "channels cancel each other out, one being the other turned over"
"""Of a recording, to be told with what to do."""

_AUDIBLE = 0.01
"""The peak of a channel in which something may be said."""
_LEAST_KEPT = 0.1
"""Of the peak that one channel alone would leave in the mean of all; with less they cancel each other out."""


def are_cancelled(mixed_peak: float, channel_peak: float, channels: int) -> bool:
    """Whether the mean of the channels of a whole recording has next to nothing of what is in one of them.

    Args:
        mixed_peak: of the mean, where 1 is full scale.
        channel_peak: the largest of a channel.
        channels: how many there are.
    """
    return channel_peak > _AUDIBLE and mixed_peak < _LEAST_KEPT * channel_peak / channels
