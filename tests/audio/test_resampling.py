import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.audio.resampling import SAMPLE_RATE, Resampler, resample


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate).astype(np.float32)


@settings(max_examples=50)
@given(
    rate=st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000]),
    length=st.integers(0, 30_000),
    cuts=st.lists(st.integers(0, 30_000), max_size=8),
)
def test_a_stream_equals_the_whole_however_it_is_cut(rate, length, cuts):
    samples = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    resampler = Resampler(rate)
    blocks = [resampler.feed(block) for block in np.split(samples, sorted(min(cut, length) for cut in cuts))]
    np.testing.assert_array_equal(np.concatenate([*blocks, resampler.finish()]), resample(samples, rate))


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000, 96_000])
def test_a_tone_stays_the_tone(rate):
    heard, expected = resample(tone(rate), rate), tone(SAMPLE_RATE)
    assert len(heard) == len(expected)
    np.testing.assert_allclose(heard[800:-800], expected[800:-800], atol=1e-3)


def test_what_16_khz_cannot_hold_is_filtered_out():
    assert np.abs(resample(tone(48_000, hertz=10_000), 48_000)[800:-800]).max() < 1e-3


def test_16_khz_passes_unchanged():
    samples = tone(SAMPLE_RATE)
    np.testing.assert_array_equal(resample(samples, SAMPLE_RATE), samples)
