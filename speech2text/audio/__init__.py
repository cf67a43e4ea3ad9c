"""Sound in: files and pipes of any format, rate and channel count become mono float32 at 16 kHz."""
