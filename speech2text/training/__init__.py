"""Training: a recipe and recordings in, a run folder with checkpoints out. Needs the extra `train`."""
