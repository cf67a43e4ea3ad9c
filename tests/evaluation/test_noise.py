import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.evaluation.noise import active_power, add_noise, cut_noise, make_pink_noise


def power(samples):
    return float(np.mean(np.square(samples, dtype=np.float64)))


def decibels(ratio):
    return 10 * np.log10(ratio)


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.mark.parametrize("snr", [20, 0, -5.5])
def test_noise_is_as_loud_as_the_ratio_says(generator, snr):
    speech = (0.1 * generator.standard_normal(16_000)).astype(np.float32)
    noise = generator.uniform(-1, 1, 16_000).astype(np.float32)
    noisy = add_noise(speech, noise, snr)
    assert noisy.dtype == np.float32
    assert decibels(power(speech) / power(noisy - speech)) == pytest.approx(snr, abs=0.01)


@pytest.mark.parametrize("room", [0.0001, 0.005])
def test_pauses_do_not_make_the_noise_weaker(generator, room):
    speech = (0.1 * generator.standard_normal(16_000)).astype(np.float32)
    hiss = (room * generator.standard_normal(48_000)).astype(np.float32)
    padded = np.concatenate([hiss, speech, hiss])
    assert decibels(active_power(padded) / power(speech)) == pytest.approx(0, abs=0.1)
    assert decibels(power(padded) / power(speech)) < -8
    noise = generator.uniform(-1, 1, len(padded)).astype(np.float32)
    assert decibels(power(speech) / power(add_noise(padded, noise, 10) - padded)) == pytest.approx(10, abs=0.1)


def test_a_last_frame_counts_as_long_as_it_is():
    speech = np.repeat(np.array([1.0, 0.5], np.float32), [320, 160])  # 20 ms and 10 ms
    assert active_power(speech) == pytest.approx(power(speech))


def test_silence_stays_as_it_is(generator):
    silence, noise = np.zeros(1000, np.float32), np.ones(1000, np.float32)
    assert np.array_equal(add_noise(silence, noise, 0), silence)
    assert np.array_equal(add_noise(noise, silence, 0), noise)
    assert active_power(np.zeros(0, np.float32)) == 0.0
    assert len(add_noise(np.zeros(0, np.float32), np.zeros(0, np.float32), 0)) == 0


@given(st.integers(1, 50), st.integers(0, 120), st.integers(0, 9))
def test_a_cut_is_a_stretch_of_the_clip_that_goes_round_when_it_is_short(clip_length, length, seed):
    clip = np.arange(clip_length, dtype=np.float32)
    cut = cut_noise(clip, length, np.random.default_rng(seed))
    assert len(cut) == length
    assert np.array_equal(cut, (cut[:1] + np.arange(length)) % clip_length)
    if length < clip_length:
        assert (np.diff(cut) == 1).all()


def test_every_stretch_of_a_clip_can_be_cut():
    clip = np.arange(5, dtype=np.float32)
    cuts = {tuple(cut_noise(clip, 3, np.random.default_rng(seed))) for seed in range(100)}
    assert cuts == {(0, 1, 2), (1, 2, 3), (2, 3, 4)}


def test_a_cut_of_a_clip_with_long_silences_has_some_sound():
    clip = np.zeros(10_000, np.float32)
    clip[70:80] = 1.0
    for seed in range(30):
        cut = cut_noise(clip, 50, np.random.default_rng(seed))
        assert len(cut) == 50 and cut.any()


def test_pink_noise_has_as_much_power_in_every_octave(generator):
    noise = make_pink_noise(1 << 16, generator)
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    octaves = [spectrum[1 << k : 2 << k].sum() for k in range(8, 15)]
    assert np.ptp(decibels(np.array(octaves))) < 1.5


@pytest.mark.parametrize("length", [0, 1, 2, 3, 321])
def test_any_length_of_pink_noise(generator, length):
    noise = make_pink_noise(length, generator)
    assert noise.shape == (length,)
    assert np.isfinite(noise).all()
