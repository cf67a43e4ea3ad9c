"""Several hearings of one span: how they agree, and what becomes of times, guards and further readings."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.decoding.hypothesis import Hypothesis
from speech2text.decoding.protocols import Memory
from speech2text.evaluation.error_rate import count_words
from speech2text.runtime.guards import LOOP, SILENCE
from speech2text.runtime.hearings import POOLED, Hearing, agree, change_speed
from speech2text.runtime.options import SearchOptions
from speech2text.runtime.recognizer import Recognizer
from tests.tiny_bundle import tone

WORDS = "abcdefgh"
NOTHING = Memory(np.zeros((0, 1), np.float32), np.zeros((0, 1), np.float32), np.zeros((0, 1), np.float32))


def as_text(tokens):
    return " ".join(WORDS[token] for token in tokens)


def hearing(*readings, guard=None, frame=0.08):
    """What gave these texts, each with its probability, the likeliest first."""
    hypotheses = [Hypothesis(tuple(map(WORDS.index, text.split())), np.log(p), 0.0) for text, p in readings]
    return Hearing(NOTHING, frame, hypotheses, guard)


def test_one_hearing_has_its_own_reading_and_the_scores_of_the_search():
    only = hearing(("a b", 0.4), ("c d", 0.3), ("c e", 0.3))
    verdict = agree([only], as_text)
    assert (verdict.hearing, as_text(verdict.tokens)) == (only, "a b")
    assert [(each.text, each.score) for each in verdict.alternatives] == [
        (as_text(each.tokens), each.score) for each in only.readings
    ]


def test_what_most_hearings_say_is_taken_from_the_one_that_is_surest_of_it():
    unsure, sure, other = hearing(("a b", 0.6), ("a", 0.4)), hearing(("a b", 1.0)), hearing(("c d", 0.9), ("a d", 0.1))
    for order in ([unsure, sure, other], [other, sure, unsure]):
        verdict = agree(order, as_text)
        assert (verdict.hearing, as_text(verdict.tokens)) == (sure, "a b")
    scores = {each.text: np.exp(each.score) for each in verdict.alternatives}
    assert scores == pytest.approx({"a b": 1.6 / 3, "a": 0.4 / 3, "c d": 0.3, "a d": 0.1 / 3})
    assert [each.text for each in verdict.alternatives] == ["a b", "c d", "a", "a d"]


def test_a_text_that_is_less_likely_is_taken_where_fewer_errors_are_to_be_expected():
    others = [("d e f", 0.9), ("d e h", 0.1)], [("d e g", 0.9), ("d e f", 0.05), ("d e h", 0.05)]
    verdict = agree([hearing(("a b c", 1.0)), *(hearing(*each) for each in others)], as_text)
    assert as_text(verdict.tokens) == "d e f"
    assert [each.text for each in verdict.alternatives] == ["d e f", "a b c", "d e g", "d e h"]


texts = st.lists(st.sampled_from("abc"), max_size=4).map(" ".join)
shares = st.floats(0.01, 1.0)


@given(st.lists(st.lists(st.tuples(texts, shares), min_size=1, max_size=4), min_size=2, max_size=4))
def test_no_text_has_fewer_errors_to_be_expected(rows):
    hearings = [hearing(*sorted(each, key=lambda reading: -reading[1])) for each in rows]
    believed: dict[str, float] = {}
    for each in rows:
        for text, share in each:
            believed[text] = believed.get(text, 0.0) + share / sum(other for _, other in each)

    def expected_errors(text):
        counts = count_words([text] * len(believed), [*believed])
        return sum(p * count.errors for p, count in zip(believed.values(), counts, strict=True))

    found = as_text(agree(hearings, as_text).tokens)
    assert expected_errors(found) == pytest.approx(min(map(expected_errors, believed)))


@pytest.mark.parametrize("silent", [hearing(guard=SILENCE), hearing(("", 1.0))])
def test_nothing_is_said_where_most_hearings_hear_nothing(silent):
    spoken = hearing(("a", 0.9), ("b", 0.1))
    assert agree([spoken, silent, silent], as_text).tokens == ()
    assert as_text(agree([silent, spoken, spoken], as_text).tokens) == "a"


def test_what_stands_in_for_a_loop_is_the_only_reading_of_its_hearing():
    """Its score is that of CTC alone, and does not compare with those of the others."""
    stood_in = hearing(("a", 1e-9), ("b", 1.0), guard=LOOP)
    assert as_text(agree([stood_in, hearing(("a", 0.6), ("c", 0.4))], as_text).tokens) == "a"


def test_readings_behind_those_that_count_change_nothing():
    alphabet = [f"{first} {second}" for first in WORDS for second in WORDS]
    many = hearing(*((text, 0.01) for text in alphabet[: POOLED + 5]))
    few = replace(many, readings=many.readings[:POOLED])
    other = hearing(("h h", 1.0))
    assert agree([many, other], as_text).alternatives == agree([few, other], as_text).alternatives


@pytest.mark.parametrize("speed", [0.5, 0.95, 1.0, 1.05, 2.0])
@pytest.mark.parametrize("count", [1, 2, 8000])
def test_another_speed_keeps_loudness_and_changes_length_and_pitch(speed, count):
    samples = np.sin(np.arange(count) * 2 * np.pi * 440 / SAMPLE_RATE).astype(np.float32)
    changed = change_speed(samples, speed)
    assert changed.dtype == np.float32
    assert len(changed) == -int(-count // speed)
    wanted = np.sin(np.arange(len(changed)) * speed * 2 * np.pi * 440 / SAMPLE_RATE)
    inside = np.arange(len(changed)) * speed <= count - 1  # behind the last sample nothing is known but that
    np.testing.assert_allclose(changed[inside], wanted[inside], atol=0.005)


def test_times_are_those_of_the_recording_at_whatever_speed_it_was_heard(tuned):
    samples = tone("", "three", "", "", "three", "", "three", "")
    once = Recognizer(tuned()).recognise(samples)
    for speeds in ((0.9, 1.1), (0.5, 0.5), (2.0, 2.0)):
        several = Recognizer(tuned(other_speeds=speeds)).recognise(samples)
        assert several.text == once.text == "three three three"
        for ours, theirs in zip(several.words, once.words, strict=True):
            assert (ours.start, ours.end) == pytest.approx((theirs.start, theirs.end), abs=0.09)
        assert all(left.end <= right.start for left, right in pairwise(several.words))
        assert several.end <= len(samples) / SAMPLE_RATE


@pytest.fixture
def brief():
    """Two fifths of a frame of "one": twice as fast it is a fifth of a frame, and as loud as "two"."""
    sound = tone("one", seconds=0.016)
    return np.concatenate([sound, np.zeros(8000, np.float32)])


def test_hearing_once_is_asked_for_with_no_other_speeds(tuned, brief):
    bundle = tuned(other_speeds=(1.9, 2.0))
    assert Recognizer(bundle).recognise(brief).text == "two"
    assert Recognizer(bundle, SearchOptions(other_speeds=())).recognise(brief).text == "one"
    assert Recognizer(bundle, SearchOptions(search="ctc")).recognise(brief).text == "one"
    assert Recognizer(tuned(), SearchOptions(other_speeds=(1.9, 2.0))).recognise(brief).text == "two"


def test_more_readings_change_no_text(tuned, brief):
    bundle = tuned(other_speeds=(1.9, 2.0))
    segment = Recognizer(bundle, SearchOptions(n_best=3)).recognise(brief)
    assert [each.text for each in segment.alternatives][:2] == ["two", "one"]
    assert len(segment.alternatives) <= 3
    assert replace(segment, alternatives=()) == Recognizer(bundle).recognise(brief)
