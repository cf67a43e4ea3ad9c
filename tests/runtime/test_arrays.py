"""Arrays of all kinds become the same sound."""

import numpy as np
import pytest

from speech2text.errors import AudioError, AudioWarning
from speech2text.runtime.arrays import mix_down, to_mono

SOUND = np.array([0.0, 0.5, -0.5, -1.0], np.float32)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_taken_as_they_are(dtype):
    mono = to_mono(SOUND.astype(dtype), 16_000)
    assert mono.dtype == np.float32
    assert (mono == SOUND).all()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_integers_are_scaled_by_the_range_of_their_type(dtype):
    full = -int(np.iinfo(dtype).min)
    assert (to_mono((SOUND * full).astype(dtype), 16_000) == SOUND).all()


def test_channels_are_averaged():
    stereo = np.stack([SOUND, 0 * SOUND], axis=1)
    assert (to_mono(stereo, 16_000) == SOUND / 2).all()
    assert (to_mono(SOUND[:, None], 16_000) == SOUND).all()


def test_each_sample_is_averaged_alone_however_the_array_is_laid_out():
    channels = np.asfortranarray(np.random.default_rng(0).uniform(-1, 1, (1000, 8)).astype(np.float32))
    one_by_one = [mix_down(channels[index : index + 1])[0] for index in range(len(channels))]
    assert (mix_down(channels) == one_by_one).all()


@pytest.mark.parametrize("masked", [False, True])
def test_a_masked_array_is_what_is_under_its_mask(masked):
    integers = (SOUND * 2**31).astype(np.int32)
    for samples in (SOUND, integers):
        assert (to_mono(np.ma.array(samples, mask=masked), 16_000) == to_mono(samples, 16_000)).all()


def test_a_list_is_refused():
    with pytest.raises(TypeError, match=r"must be a NumPy array, not list; np\.array"):
        to_mono([0.0, 1.0], 16_000)


@pytest.mark.parametrize("dtype", [np.float64, np.int16])
def test_channels_that_cancel_each_other_out_are_told(dtype):
    both = np.stack([SOUND, -SOUND], axis=1) * (32_767 if dtype is np.int16 else 1)
    with pytest.warns(AudioWarning, match="samples whose channels cancel each other out"):
        assert not to_mono(both.astype(dtype), 16_000).any()


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_samples_of_16_bits_in_a_wider_type_are_told(dtype):
    with pytest.warns(AudioWarning, match=r"at most 32767 in an array of int.*; give those of 16 bits as int16"):
        to_mono((np.abs(SOUND) * 32_767).astype(dtype), 16_000)


def test_other_rates_are_resampled():
    assert len(to_mono(np.zeros(44_100, np.float32), 44_100)) == 16_000


def test_a_column_of_a_table_is_sound_too():
    assert (to_mono(np.stack([SOUND, SOUND], axis=1)[:, 0], 16_000) == SOUND).all()


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros((2, 16_000), np.float32), 16_000, r"shape \(2, 16000\).*samples \(N,\) or \(N, channels\)"),
        (np.zeros((1, 1, 1), np.float32), 16_000, "shape"),
        (np.zeros((4, 0), np.float32), 16_000, "shape"),
        (np.array(0.0), 16_000, "shape"),
        (np.zeros(4, np.uint8), 16_000, "uint8"),
        (np.zeros(4, bool), 16_000, "bool"),
        (np.zeros(4, complex), 16_000, "complex"),
        (np.array(["a"]), 16_000, "no sound"),
        (np.array([0, np.nan], np.float32), 16_000, "NaN"),
        (np.array([0, np.inf], np.float32), 16_000, "infinite"),
        (np.array([0, 1e300]), 16_000, "infinite"),
        (np.array([0, -3e38], np.float32), 16_000, r"samples of 3e\+38, and floats go from -1 to 1"),
        (np.array([0, 32_767.0]), 16_000, r"samples of 3e\+04, and floats go from -1 to 1"),
    ],
)
def test_what_is_no_sound_is_refused(samples, rate, message):
    with pytest.raises(AudioError, match=message):
        to_mono(samples, rate)


@pytest.mark.parametrize("rate", [0, -16_000, 16, 16_000_000, float("nan"), float("inf")])
def test_an_impossible_rate_is_refused(rate):
    with pytest.raises(ValueError, match=f"rate of {rate} Hz is impossible"):
        to_mono(SOUND, rate)
