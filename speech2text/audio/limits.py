"""What sound that comes without a file may be: beyond it a header is damaged, or an option mistyped."""

LEAST_RATE, MOST_RATE = 1_000, 768_000
MOST_CHANNELS = 64
