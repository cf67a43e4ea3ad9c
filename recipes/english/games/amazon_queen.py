"""Flight of the Amazon Queen, with speech, as ScummVM's tools have packed it.

queen.1c is an archive with its index in front: MP3 of each spoken segment, dialogues (DOG), scenes (CUT) and, in
QUEEN2.JAS, what the hero says of things. A segment's name tells where its text is; in a text, segments end with an
asterisk and what the figure does then. (ScummVM's engines/queen has the layout; numbers are big-endian.)
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import soundfile

from recipes.english.games.line import Line

INDEX_AT = 13
ENTRY = struct.Struct(">12sBII")
"""A file's name, the archive it is in, where, and its size."""
HEADER_SIZE = 20
"""Of a dialogue and of a scene."""
SEGMENT = re.compile(r"(.*?)\*(?:XY\d\d.{9}|..)|(.+)$", re.DOTALL)
ANSWERS, ANSWERS_AT = 40, 1187
"""What the hero says to commands that cannot be followed: how many, and the line of QUEEN2.JAS where they begin."""
HERO = "joe"

Files = dict[str, bytes]


def lines(folder: Path) -> Iterator[Line]:
    """The segments that have a sound.

    Raises:
        OSError, ValueError, LookupError, struct.error, LibsndfileError: a file is missing or damaged.
    """
    files = read_archive((folder / "queen.1c").read_bytes())
    texts, speakers = read_texts(files)
    for file, data in files.items():
        name = file.removesuffix(".SB")
        if name in texts:
            samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
            yield Line(name.lower(), texts[name], speakers.get(name, ""), samples, rate)


def read_archive(archive: bytes) -> Files:
    """The files of the archive by name."""
    if not archive.startswith(b"QTBL"):
        raise ValueError("not packed with its index")
    (count,) = struct.unpack_from(">H", archive, INDEX_AT)
    files = {}
    for at in range(INDEX_AT + 2, INDEX_AT + 2 + count * ENTRY.size, ENTRY.size):
        name, _, start, size = ENTRY.unpack_from(archive, at)
        files[name.split(b"\0")[0].decode("latin-1")] = archive[start : start + size]
    return files


def read_texts(files: Files) -> tuple[dict[str, str], dict[str, str]]:
    """What is said in each segment, by the segment's name, and who says it where that is known."""
    texts: dict[str, str] = {}
    speakers: dict[str, str] = {}
    for file, data in files.items():
        name, _, kind = file.partition(".")
        if kind == "DOG":
            said = _dialogue(data[HEADER_SIZE:])
            person = name.rstrip("0123456789").lower()
            speakers |= {segment: HERO if segment[6] == "J" else person for segment in said}
            texts |= said
        elif kind == "CUT":
            texts |= _scene(name, data[HEADER_SIZE:])
    said = _hero(files["QUEEN2.JAS"].decode("latin-1").split("\r\n"))
    return texts | said, speakers | dict.fromkeys(said, HERO)


def _dialogue(data: bytes) -> dict[str, str]:
    """What the hero (J) and the other person (P) say in a dialogue of so many levels, each 96 bytes of its tree."""
    levels, _, key, of_hero, of_person = struct.unpack_from(">5h", data)
    person_at, _, again_at = struct.unpack_from(">3H", data, 22)
    hero_at = 32 + abs(levels) * 96
    said: dict[str, str] = {}
    for first_at, count, who in ((hero_at, of_hero, "J"), (person_at, of_person, "P")):
        at = first_at
        for _ in range(count):
            (number,) = struct.unpack_from(">H", data, at + 2)
            text, at = _string(data, at + 4, align=4)
            said |= _segments(f"{key:2d}{number:4x}{who}", text)
    if not any(data[hero_at + 2 : hero_at + 4]):
        said |= _segments(f"{key:2d}SSSSJ", _string(data, hero_at + 4)[0])
    again, at = _string(data, again_at)
    return said | _segments(f"{key:2d}XXXXP", again) | _segments(f"{key:2d}XXXXJ", _string(data, at)[0])


def _scene(name: str, data: bytes) -> dict[str, str]:
    """What is said in a scene: a text for each of its objects, after that of its beginning."""
    (objects,) = struct.unpack_from(">h", data, 2)
    (at,) = struct.unpack_from(">H", data, 8)
    said: dict[str, str] = {}
    for number in range(abs(objects) + 1):
        text, at = _string(data, at)
        if number:
            said |= _segments(f"{name:_<5}{number:02d}", text)
    return said


def _hero(texts: list[str]) -> dict[str, str]:
    """The hero's answers, and after them what he says of the things he looks at, with which the file begins."""
    said: dict[str, str] = {}
    for number, text in enumerate([*texts[ANSWERS_AT : ANSWERS_AT + ANSWERS], *texts[:ANSWERS_AT]], 1):
        said |= _segments(f"JOE{number:04d}", text)
    return said


def _segments(name: str, text: str) -> dict[str, str]:
    """The spoken segments of a text, each under the text's name and its own number."""
    name = name.upper().replace(" ", "0")
    segments = [ended or last for ended, last in SEGMENT.findall(text)]
    return {f"{name}{number:X}": segment for number, segment in enumerate(segments, 1) if segment}


def _string(data: bytes, at: int, align: int = 2) -> tuple[str, int]:
    """A text after its length in a byte, and where the next begins: nothing is aligned after an empty one."""
    length = data[at]
    text = data[at + 1 : at + 1 + length].decode("latin-1")
    return text, at + 1 if not length else -(-(at + 1 + length) // align) * align
