"""What sound may be: beyond it a header is damaged, or an option mistyped."""

LEAST_RATE, MOST_RATE = 1_000, 768_000
MOST_CHANNELS = 64

SAMPLE_TYPES = {"s16le": "<i2", "s32le": "<i4", "f32le": "<f4"}
"""NumPy's type of a raw sample by the name that ffmpeg and PulseAudio use: signed integers, and floats from -1 to 1."""
