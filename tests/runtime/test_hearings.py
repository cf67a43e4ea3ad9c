"""Several hearings of one span: how they are combined, and what becomes of times, guards and further readings."""

import pickle
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
from speech2text.runtime.hearings import N_BEST, Hearing, change_speed, combine
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
    return Hearing(NOTHING, frame, hypotheses, guard, guard)


def test_one_hearing_has_its_own_reading_and_the_scores_of_the_search():
    only = hearing(("a b", 0.4), ("c d", 0.3), ("c e", 0.3))
    consensus = combine([only], as_text)
    assert (consensus.hearing, as_text(consensus.tokens)) == (only, "a b")
    assert [(each.text, each.score) for each in consensus.alternatives] == [
        (as_text(each.tokens), each.score) for each in only.readings
    ]


def test_what_most_hearings_say_is_taken_from_the_one_that_is_surest_of_it():
    unsure, sure, other = hearing(("a b", 0.6), ("a", 0.4)), hearing(("a b", 1.0)), hearing(("c d", 0.9), ("a d", 0.1))
    for order in ([unsure, sure, other], [other, sure, unsure]):
        consensus = combine(order, as_text)
        assert (consensus.hearing, as_text(consensus.tokens)) == (sure, "a b")
    scores = {each.text: np.exp(each.score) for each in consensus.alternatives}
    assert scores == pytest.approx({"a b": 1.6 / 3, "a": 0.4 / 3, "c d": 0.3, "a d": 0.1 / 3})
    assert [each.text for each in consensus.alternatives] == ["a b", "c d", "a", "a d"]


def test_a_text_that_is_less_likely_is_taken_where_fewer_errors_are_to_be_expected():
    others = [("d e f", 0.9), ("d e h", 0.1)], [("d e g", 0.9), ("d e f", 0.05), ("d e h", 0.05)]
    consensus = combine([hearing(("a b c", 1.0)), *(hearing(*each) for each in others)], as_text)
    assert as_text(consensus.tokens) == "d e f"
    assert [each.text for each in consensus.alternatives] == ["d e f", "a b c", "d e g", "d e h"]


texts = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(" ".join)
shares = st.floats(0.01, 1.0)


@given(st.lists(st.lists(st.tuples(texts, shares), min_size=1, max_size=4), min_size=2, max_size=4))
def test_no_text_has_fewer_errors_to_be_expected(rows):
    hearings = [hearing(*sorted(each, key=lambda reading: -reading[1])) for each in rows]
    posteriors: dict[str, float] = {}
    for each in rows:
        for text, share in each:
            posteriors[text] = posteriors.get(text, 0.0) + share / sum(other for _, other in each)

    def expected_errors(text):
        counts = count_words([text] * len(posteriors), [*posteriors])
        return sum(p * count.errors for p, count in zip(posteriors.values(), counts, strict=True))

    found = as_text(combine(hearings, as_text).tokens)
    assert expected_errors(found) == pytest.approx(min(map(expected_errors, posteriors)))


@pytest.mark.parametrize("silent", [hearing(guard=SILENCE), hearing(("", 0.4), ("a b", 0.3), ("a c", 0.3))])
def test_most_hearings_decide_whether_anything_is_said_and_the_first_where_they_are_as_many(silent):
    """However unsure they are of it, so that the texts that are not theirs together are likelier."""
    spoken = hearing(("a", 0.4), ("b", 0.3), ("c", 0.3))
    for order in ([spoken, silent, silent], [silent, spoken, silent], [silent, spoken]):
        consensus = combine(order, as_text)
        assert (consensus.hearing, consensus.tokens) == (silent, ())
    for order in ([silent, spoken, spoken], [spoken, spoken, silent], [spoken, silent]):
        assert as_text(combine(order, as_text).tokens) == "a"


def test_what_stands_in_for_a_loop_is_taken_where_there_is_nothing_else():
    """It is the reading of CTC alone, and its score does not compare with others."""
    stood_in, clean = hearing(("f", 0.9), guard=LOOP), hearing(("a", 0.4), ("b", 0.35), ("c", 0.25))
    for order in ([stood_in, clean, stood_in], [clean, stood_in, clean]):
        consensus = combine(order, as_text)
        assert (consensus.hearing, as_text(consensus.tokens)) == (clean, "a")
    consensus = combine([stood_in, hearing(("g", 0.9), guard=LOOP), hearing(guard=SILENCE)], as_text)
    assert (consensus.hearing, as_text(consensus.tokens)) == (stood_in, "f")


@pytest.mark.parametrize("gap", [744.2, 744.8, 745.2, 1e4])
def test_a_reading_next_to_impossible_is_left_out(gap):
    """Half of the smallest number above zero is none, and has no logarithm."""
    far = Hypothesis((1,), -gap, 0.0)
    unlikely = replace(hearing(("a", 1.0)), readings=[Hypothesis((0,), 0.0, 0.0), far])
    consensus = combine([unlikely, hearing(("a", 1.0))], as_text)
    assert consensus.alternatives[0].text == "a"
    assert all(np.isfinite(each.score) for each in consensus.alternatives)


def test_readings_behind_those_that_count_change_nothing():
    alphabet = [f"{first} {second}" for first in WORDS for second in WORDS]
    many = hearing(*((text, 0.01) for text in alphabet[: N_BEST + 5]))
    few = replace(many, readings=many.readings[:N_BEST])
    other = hearing(("h h", 1.0))
    assert combine([many, other], as_text).alternatives == combine([few, other], as_text).alternatives


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


@pytest.mark.parametrize("n_best", [3, 100])
def test_more_readings_change_no_text(tuned, brief, n_best):
    bundle = tuned(other_speeds=(1.9, 2.0))
    segment = Recognizer(bundle, SearchOptions(n_best=n_best)).recognise(brief)
    assert [each.text for each in segment.alternatives][:2] == ["two", "one"]
    assert len(segment.alternatives) <= min(n_best, 3 * N_BEST)
    assert replace(segment, alternatives=()) == Recognizer(bundle).recognise(brief)


@pytest.mark.parametrize("speeds", [(), (0.95, 1.05)])
def test_hot_words_that_a_guard_takes_away_leave_what_was_said_and_its_readings(tuned, speeds):
    samples = tone("three", "three")
    bundle = tuned(other_speeds=speeds)
    plain = Recognizer(bundle, SearchOptions(n_best=4)).recognise(samples)
    keen = Recognizer(bundle, SearchOptions(n_best=4, hotwords=["two"], hotwords_score=100)).recognise(samples)
    assert (keen.guard, plain.guard) == ("loop", None)
    assert replace(keen, guard=None) == plain
    assert plain.text == plain.alternatives[0].text == "three"


def test_a_recogniser_in_another_process_hears_at_the_same_speeds(bundle, brief):
    recognizer = Recognizer(bundle, SearchOptions(other_speeds=(1.9, 2.0)))
    assert pickle.loads(pickle.dumps(recognizer)).recognise(brief) == recognizer.recognise(brief)
