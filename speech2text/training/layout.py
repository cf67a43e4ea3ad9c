"""What lies in the folder of a run, by name.

Recordings that are prepared or decoded anew stand in DRAFT, laid out alike, until it is known that the run may go on.
"""

from __future__ import annotations

RECIPE = "recipe.json"
"""With every default written out."""
PIECES = "pieces.json"
ORIGIN = "origin.json"
"""What the run inherited, so that it goes on without its source."""
CLAIM = "data.json"
"""By what its recordings and texts are known again."""
PREPARED = "data"
"""What the recipe's own script makes of the data folder."""
CACHE = "cache"
"""The samples of each set of recordings, NAME.pcm, and what they were made from, NAME.json."""
CHECKPOINTS = "checkpoints"
EVENTS = "tensorboard"
DRAFT = ".draft"
"""What is not whole yet."""
LOCK = ".lock"
"""Also tells a run's folder from others while it has no more than that."""
