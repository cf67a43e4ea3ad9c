"""Where transcripts go: the names of the files in the output folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def name_outputs(recordings: Sequence[Path]) -> list[str]:
    """A file name without suffix for each recording, its stem, and no two alike.

    Of several recordings with one stem the first keeps it, and the others are numbered in order: `talk`, `talk-2`,
    `talk-3`. A number never takes a name that is another recording's own stem. Case does not tell names apart, as
    not every file system does.
    """
    stems = ["stdin" if str(recording) == "-" else recording.stem for recording in recordings]
    own = {stem.casefold() for stem in stems}
    taken: set[str] = set()
    names = []
    for stem in stems:
        name, number = stem, 1
        while name.casefold() in taken or (number > 1 and name.casefold() in own):
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names
