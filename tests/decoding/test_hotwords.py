"""Hot words letter by letter; that the search as a whole is right is law 9."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.decoding.hotwords import Hotwords
from speech2text.decoding.protocols import END
from tests.decoding.definition import hot_letters

PIECES = ("", "", " ", "n", "e", "w", "s", " new", " n", "ew", " york", " city", " old", "y", " ne")
TOKEN = {piece: token for token, piece in enumerate(PIECES) if piece}


def gains(phrases, *pieces, score=1.0) -> list[float]:
    """What each piece, and then END, adds."""
    term = Hotwords(phrases, PIECES, score).start()
    last, added = END, []
    for piece in (*pieces, None):
        token = END if piece is None else TOKEN[piece]
        rows, term = term.advance(np.array([last]), np.zeros((1, 1), np.float32))
        added.append(float(rows[0, token]))
        last = token
    return added


@pytest.mark.parametrize("row", [(" new",), (" ", "n", "e", "w"), (" n", "ew"), (" ne", "w")])
def test_any_row_of_pieces_that_spells_the_word_gets_the_same(row):
    assert sum(gains(["new"], *row, score=0.5)) == 1.5


def test_letters_count_while_they_are_spelled_and_stay_when_the_word_is_whole():
    assert gains(["new"], " n", "ew", " old") == [1, 2, 0, 0]
    assert gains(["new"], " n", "ew") == [1, 2, 0]


def test_a_word_that_goes_on_otherwise_gives_them_back():
    assert gains(["new"], " new", "s") == [3, -3, 0]
    assert gains(["new"], " n", "y") == [1, -1, 0]
    assert gains(["news"], " new") == [3, -3]


def test_a_phrase_starts_with_a_word_only():
    assert gains(["new"], " old", "n", "e", "w") == [0, 0, 0, 0, 0]
    assert gains(["ew"], " n", "ew") == [0, 0, 0]


def test_a_phrase_of_words_is_whole_with_its_last():
    assert gains(["new york"], " new", " york") == [3, 4, 0]
    assert gains(["new york"], " new", " city") == [3, -3, 0]
    assert gains(["new york", "new"], " new", " city") == [3, 0, 0]


def test_the_end_of_one_phrase_may_begin_another():
    assert gains(["old new york", "new city"], " old", " new", " city") == [3, 3, 1, 0]


def test_a_letter_in_two_phrases_counts_once():
    assert gains(["new york", "york city"], " new", " york", " city") == [3, 4, 4, 0]
    assert gains(["new york", "york city"], " new", " york") == [3, 4, 0]


def test_a_phrase_within_one_that_fails_counts():
    assert gains(["old new york city", "new york"], " old", " new", " york", " old") == [3, 3, 4, 0, -3]


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from(["n", "new", "new york", "york new", "news", "ew", "old", "york"]), max_size=4),
    st.lists(st.sampled_from(PIECES[2:]), max_size=8),
)
def test_the_sum_is_that_of_the_letters_in_whole_phrases(phrases, row):
    added = gains(phrases, *row, score=2.0)
    assert sum(added) == 2.0 * len(hot_letters("".join(row), phrases))
    most = Hotwords(phrases, PIECES, 2.0).gains
    assert all(gain <= most[TOKEN[piece]] for gain, piece in zip(added[:-1], row, strict=True))
    assert added[-1] <= 0


def test_hypotheses_of_a_beam_are_apart():
    term = Hotwords(["new"], PIECES, 1.0).start().select(np.array([0, 0, 0]))
    nothing = np.zeros((3, 1), np.float32)
    _, term = term.advance(np.array([END, END, END]), nothing)
    rows, term = term.advance(np.array([TOKEN[" n"], TOKEN[" old"], TOKEN[" new"]]), nothing)
    assert rows[:, TOKEN["ew"]].tolist() == [2, 0, -3]
    assert rows[:, END].tolist() == [-1, 0, 0]
    rows, _ = term.select(np.array([2, 0])).advance(np.array([TOKEN["s"], TOKEN["ew"]]), nothing[:2])
    assert rows[:, TOKEN[" old"]].tolist() == [0, 0]
