"""How far sound rises above the room: in any band, against the quietest of the last seconds, however it is cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.runtime.loudness import FRAME, Loudness
from speech2text.runtime.segmenter import LOUD

SECOND = SAMPLE_RATE // FRAME
"""Frames in it."""


def noise(seconds, level, low=0, high=SAMPLE_RATE // 2, seed=0):
    """Noise of `level` decibels of full scale, if it had all frequencies; it has those from low to high, in Hz."""
    white = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE))
    spectrum = np.fft.rfft(white)
    hertz = np.fft.rfftfreq(len(white), 1 / SAMPLE_RATE)
    spectrum[(hertz < low) | (hertz > high)] = 0
    return (10 ** (level / 20) * np.fft.irfft(spectrum, len(white))).astype(np.float32)


def tone(seconds, level, hertz):
    """A tone of `level` decibels of full scale: its power is that of noise of the same level."""
    wave = np.sin(2 * np.pi * hertz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)
    return (np.sqrt(2) * 10 ** (level / 20) * wave).astype(np.float32)


def measure(*parts):
    loudness = Loudness()
    return np.array(loudness.feed(np.concatenate(parts)) + loudness.finish())


@settings(max_examples=50)
@given(length=st.integers(0, 5000), cuts=st.lists(st.integers(0, 5000), max_size=6))
def test_each_begun_frame_has_a_value_however_the_samples_come(length, cuts):
    samples = noise(1, -40)[:length]
    loudness = Loudness()
    found = [above for block in np.split(samples, sorted(cuts)) for above in loudness.feed(block)] + loudness.finish()
    assert found == measure(samples).tolist()
    assert len(found) == -(-length // FRAME)


@pytest.mark.parametrize("hertz", [200, 1000, 6000])
def test_decibels_are_those_of_the_power_above_what_counts_as_silence(hertz):
    above = measure(np.zeros(SAMPLE_RATE, np.float32), tone(0.5, -50, hertz))
    assert above[: SECOND - 1].max() == 0
    assert above[-1] == pytest.approx(80 - 50, abs=0.5)


def test_what_begins_with_the_recording_is_no_room():
    assert measure(noise(0.5, -40))[SECOND // 4 :].min() > 25


@pytest.mark.parametrize("band", [(150, 350), (450, 750), (850, 1350), (1450, 2250), (2350, 3900), (4100, 7900)])
def test_a_sound_in_one_part_of_the_spectrum_is_heard_over_a_room_that_is_loud_elsewhere(band):
    low, high = band
    room = noise(6, -70) + noise(6, -50, high=low - 150 * (low > 150)) * (low > 150) + noise(6, -50, low=high + 150)
    sound = np.concatenate([np.zeros(5 * SAMPLE_RATE, np.float32), noise(1, -55, low, high, seed=1)])
    above = measure(room + sound)
    assert above[round(4.6 * SECOND) : 5 * SECOND].max() < LOUD
    assert above[round(5.2 * SECOND) :].min() > LOUD


@pytest.mark.parametrize("hertz", [10, 20])
def test_rumble_is_nothing_said(hertz):
    room = noise(6, -60)
    rumble = np.concatenate([np.zeros(5 * SAMPLE_RATE, np.float32), tone(1, -50, hertz)])
    assert measure(room + rumble)[round(4.6 * SECOND) :].max() < LOUD


def test_what_lasts_for_four_seconds_is_the_room_and_nothing_shorter_is():
    above = measure(noise(5, -75), noise(6, -45))[5 * SECOND :]
    assert above[round(0.1 * SECOND) : round(3.9 * SECOND)].min() > 20
    assert above[round(4.6 * SECOND) :].max() < LOUD


def test_a_room_that_falls_quiet_is_known_at_once():
    above = measure(noise(6, -40), noise(0.3, -70), noise(0.2, -50))
    assert above.min() >= 0
    assert above[-1] == pytest.approx(20, abs=3)
