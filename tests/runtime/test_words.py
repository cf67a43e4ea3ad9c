"""When each word is said."""

import numpy as np
import pytest

from speech2text.runtime.words import timed_words
from speech2text.text.tokenizer import Tokenizer

PIECES = ("<blank>", "<end>", "▁", "▁a", "b", "▁c")
FRAME = 0.04


def frames(*labels, certainty=0.9):
    """CTC log-probabilities that say one label a frame."""
    probs = np.full((len(labels), len(PIECES)), (1 - certainty) / (len(PIECES) - 1), np.float32)
    probs[np.arange(len(labels)), labels] = certainty
    return np.log(probs)


def test_a_word_lasts_from_its_first_token_to_its_last():
    words = timed_words(Tokenizer(PIECES), frames(0, 3, 0, 4, 4, 0, 5, 0), (3, 4, 5), FRAME, 8 * FRAME)
    assert [(word.text, word.start, word.end) for word in words] == [
        ("ab", 1 * FRAME, 5 * FRAME),
        ("c", 6 * FRAME, pytest.approx(7 * FRAME)),
    ]
    assert [word.confidence for word in words] == [pytest.approx(0.9)] * 2


def test_no_word_ends_after_the_recording():
    (word,) = timed_words(Tokenizer(PIECES), frames(0, 3), (3,), FRAME, 1.5 * FRAME)
    assert word.end == 1.5 * FRAME


def test_the_first_token_begins_a_word_even_without_a_mark():
    words = timed_words(Tokenizer(PIECES), frames(4, 0, 3), (4, 3), FRAME, 3 * FRAME)
    assert [word.text for word in words] == ["b", "a"]


def test_a_mark_alone_is_no_word():
    words = timed_words(Tokenizer(PIECES), frames(3, 0, 2), (3, 2), FRAME, 3 * FRAME)
    assert [word.text for word in words] == ["a"]


def test_no_tokens_are_no_words():
    assert timed_words(Tokenizer(PIECES), frames(0, 0), (), FRAME, 1.0) == ()


def test_a_text_that_is_too_long_for_ctc_is_spread_out():
    words = timed_words(Tokenizer(PIECES), frames(3, 5), (3, 3, 5), FRAME, 2 * FRAME)
    assert [word.text for word in words] == ["a", "a", "c"]
    assert all(0 <= word.start < word.end <= 2 * FRAME and word.confidence == 0 for word in words)
    assert [word.start for word in words] == sorted(word.start for word in words)
