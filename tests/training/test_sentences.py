"""Texts for a language model: every kind of file, what is held out, what is left out, and what cannot be used."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.errors import ManifestError, TrainingError
from speech2text.text.tokenizer import Tokenizer
from speech2text.training.sentences import HELD_OUT_SHARE, LONGEST, MOST_HELD_OUT, Sentences, read_texts

TOKENIZER = Tokenizer.of_characters(["abcdefghij klmnopqrstuvwxyz"])
LINES = [f"{first}{second} word" for first in "abcdefghij" for second in "abcdefghij"]


def texts_of(sentences: Sentences) -> list[str]:
    return [TOKENIZER.decode(row) for row in sentences.rows()]


def write(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_each_kind_of_file_gives_the_same_sentences(tmp_path):
    plain = write(tmp_path / "a.txt", LINES)
    packed = tmp_path / "a.txt.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    rows = [json.dumps({"audio": f"{number}.wav", "text": line}) for number, line in enumerate(LINES)]
    manifest = write(tmp_path / "a.jsonl", rows)
    others = [write(tmp_path / name, rows) for name in ("b.JSONL", "c.json")]
    shouted = tmp_path / "B.TXT.GZ"
    shouted.write_bytes(packed.read_bytes())
    read = [read_texts([file], TOKENIZER) for file in (plain, packed, shouted, manifest, *others)]
    for each in read:
        assert texts_of(each.train) == texts_of(read[0].train)
        assert texts_of(each.held_out) == texts_of(read[0].held_out)
    both = read_texts([plain, manifest], TOKENIZER)
    assert len(both.train) == 2 * len(read[0].train)


def test_texts_are_normalised_and_empty_lines_skipped(tmp_path):
    file = write(tmp_path / "a.txt", ["\ufeffHello, World!", "", "  ?! ", "GOOD-BYE caf\u00e9"])
    read = read_texts([file], TOKENIZER, language="en")
    assert sorted(texts_of(read.train) + texts_of(read.held_out)) == ["good bye cafe", "hello world"]
    assert sorted((*read.train.words, *read.held_out.words)) == [2, 3]


def test_a_manifest_s_own_language_counts(tmp_path):
    rows = [{"audio": "1", "text": "caf\u00e9", "lang": "en"}, {"audio": "2", "text": "ol\u00e9", "lang": "fr"}]
    file = write(tmp_path / "a.jsonl", [json.dumps(row) for row in [*rows, {"audio": "3", "text": "yes"}]])
    read = read_texts([file], TOKENIZER)
    assert sorted(texts_of(read.train) + texts_of(read.held_out)) == ["cafe", "yes"]
    assert read.left_out == (f"{file} (2): the character '\u00e9' of 'ol\u00e9' is not among the model's pieces",)


def test_what_cannot_be_used_is_left_out_and_told(tmp_path):
    file = write(tmp_path / "a.txt", ["yes", "no", "\u4f60\u597d", "a" * LONGEST])
    read = read_texts([file], TOKENIZER)
    assert len(read.train) == len(read.held_out) == 1
    unknown, long = read.left_out
    assert unknown.startswith(f"{file}:3: the character ")
    assert long == f"{file}:4: {LONGEST + 1} pieces, and a sentence may have {LONGEST}"


@given(st.lists(st.sampled_from(LINES), min_size=2).filter(lambda lines: len(set(lines)) > 1))
def test_nothing_is_lost_and_no_sentence_stands_on_both_sides(tmp_path_factory, lines):
    read = read_texts([write(tmp_path_factory.mktemp("texts") / "a.txt", lines)], TOKENIZER)
    train, held_out = texts_of(read.train), texts_of(read.held_out)
    assert train and held_out
    assert not set(train) & set(held_out)
    assert sorted(train + held_out) == sorted(lines)


def test_a_small_share_is_held_out_and_never_many(tmp_path):
    few = read_texts([write(tmp_path / "a.txt", LINES)], TOKENIZER)
    assert 1 <= len(few.held_out) <= 3 * HELD_OUT_SHARE * len(LINES)
    lines = [
        f"{line} {extra}"
        for line in LINES
        for extra in (f"{a}{b}{c}" for a in "abcdefghij" for b in "abcdefghij" for c in "abcdef")
    ]
    many = read_texts([write(tmp_path / "b.txt", lines)], TOKENIZER)
    assert 0.8 * MOST_HELD_OUT < len(many.held_out) < 1.2 * MOST_HELD_OUT


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("none.txt", None, TrainingError, "none.txt: no such text"),
        (".", None, TrainingError, "no such text"),
        ("a.txt", b"", TrainingError, "at least two different sentences"),
        ("a.txt", b"the same\nThe same!\n", TrainingError, "at least two different sentences"),
        ("a.txt", "\u4f60\u597d\n\u4e16\u754c\n".encode(), TrainingError, "(2 lines are left out, as "),
        ("a.txt", b"caf\xe9\n", TrainingError, "no text in UTF-8"),
        ("a.txt.gz", b"no gzip at all", TrainingError, "cannot be read"),
        ("a.txt.gz", gzip.compress(b"some text" * 100)[:-20], TrainingError, "cannot be read"),
        ("a.jsonl", b'{"audio": "a.wav"}\n', ManifestError, "'text' is missing"),
        ("a.jsonl.gz", gzip.compress(b'{"id": "one", "text": "two"}\n'), TrainingError, "a packed manifest; unpack it"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, name, content, error, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error) as raised:
        read_texts([tmp_path / name], TOKENIZER)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_mask_takes_whole_sentences():
    sentences = Sentences(np.array([5, 6, 7, 8, 9], np.int32), np.array([2, 1, 2]), np.array([1, 1, 2]))
    taken = sentences[np.array([True, False, True])]
    assert [row.tolist() for row in taken.rows()] == [[5, 6], [8, 9]]
    assert taken.words.tolist() == [1, 2]
