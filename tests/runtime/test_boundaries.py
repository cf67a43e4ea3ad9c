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


def levels(*stretches, seed=0):
    """Noise of (seconds, decibels of full scale)."""
    rng = np.random.default_rng(seed)
    loudness = np.concatenate([np.full(round(length * SAMPLE_RATE), 10 ** (level / 20)) for length, level in stretches])
    return (loudness * rng.standard_normal(len(loudness))).astype(np.float32)


def test_pauses_are_no_words():
    placed = place_words(sound(-0.3, 0.4, -0.2, 0.5, -0.4), [Mark(0.5, 0.5), Mark(1.0, 1.2)])
    assert placed == [pytest.approx((0.3, 0.7), abs=EDGE), pytest.approx((0.9, 1.4), abs=EDGE)]


@pytest.mark.parametrize("token", [0.93, 1.0, 1.12, 1.19])
def test_a_token_heard_in_the_silence_before_its_word(token):
    placed = place_words(sound(-0.5, 0.4, -0.3, 0.4, -0.3), [Mark(0.0, 0.0), Mark(token, token)])
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


@pytest.mark.parametrize(
    ("room", "word", "after", "end"), [(-66, -14, -58, 0.7), (-66, -14, -50, 0.9), (-66, -52, -62, 0.7)]
)
def test_a_pause_may_be_a_little_louder_than_the_room_and_a_word_ends_more_quietly_than_it_began(
    room, word, after, end
):
    samples = levels((0.3, room), (0.4, word), (0.2, after), (0.8, room), (0.4, word), (1.0, room))
    placed = place_words(samples, [Mark(0.4, 0.4), Mark(1.8, 1.8)])
    assert placed == [pytest.approx((0.3, end), abs=EDGE), pytest.approx((1.7, 2.1), abs=EDGE)]


def test_neither_a_bang_nor_a_dropout_elsewhere_moves_a_word():
    samples = levels((0.3, -40), (0.4, -20), (0.3, -40), (0.4, -20), (2.0, -40))
    samples[round(2.4 * SAMPLE_RATE) : round(2.45 * SAMPLE_RATE)] = 0
    samples[round(3.0 * SAMPLE_RATE) : round(3.05 * SAMPLE_RATE)] *= 90
    placed = place_words(samples, [Mark(0.4, 0.4), Mark(1.1, 1.1)])
    assert placed == [pytest.approx((0.3, 0.7), abs=EDGE), pytest.approx((1.0, 1.4), abs=EDGE)]


def test_faint_noise_is_a_pause_where_the_rest_is_digital_silence():
    samples = levels((0.3, -300), (0.4, -14), (0.3, -88), (0.4, -14), (0.3, -300))
    placed = place_words(samples, [Mark(0.4, 0.4), Mark(1.1, 1.1)])
    assert placed == [pytest.approx((0.3, 0.7), abs=EDGE), pytest.approx((1.0, 1.4), abs=EDGE)]


def test_the_hum_of_a_room_hides_no_hiss():
    samples = levels((0.3, -70), (0.4, -20), (0.2, -40), (0.6, -70), (0.4, -20), (0.3, -70))
    hum = 0.03 * np.sin(2 * np.pi * 100 * np.arange(len(samples)) / SAMPLE_RATE).astype(np.float32)
    placed = place_words(samples + hum, [Mark(0.4, 0.4), Mark(1.6, 1.6)])
    assert placed == [pytest.approx((0.3, 0.9), abs=EDGE), pytest.approx((1.5, 1.9), abs=EDGE)]


def test_a_token_heard_late_in_its_word():
    placed = place_words(sound(-0.3, 0.4, -0.2, 0.6, -0.3), [Mark(0.4, 0.4), Mark(1.35, 1.35)])
    assert placed == [pytest.approx((0.3, 0.7), abs=EDGE), pytest.approx((0.9, 1.5), abs=EDGE)]


def test_a_syllable_between_two_closures_belongs_to_its_word():
    (_, end), _ = place_words(sound(-0.3, 0.2, -0.06, 0.3, -0.06, 0.4, -0.3), [Mark(0.35, 0.35), Mark(1.0, 1.0)])
    assert end == pytest.approx(0.89, abs=0.06)


def test_no_word_is_squeezed_between_two_closures():
    samples = sound(-0.3, 0.4, -0.06, 0.05, -0.06, 0.4, -0.3)
    _, (start, end), _ = place_words(samples, [Mark(0.4, 0.4), Mark(0.78, 0.78), Mark(0.95, 0.95)])
    assert end - start >= 0.099


def test_the_last_word_ends_at_the_first_pause_and_without_one_soon_after_its_last_token():
    ((_, end),) = place_words(sound(-0.3, 0.2, -0.06, 2.0), [Mark(0.4, 0.4)])
    assert end == pytest.approx(0.5, abs=EDGE)
    ((_, end),) = place_words(sound(-0.3, 3.0), [Mark(0.4, 0.4)])
    assert 0.6 <= end <= 1.0


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
    cut=st.integers(0, 159),
)
def test_times_are_in_order_and_inside_whatever_is_heard(stretches, places, seed, cut):
    samples = sound(*stretches, seed=seed)[cut:]
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
