"""Where transcripts go: the names of the files in the output folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath

from speech2text.audio.files import true_place


def place_output(recording: Path, argument: str) -> PurePath:
    """Where the transcript of a recording goes within the output folder, with the recording's own suffix.

    In the folder that `argument` names it keeps its place; else it has its name alone.
    """
    if str(recording) == "-":
        return PurePath("stdin")
    folder = Path(argument)
    if recording == folder or not recording.is_relative_to(folder):
        return PurePath(recording.name)
    return recording.relative_to(folder)


def name_outputs(places: Mapping[Path, PurePath]) -> list[str]:
    """A file name without the suffix of its format for each recording and its place, no two alike.

    It is the place without a suffix. Recordings of which that is alike keep their suffixes, `talk.wav` and `talk.mp3`,
    and if that is not enough they are called after the folder they are in, `monday-talk.wav` and `tuesday-talk.wav`.
    So no name depends on the order, and none becomes another recording's when one is added. What differs in case alone
    is numbered, as not every file system tells it apart.
    """
    names = [place.with_suffix("").as_posix() for place in places.values()]
    longer = [_longer_names(recording, place) for recording, place in places.items()]
    while lengthened := {index: name for index in _alike(names) if (name := next(longer[index], None))}:
        for index, name in lengthened.items():
            names[index] = name
    return _numbered(names)


def _longer_names(recording: Path, place: PurePath) -> Iterator[str]:
    """The place with its suffix, and then after more and more of the folders that it is in."""
    folders = true_place(recording).parts[1 : -len(place.parts)]
    for begin in range(len(folders), -1, -1):
        yield place.with_name("-".join([*folders[begin:], place.name])).as_posix()


def _alike(names: Sequence[str]) -> list[int]:
    """The indices of names that another is like."""
    counts = Counter(name.casefold() for name in names)
    return [index for index, name in enumerate(names) if counts[name.casefold()] > 1]


def _numbered(names: Sequence[str]) -> list[str]:
    """The names, with a number that makes it no other's for each after the first that are alike."""
    own = {name.casefold() for name in names}
    taken: set[str] = set()
    numbered = []
    for stem in names:
        name, number = stem, 1
        while name.casefold() in taken or (number > 1 and name.casefold() in own):
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        numbered.append(name)
    return numbered
