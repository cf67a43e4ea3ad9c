"""What sound may be: beyond it a header is damaged, or an option mistyped."""

LEAST_RATE, MOST_RATE = 1_000, 768_000
MOST_CHANNELS = 64
UNKNOWN_BYTES = 2**31 - 2**24
"""Programs that write to a pipe give sizes from here on, or 0: the size is not known."""

SAMPLE_TYPES = {"s16le": "<i2", "s32le": "<i4", "f32le": "<f4"}
"""NumPy's type of a raw sample by the name that ffmpeg and PulseAudio use: signed integers, and floats from -1 to 1."""
