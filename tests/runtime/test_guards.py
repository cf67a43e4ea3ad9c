import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.decoding.ctc import ctc_score
from speech2text.decoding.hypothesis import Hypothesis
from speech2text.runtime.guards import LOOP, SILENCE, evidence, guard, has_loop, is_silent
from speech2text.runtime.options import SearchOptions
from speech2text.runtime.recognizer import Recognizer
from tests.tiny_bundle import tone

LETTERS = "abc"
words = st.lists(st.sampled_from(LETTERS), max_size=12)


def as_text(tokens) -> str:
    return " ".join(LETTERS[token - 2] for token in tokens)


def spoken(text: str, sure: float = 0.9) -> np.ndarray:
    """CTC log-probabilities (T, V) that say each letter in a frame, blank before and after it."""
    probs = np.full((2 * len(text) + 1, 2 + len(LETTERS)), (1 - sure) / 4)
    probs[::2, 0] = sure
    probs[np.arange(1, len(probs), 2), [2 + LETTERS.index(letter) for letter in text]] = sure
    return np.log(probs).astype(np.float32)


def reading(text: str, log_probs: np.ndarray) -> Hypothesis:
    tokens = tuple(2 + LETTERS.index(letter) for letter in text)
    score = ctc_score(log_probs, tokens)
    return Hypothesis(tokens, score, score)


@pytest.mark.parametrize(
    ("said", "heard", "loops"),
    [
        ("", "", False),
        ("abc", "", False),  # words that CTC did not hear may be right
        ("aa", "", True),
        ("aa", "a", False),
        ("aaa", "a", True),
        ("aaa", "aa", False),  # CTC merges what is said twice without a pause
        ("abcabc", "abc", False),
        ("abcabcabc", "abc", True),
        ("ababab", "aaabbb", True),  # the letters were heard as often, but not in that order
    ],
)
def test_a_loop_is_a_row_of_words_more_often_than_ctc_heard_and_once_more(said, heard, loops):
    assert has_loop(said, heard) == loops


@given(said=words, heard=words)
def test_a_loop_is_what_its_definition_says(said, heard):
    def count(row, text):
        return sum(text[begin : begin + len(row)] == row for begin in range(len(text) - len(row) + 1))

    rows = [said[begin:end] for begin in range(len(said)) for end in range(begin + 1, len(said) + 1)]
    assert has_loop(said, heard) == any(count(row, said) > count(row, heard) + 1 for row in rows)


@given(heard=words)
def test_what_ctc_hears_never_loops(heard):
    assert not has_loop(heard, heard)


def test_other_readings_that_loop_are_left_out():
    log_probs = spoken("abc")
    loop, good, other = (reading(text, log_probs) for text in ("abcabcabc", "abcb", "ac"))
    assert guard([good, other], log_probs, None, as_text) == ([good, other], None)
    assert guard([good, loop], log_probs, None, as_text) == ([good], None)


@pytest.mark.parametrize(
    ("others", "texts"),
    [
        ([], ["a b c"]),
        (["cccc"], ["a b c"]),
        (["abcb", "cccc", "abc", "ac"], ["a b c", "a b c b", "a c"]),
    ],
)
def test_where_the_best_reading_loops_ctc_has_its_say_whatever_follows(others, texts):
    log_probs = spoken("abc")
    readings = [reading(text, log_probs) for text in ("ababab", *others)]
    passed, fired = guard(readings, log_probs, None, as_text)
    assert [as_text(each.tokens) for each in passed] == texts
    assert fired == LOOP


def test_a_reading_without_evidence_is_taken_for_silence():
    log_probs = spoken("abc")
    best = reading("abc", log_probs)
    least = evidence(best, log_probs)
    assert guard([best], log_probs, least, as_text) == ([best], None)
    assert guard([best], log_probs, least + 0.01, as_text) == ((), SILENCE)
    assert guard([best], log_probs, None, as_text) == ([best], None)
    nothing = reading("", log_probs)
    assert guard([nothing], log_probs, 1e9, as_text) == ([nothing], None)


def test_evidence_is_what_ctc_holds_for_likelier_than_silence():
    clear, vague, silence = spoken("abc"), spoken("abc", sure=0.5), spoken("abc")
    silence[:, 0] = 0.0
    assert evidence(reading("abc", clear), clear) > evidence(reading("abc", vague), vague)
    assert evidence(reading("abc", vague), vague) > evidence(reading("abc", silence), silence)
    assert evidence(reading("abc", silence), silence) < 0
    assert evidence(reading("abcabc", clear[:4]), clear[:4]) == -np.inf, "no path of CTC spells it"


def test_evidence_is_that_of_a_token_however_many_there_are():
    once = spoken("abc")
    twice = np.concatenate([once, once])
    expected = evidence(reading("abc", once), once)
    assert evidence(reading("abcabc", twice), twice) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("samples", "silent"),
    [
        (np.zeros(0, np.float32), True),
        (np.zeros(100, np.float32), True),
        (np.full(100, -1.9e-4, np.float32), True),
        (np.array([0, -2.1e-4, 0], np.float32), False),
        (np.array([0, 2.1e-4], np.float32), False),
    ],
)
def test_what_16_bits_can_hardly_hold_is_silent(samples, silent):
    assert is_silent(samples) == silent


def test_the_threshold_of_a_bundle_decides_and_the_segment_says_so(tuned):
    samples = tone("one", "", "two", "")
    assert Recognizer(tuned(speech_threshold=-1e9)).transcribe(samples).text == "one two"
    transcript = Recognizer(tuned(speech_threshold=1e9)).transcribe(samples)
    assert transcript.text == ""
    (segment,) = transcript.segments
    assert (segment.guard, segment.words) == (SILENCE, ())


def test_attention_alone_is_shown_as_it_is(tuned):
    deaf = tuned(speech_threshold=1e9)
    assert Recognizer(deaf, SearchOptions(search="attention")).recognise(tone("one")).guard is None
    assert Recognizer(deaf, SearchOptions(search="ctc")).recognise(tone("one")).guard == SILENCE
