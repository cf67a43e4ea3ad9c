"""Words begin and end where the sound does, as near as CTC's tokens allow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.runtime import boundaries
from speech2text.runtime.boundaries import Mark, place_words

EDGE = 0.03
"""Seconds that the smoothing of the levels moves an edge at most."""


def sound(*stretches, noise=0.0005, seed=0):
    """Seconds of sound (positive) and of pause (negative), over faint noise."""
    rng = np.random.default_rng(seed)
    loudness = np.concatenate(
        [np.full(round(abs(length) * SAMPLE_RATE), 0.2 if length > 0 else 0.0) for length in stretches]
    )
    return ((loudness + noise) * rng.standard_normal(len(loudness))).astype(np.float32)


def test_pauses_are_no_words():
    placed = place_words(sound(-0.3, 0.4, -0.2, 0.5, -0.4), [Mark(0.5, 0.5), Mark(1.0, 1.2)])
    assert placed == [pytest.approx((0.3, 0.7), abs=EDGE), pytest.approx((0.9, 1.4), abs=EDGE)]


def test_a_token_heard_in_the_silence_before_its_word():
    placed = place_words(sound(-0.5, 0.4, -0.3, 0.4, -0.3), [Mark(0.0, 0.0), Mark(1.12, 1.12)])
    assert placed == [pytest.approx((0.5, 0.9), abs=EDGE), pytest.approx((1.2, 1.6), abs=EDGE)]


def test_a_closure_within_a_word_is_no_boundary():
    placed = place_words(sound(-0.3, 0.2, -0.06, 0.2, 0.4, -0.3), [Mark(0.4, 0.4), Mark(0.85, 0.85)])
    assert placed is not None
    assert placed[0] == pytest.approx((0.3, 0.77), abs=EDGE)


def test_words_without_a_pause_meet_just_before_the_token_of_the_second():
    (_, end), (start, _) = place_words(sound(-0.2, 1.0, -0.2), [Mark(0.3, 0.3), Mark(0.8, 0.8)])
    assert end == start
    assert 0.6 <= start <= 0.8


@pytest.mark.parametrize("cough", [0.25, 0.5, 0.7, 0.9, 1.2, 2.0])
def test_a_cough_between_two_pauses_belongs_to_no_word(cough):
    next_start = 1.3 + cough
    marks = [Mark(0.4, 0.4), Mark(next_start + 0.05, next_start + 0.05)]
    placed = place_words(sound(-0.3, 0.4, -0.4, cough, -0.2, 0.4, -0.3), marks)
    assert placed == [pytest.approx((0.3, 0.7), abs=EDGE), pytest.approx((next_start, next_start + 0.4), abs=EDGE)]


def test_noise_without_a_pause_does_not_make_words_endless():
    (_, end), _ = place_words(sound(8.0), [Mark(0.3, 0.3), Mark(6.0, 6.0)])
    assert end <= 1.5


def test_the_last_word_does_not_reach_into_the_noise_after_it():
    ((_, end),) = place_words(sound(-0.3, 0.4, -0.5, 0.3, -2.0), [Mark(0.4, 0.4)])
    assert end == pytest.approx(0.7, abs=EDGE)


def test_rhythmic_noise_offers_no_more_pauses_than_can_be_compared(monkeypatch):
    seen, best = [], boundaries._best

    def watch(offered):
        seen.extend(len(each.worth) for each in offered)
        return best(offered)

    monkeypatch.setattr(boundaries, "_best", watch)
    pulses = [0.04, -0.07] * round(60 / 0.11)
    ((start, end),) = place_words(sound(*pulses, -0.5, 0.4, -0.5, *pulses), [Mark(60.6, 60.6)])
    assert seen == [boundaries._MOST_PAUSES + 1] * 2
    assert 60 <= start < 60.6 < end <= 62


@settings(max_examples=100)
@given(
    stretches=st.lists(st.sampled_from([-0.8, -0.2, -0.05, 0.05, 0.2, 0.8]), min_size=1, max_size=12),
    places=st.lists(st.integers(0, 10**6), min_size=1, max_size=8, unique=True),
    seed=st.integers(0, 100),
)
def test_times_are_in_order_and_inside_whatever_is_heard(stretches, places, seed):
    samples = sound(*stretches, seed=seed)
    duration = len(samples) / SAMPLE_RATE
    frames = sorted({int(place / 10**6 * duration / 0.04) for place in places})
    placed = place_words(samples, [Mark(frame * 0.04, frame * 0.04) for frame in frames])
    assert placed is not None
    edges = [time for word in placed for time in word]
    assert edges == sorted(edges)
    assert all(start < end for start, end in placed)
    assert edges[0] >= 0
    assert edges[-1] <= duration


@pytest.mark.parametrize("marks", [[], [Mark(0.1, 0.1)] * 3])
def test_marks_that_leave_no_room_are_refused(marks):
    assert place_words(sound(0.5), marks) is None


def test_no_samples_no_words():
    assert place_words(np.zeros(0, np.float32), [Mark(0.0, 0.0)]) is None


def test_silence_alone_is_one_word_at_most():
    placed = place_words(np.zeros(SAMPLE_RATE, np.float32), [Mark(0.2, 0.2)])
    assert placed is None or 0 <= placed[0][0] < placed[0][1] <= 1
