"""Beneath a Steel Sky, version 0.0372, the one with speech.

sky.dsk holds numbered files one after another, most of them packed, and sky.dnr tells where each is. A text has a
number in one of seven sections; its sound is the file of that number. (ScummVM's engines/sky has the layout.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from recipes.english.games import propack
from recipes.english.games.line import Line, from_bytes

TEXTS, SOUNDS = 60600, 50000
"""Numbers of the first section's texts in English, and of its first sound."""
SECTION_STARTS = (0, 600, 1100, 2430, 3380, 4530, 5080, 5230)
"""Of the sounds of each section, counted from the first; the last is the end."""
HEADER_SIZE = 22
"""Of a sound, and of whatever is packed."""
BLOCK = 32
"""Texts are found in blocks of so many, and counted one by one from there."""
LETTERS = (
    "^^^ ^ea^^^os^tn^^.ir^^^^^\0Eu^mA^^^lI^dR^^NST^^^^^Ohc^Dg^^^LC^pU^^!yM^^^^^PvH^?b^^^'f,^GB^^^^^VkF^qw^^^K-W^J*"
    '^^^^zY^j+^^^Q~)^^Z~<^^^^^~~~^~:^^^~~#^^xX~^^^^^~`2^^0~1^^^/(=^~~^^^^39^~4^^^~8~^"~^^^^&~^56^^~~^~~^^^^~7~~~'
)
"""The Huffman code of the letters, as a tree: ^ forks, to what comes next at 0 and to what comes after that at 1; ~ is
none of English."""
Tree = str | tuple["Tree", "Tree"]


class Place(NamedTuple):
    """Where a file is in sky.dsk, and how it is stored."""

    start: int
    size: int
    plain: bool
    """Not packed."""
    whole: bool
    """Its header was packed with it."""


def lines(folder: Path) -> Iterator[Line]:
    """The lines that have a sound; the game does not tell whose they are.

    Raises:
        OSError, ValueError, LookupError, struct.error: a file is missing or damaged.
    """
    places = read_places((folder / "sky.dnr").read_bytes())
    disk = (folder / "sky.dsk").read_bytes()
    for section, start in enumerate(SECTION_STARTS[:-1]):
        texts = read_texts(_file(disk, places[TEXTS + section]))
        for number in range(start, SECTION_STARTS[section + 1]):
            place = places.get(SOUNDS + number)
            if place and number - start < len(texts):
                sound = _file(disk, place)[HEADER_SIZE:]
                yield Line(str(number), texts[number - start], "", from_bytes(sound))


def read_places(index: bytes) -> dict[int, Place]:
    """The place of each file by its number."""
    (count,) = struct.unpack_from("<I", index)
    places = {}
    for at in range(4, 4 + 8 * count, 8):
        (number,) = struct.unpack_from("<H", index, at)
        start, size = (int.from_bytes(index[at + skip : at + skip + 3], "little") for skip in (2, 5))
        in_paragraphs = start >> 23  # of 16 bytes
        start = (start & 0x7FFFFF) << (4 if in_paragraphs else 0)
        places[number] = Place(start, size & 0x3FFFFF, bool(size >> 23 & 1), bool(size >> 22 & 1))
    return places


def _file(disk: bytes, place: Place) -> bytes:
    data = disk[place.start : place.start + place.size]
    if place.plain or not data[HEADER_SIZE:].startswith(propack.SIGNATURE):
        return data
    contents = propack.unpack(data[HEADER_SIZE:])
    return contents if place.whole else data[:HEADER_SIZE] + contents


def read_texts(data: bytes) -> list[str]:
    """The texts of a section, in the order of their numbers.

    Their bits stand in one row, and each begins at a pair of them. Two tables tell where: of pairs in each block, and,
    in a byte each, of pairs in each text.
    """
    sizes, start = struct.unpack_from("<HH", data)
    blocks = [0, *struct.unpack_from(f"<{(sizes - 4) // 2}H", data, 4)]
    pairs_in_texts = [_pairs(byte) for byte in data[sizes:start]]
    texts, block_at = [], 0
    for block, pairs in enumerate(blocks):
        block_at += pairs
        at = block_at
        for pairs_in_text in pairs_in_texts[block * BLOCK : (block + 1) * BLOCK]:
            texts.append(_text(data, 8 * start + 2 * at))
            at += pairs_in_text
    return texts


def _pairs(byte: int) -> int:
    """So many pairs, or where the highest bit is set eight times as many as the others say."""
    return (byte & 0x7F) << 3 if byte & 0x80 else byte


def _text(data: bytes, bit: int) -> str:
    text, node = "", TREE
    while bit < 8 * len(data):
        node = node[data[bit // 8] >> 7 - bit % 8 & 1]
        bit += 1
        if isinstance(node, str):
            if node == "\0":
                return text
            text += node
            node = TREE
    return text


def _tree(letters: Iterator[str]) -> Tree:
    letter = next(letters)
    return (_tree(letters), _tree(letters)) if letter == "^" else letter


TREE = _tree(iter(LETTERS))
