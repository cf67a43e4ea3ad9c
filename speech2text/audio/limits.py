"""What sound may be: beyond it a header is damaged, or an option mistyped."""

LEAST_RATE, MOST_RATE = 1_000, 768_000
MOST_CHANNELS = 64
_UNKNOWN_BYTES = (range(1), *(range(2**bits - 2**24, 2**bits + 1) for bits in (31, 32, 63, 64)))

SAMPLE_TYPES = {"s16le": "<i2", "s32le": "<i4", "f32le": "<f4"}
"""NumPy's type of a raw sample by the name that ffmpeg and PulseAudio use: signed integers, and floats from -1 to 1."""


def says_nothing(stated_bytes: int) -> bool:
    """Whether a size in a header is one of those that programs give who write to a pipe: it is not known to them.

    These are 0, and about the most that a signed or an unsigned number of 32 or 64 bits can be.
    """
    return any(stated_bytes in sizes for sizes in _UNKNOWN_BYTES)
