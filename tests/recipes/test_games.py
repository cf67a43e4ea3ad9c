"""The spoken lines of the games, out of tiny games in the layouts of the real ones."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from recipes.english.games import amazon_queen, drascula, propack, steel_sky
from recipes.english.games.__main__ import GAMES, extract
from speech2text.errors import ManifestError, OutputError

SOUND = bytes(np.random.default_rng(0).integers(0, 256, 11025, np.uint8))
SAMPLES = np.frombuffer(SOUND, np.uint8) / 128 - 1


class Packer:
    """ProPack's words of bits, with plain bytes between them."""

    def __init__(self):
        self.out = bytearray()
        self.word_at = self.used = 0

    def bits(self, value, count):
        for bit in range(count):
            if self.used % 16 == 0:
                self.word_at, self.used = len(self.out), 0
                self.out += b"\0\0"
            if value >> bit & 1:
                self.out[self.word_at + self.used // 8] |= 1 << self.used % 8
            self.used += 1

    def table(self, *values):
        """Of at most two numbers, each in a code of one bit; the codes in the order of their values."""
        kinds = sorted({value.bit_length() for value in values})
        self.bits(max(kinds, default=-1) + 1, 5)
        for kind in range(max(kinds, default=-1) + 1):
            self.bits(kind in kinds, 4)

        def write(value):
            self.bits(kinds.index(value.bit_length()), 1)
            if value > 1:
                self.bits(value, value.bit_length() - 1)

        return write


def pack(plain, distance=0, length=0):
    """Plain bytes, and then a copy of `length` bytes from `distance` bytes before."""
    packer = Packer()
    packer.bits(0, 2)
    run = packer.table(len(plain), 0)
    copies = [packer.table(distance - 1), packer.table(length - 2)] if length else [packer.table(), packer.table()]
    packer.bits(2 if length else 1, 16)
    run(len(plain))
    packer.out += plain
    if length:
        copies[0](distance - 1)
        copies[1](length - 2)
        run(0)
    return struct.pack(">4sIIHHBB", b"RNC\1", len(plain) + length, len(packer.out), 0, 0, 0, 1) + packer.out


@given(st.binary(max_size=2000), st.data())
def test_what_was_packed_comes_out(plain, data):
    distance = data.draw(st.integers(1, len(plain))) if plain else 0
    length = data.draw(st.integers(2, 300)) if plain else 0
    expected = bytearray(plain)
    for _ in range(length):
        expected.append(expected[-distance])
    assert propack.unpack(pack(plain, distance, length)) == expected


@given(st.integers(0, 200))
def test_packed_data_that_is_cut_short_is_told(size):
    with pytest.raises(ValueError, match=r"not packed|cut short|no such code|bytes where"):
        propack.unpack(pack(bytes(300), 20, 50)[:size])


def test_packed_data_of_another_size_is_told():
    packed = bytearray(pack(b"as it was", 3, 5))
    packed[4:8] = struct.pack(">I", 13)
    with pytest.raises(ValueError, match="14 bytes where 13 were packed"):
        propack.unpack(bytes(packed))


def huffman(text):
    """The bits of a text in the game's code of letters."""
    codes = {}

    def walk(node, code):
        if isinstance(node, str):
            codes.setdefault(node, code)
        else:
            walk(node[0], code + "0")
            walk(node[1], code + "1")

    walk(steel_sky.TREE, "")
    bits = "".join(codes[letter] for letter in text + "\0")
    return bits + "0" * (len(bits) % 2)


def steel_sky_section(texts):
    rows = [huffman(text) for text in texts]
    rows = [row if len(row) < 256 else row + "0" * (-len(row) % 16) for row in rows]  # counted in eights of pairs
    pairs = [len(row) // 2 for row in rows]
    blocks = [sum(pairs[at : at + steel_sky.BLOCK]) for at in range(0, len(pairs), steel_sky.BLOCK)][:-1]
    bits = "".join(rows)
    packed = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    sizes = 4 + 2 * len(blocks)
    counts = bytes(count if count < 0x80 else 0x80 | count >> 3 for count in pairs)
    return struct.pack(f"<HH{len(blocks)}H", sizes, sizes + len(pairs), *blocks) + counts + packed


def write_steel_sky(folder, sections, sounds):
    """A game of these texts by section, and of a packed sound for some of their numbers in the whole game."""
    header = bytes(steel_sky.HEADER_SIZE)
    files = {steel_sky.TEXTS + number: (steel_sky_section(texts), "plain") for number, texts in enumerate(sections)}
    packed_whole = header + pack(files[steel_sky.TEXTS + 1][0])
    files[steel_sky.TEXTS + 1] = (packed_whole, "whole")
    files |= {steel_sky.SOUNDS + number: (header + pack(sound), "sound") for number, sound in sounds.items()}
    index, disk = struct.pack("<I", len(files)), b""
    for number, (data, kind) in files.items():
        in_paragraphs = number % 2
        disk += bytes(-len(disk) % 16)
        start = len(disk) >> 4 | 1 << 23 if in_paragraphs else len(disk)
        index += struct.pack("<H", number) + start.to_bytes(3, "little")
        index += (len(data) | (kind == "plain") << 23 | (kind == "whole") << 22).to_bytes(3, "little")
        disk += data
    folder.mkdir(parents=True)
    (folder / "sky.dnr").write_bytes(index)
    (folder / "sky.dsk").write_bytes(disk)


def test_a_text_of_the_steel_sky_is_found_by_its_number():
    texts = [f"Line {'x' * (2 * number)}{number}." for number in range(70)]
    assert steel_sky.read_texts(steel_sky_section(texts)) == texts


def drascula_texts(texts):
    """English, and five languages with other texts."""
    data = bytes(drascula.TEXTS_AT)
    for speaker in drascula.SPEAKERS:
        data += struct.pack(">H", len(texts))
        for language in range(drascula.LANGUAGES):
            said = [f"{text}{speaker}{language or ''}".encode() for text in texts]
            strings = [struct.pack(">H", len(text) + 4) + text + b"\0\0" for text in said]
            data += struct.pack(">HH", 2 + sum(map(len, strings)), 0) + b"".join(strings)
    return data


def string(text, align=2):
    data = bytes([len(text)]) + text.encode()
    return data if not text else data + bytes(-len(data) % align)


def amazon_dialogue():
    """Key 7: one sentence of the hero's, one of the other's, greetings of both."""
    hero = struct.pack(">HH", 0, 0x1A) + string("*01I am lost...*FL", 4)
    person_at = 32 + 96 + len(hero)
    person = struct.pack(">HH", 0, 2) + string("So am I!*XY00(237,112)Follow me", 4)
    again = string("You again?") + string("I am back")
    head = struct.pack(">5h12x3H4x", 1, 0, 7, 1, 1, person_at, 0, person_at + len(person))
    return bytes(amazon_queen.HEADER_SIZE) + head.ljust(32, b"\0") + bytes(96) + hero + person + again


def amazon_scene():
    head = struct.pack(">hhhHH", 0, 1, 0, 0, 10)
    return bytes(amazon_queen.HEADER_SIZE) + head + string("*FL") + string("*02Watch out!*00")


def amazon_archive():
    stored = io.BytesIO()
    soundfile.write(stored, np.clip(SAMPLES / 4, -1, 1), 11025, format="FLAC")
    hero = ["Things" if number else "A thing*24" for number in range(amazon_queen.ANSWERS_AT)]
    hero += ["Answers" if number else "An answer*24" for number in range(amazon_queen.ANSWERS)]
    files = {"BUD1.DOG": amazon_dialogue(), "C1A.CUT": amazon_scene(), "QUEEN2.JAS": "\r\n".join(hero).encode()}
    spoken = (
        "07001AJ2",
        "070002P1",
        "070002P2",
        "07XXXXP1",
        "07XXXXJ1",
        "C1A__012",
        "JOE00011",
        "JOE00411",
        "103SSSSS",
    )
    files |= {f"{name}.SB": stored.getvalue() for name in spoken}
    start = amazon_queen.INDEX_AT + 2 + amazon_queen.ENTRY.size * len(files)
    index, data = b"QTBL".ljust(amazon_queen.INDEX_AT, b"\0") + struct.pack(">H", len(files)), b""
    for name, contents in files.items():
        index += amazon_queen.ENTRY.pack(name.encode(), 1, start + len(data), len(contents))
        data += contents
    return index + data


@pytest.fixture
def games(tmp_path):
    folder = tmp_path / "games" / "usr"
    first = ["?", "HALT!Who goes there...?", "Room 101", "(sigh)", "Too short", "Far too many letters", "Silent"]
    sounds = {1: SOUND, 2: SOUND, 3: SOUND, 4: SOUND[:3300], 5: SOUND[:6000], 602: SOUND, 603: SOUND}
    write_steel_sky(folder / "sky", [first, ["?", "?", "Second section"], *[["?"]] * 5], sounds)
    (folder / "drascula" / "en").mkdir(parents=True)
    (folder / "drascula" / "en" / "drascula.dat").write_bytes(drascula_texts(["", "IT IS LATE...VERY LATE "]))
    for name in ("1", "BJ1", "VB1", "BJ2", "X1"):
        (folder / "drascula" / "en" / f"{name}.ALS").write_bytes(SOUND)
    (folder / "queen").mkdir()
    (folder / "queen" / "queen.1c").write_bytes(amazon_archive())
    return tmp_path / "games"


def test_each_line_has_what_is_said_in_it(games, tmp_path):
    rows = extract(games, tmp_path / "out")
    assert [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()] == rows
    said = {row["id"]: (row["text"], row["speaker"].rpartition("-")[2]) for row in rows}
    assert said == {
        "beneath_a_steel_sky-1": ("halt who goes there", ""),
        "beneath_a_steel_sky-602": ("second section", ""),
        "drascula-1": ("it is late very late", "hero"),
        "drascula-bj1": ("it is late very late bj", "bj"),
        "drascula-vb1": ("it is late very late vb", "vb"),
        "flight_of_the_amazon_queen-07001aj2": ("i am lost", "joe"),
        "flight_of_the_amazon_queen-070002p1": ("so am i", "bud"),
        "flight_of_the_amazon_queen-070002p2": ("follow me", "bud"),
        "flight_of_the_amazon_queen-07xxxxp1": ("you again", "bud"),
        "flight_of_the_amazon_queen-07xxxxj1": ("i am back", "joe"),
        "flight_of_the_amazon_queen-c1a__012": ("watch out", ""),
        "flight_of_the_amazon_queen-joe00011": ("an answer", "joe"),
        "flight_of_the_amazon_queen-joe00411": ("a thing", "joe"),
    }
    for row in rows:
        samples, rate = soundfile.read(tmp_path / "out" / row["audio"])
        assert (len(samples), rate, row["duration"]) == (len(SOUND), 11025, 1.0)
    heard, _ = soundfile.read(tmp_path / "out" / "beneath_a_steel_sky" / "1.flac")
    np.testing.assert_allclose(heard, SAMPLES, atol=1e-4)


@pytest.mark.parametrize("corpus", GAMES)
@pytest.mark.parametrize("size", [0, 40])
def test_a_damaged_game_is_told(games, tmp_path, corpus, size):
    file = next(games.rglob(GAMES[corpus][0]))
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ManifestError, match=rf"{file.parent}: not as Debian's package has it"):
        extract(games, tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.jsonl").exists()


def test_a_file_that_is_missing_is_told(games, tmp_path):
    next(games.rglob("sky.dnr")).unlink()
    with pytest.raises(ManifestError, match=r"FileNotFoundError: .*sky\.dnr"):
        extract(games, tmp_path / "out")


def test_a_game_that_is_there_twice_is_told(games, tmp_path):
    (games / "copy").mkdir()
    (games / "copy" / "queen.1c").write_bytes(amazon_archive())
    with pytest.raises(ManifestError, match="flight_of_the_amazon_queen is there twice"):
        extract(games, tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_no_fault_of_the_game(games, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match=r"out.*: cannot be made"):
        extract(games, tmp_path / "out")


def test_a_folder_without_games_is_told(tmp_path):
    with pytest.raises(ManifestError, match="none of the games"):
        extract(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
