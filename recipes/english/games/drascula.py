"""Drascula: The Vampire Strikes Back.

Each line is a file of unsigned bytes, named by its speaker's letters and its number. The texts are in drascula.dat, one
array a speaker, each array in all languages, English first (ScummVM's engines/drascula has the layout).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from recipes.english.games.line import Line, from_bytes

TEXTS_AT = 7253
LANGUAGES = 6
SPEAKERS = ("", "D", "B", "BJ", "E", "I", "L", "P", "T", "VB")
"""In the order of their arrays; the hero has no letter."""
SPOKEN = re.compile(r"([A-Z]*)(\d+)\.ALS")


def lines(folder: Path) -> Iterator[Line]:
    """The lines that have a text.

    Raises:
        OSError, ValueError, LookupError, struct.error: a file is missing or damaged.
    """
    texts = read_texts((folder / "drascula.dat").read_bytes())
    for file in sorted(folder.glob("*.ALS")):
        found = SPOKEN.fullmatch(file.name)
        if found and int(found[2]) < len(texts.get(found[1], ())):
            text = texts[found[1]][int(found[2])]
            yield Line(file.stem.lower(), text, found[1].lower() or "hero", from_bytes(file.read_bytes()))


def read_texts(data: bytes) -> dict[str, list[str]]:
    """What each speaker says in English, by number."""
    texts, at = {}, TEXTS_AT
    for speaker in SPEAKERS:
        count, size = struct.unpack_from(">HH", data, at)
        texts[speaker] = list(_strings(data, at + 6, count))
        at += 4 + size
        for _ in range(LANGUAGES - 1):
            at += 2 + struct.unpack_from(">H", data, at)[0]
    return texts


def _strings(data: bytes, at: int, count: int) -> Iterator[str]:
    """Strings that end with zeros, each after its size, which counts itself."""
    for _ in range(count):
        (size,) = struct.unpack_from(">H", data, at)
        yield data[at + 2 : at + size].split(b"\0")[0].decode("latin-1")
        at += size
