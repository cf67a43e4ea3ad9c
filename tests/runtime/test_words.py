"""When each word is said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.bundle.manifest import Confidence
from speech2text.runtime.words import timed_words
from speech2text.text.tokenizer import Tokenizer

PIECES = ("<blank>", "<end>", "▁", "▁a", "b", "▁c")
FRAME = 0.04


def frames(*labels, certainty=0.9):
    """CTC log-probabilities that say one label a frame."""
    probs = np.full((len(labels), len(PIECES)), (1 - certainty) / (len(PIECES) - 1), np.float32)
    probs[np.arange(len(labels)), labels] = certainty
    return np.log(probs)


def silence(frame_count):
    return np.zeros(round(frame_count * FRAME * SAMPLE_RATE), np.float32)


def noise(frame_count):
    return np.random.default_rng(0).normal(0, 0.1, len(silence(frame_count))).astype(np.float32)


def test_a_word_lasts_as_long_as_its_sound():
    samples = np.concatenate([silence(2), noise(8), silence(5), noise(6), silence(4)])
    path = (0, 0, 0, 3, 0, 0, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 5, *[0] * 8)
    words = timed_words(Tokenizer(PIECES), frames(*path), (3, 4, 5), FRAME, samples)
    assert [(word.text, word.start, word.end) for word in words] == [
        ("ab", pytest.approx(2 * FRAME, abs=0.03), pytest.approx(10 * FRAME, abs=0.03)),
        ("c", pytest.approx(15 * FRAME, abs=0.03), pytest.approx(21 * FRAME, abs=0.03)),
    ]
    assert [word.confidence for word in words] == [pytest.approx(0.9)] * 2


def test_a_pause_between_the_tokens_of_a_word_is_within_it():
    samples = np.concatenate([silence(2), noise(5), silence(4), noise(5), silence(5), noise(6), silence(4)])
    path = (0, 0, 0, 3, *[0] * 8, 4, *[0] * 9, 5, *[0] * 8)
    words = timed_words(Tokenizer(PIECES), frames(*path), (3, 4, 5), FRAME, samples)
    assert [word.text for word in words] == ["ab", "c"]
    edges = [time for word in words for time in (word.start, word.end)]
    assert edges == pytest.approx([2 * FRAME, 16 * FRAME, 21 * FRAME, 27 * FRAME], abs=0.03)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(5, 12), st.integers(0, 4), st.integers(5, 15), st.sampled_from([3, 5])),
        min_size=1,
        max_size=5,
    )
)
def test_planted_words_are_found_again(planted):
    """Each word is a pause, then sound, in which its token is heard a few frames after the start."""
    path, parts, expected = [], [], []
    for pause, delay, sounded, token in planted:
        path += [0] * (pause + delay) + [token] + [0] * (sounded - delay - 1)
        expected += [len(path) - sounded, len(path)]
        parts += [silence(pause), noise(sounded)]
    samples = np.concatenate([*parts, silence(8)])
    words = timed_words(Tokenizer(PIECES), frames(*path, *[0] * 8), [token for *_, token in planted], FRAME, samples)
    found = [time / FRAME for word in words for time in (word.start, word.end)]
    assert found == pytest.approx(expected, abs=0.75)


def test_no_word_ends_after_the_recording():
    (word,) = timed_words(Tokenizer(PIECES), frames(0, 3), (3,), FRAME, noise(1.5))
    assert word.end <= 1.5 * FRAME


def test_the_first_token_begins_a_word_even_without_a_mark():
    words = timed_words(Tokenizer(PIECES), frames(4, 0, 3), (4, 3), FRAME, noise(3))
    assert [word.text for word in words] == ["b", "a"]


def test_a_mark_alone_is_no_word():
    words = timed_words(Tokenizer(PIECES), frames(3, 0, 2), (3, 2), FRAME, noise(3))
    assert [word.text for word in words] == ["a"]


def test_no_tokens_are_no_words():
    assert timed_words(Tokenizer(PIECES), frames(0, 0), (), FRAME, noise(2)) == ()


@pytest.mark.parametrize("tokens", [(3, 3, 5), (3,) * 7])
def test_words_of_a_text_that_is_too_long_for_ctc_share_the_recording(tokens):
    words = timed_words(Tokenizer(PIECES), frames(3, 5), tokens, FRAME, noise(1.5))
    edges = [time for word in words for time in (word.start, word.end)]
    assert len(words) == len(tokens)
    assert edges == sorted(edges)
    assert edges[0] == 0
    assert edges[-1] == pytest.approx(1.5 * FRAME)
    assert all(word.start < word.end and word.confidence == 0 for word in words)


def test_the_bundle_scales_confidences():
    plain, scaled = (
        timed_words(Tokenizer(PIECES), frames(0, 3), (3,), FRAME, noise(2), confidence=confidence)[0].confidence
        for confidence in (Confidence(), Confidence(slope=0.5, bias=-1.0))
    )
    assert plain == pytest.approx(0.9)
    assert scaled == pytest.approx(1 / (1 + np.exp(1 - 0.5 * np.log(9))))
