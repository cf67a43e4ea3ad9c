"""Where transcripts go: the names of the files in the output folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath


def place_output(recording: Path, argument: str) -> PurePath:
    """Where the transcript of a recording goes within the output folder, without a suffix.

    In the folder that `argument` names it keeps its place; else it has its stem alone.
    """
    if str(recording) == "-":
        return PurePath("stdin")
    folder = Path(argument)
    if recording == folder or not recording.is_relative_to(folder):
        return PurePath(recording.stem)
    place = recording.relative_to(folder)
    return place.with_name(place.stem)


def name_outputs(places: Sequence[PurePath]) -> list[str]:
    """A file name without suffix for each place, no two alike.

    Of several recordings with one place the first keeps it, and the others are numbered in order: `talk`, `talk-2`,
    `talk-3`. A number never takes a name that is another recording's own place. Case does not tell names apart, as
    not every file system does.
    """
    stems = [place.as_posix() for place in places]
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
