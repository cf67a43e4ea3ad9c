"""Raw PCM to samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.audio.pcm import ENCODINGS, decode_pcm, encode_pcm
from speech2text.errors import AudioError


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("channels", [1, 3])
def test_samples_come_back(encoding, channels):
    samples = np.arange(12).reshape(-1, channels).astype(ENCODINGS[encoding])
    assert (decode_pcm(samples.tobytes(), encoding, channels) == samples).all()
    assert decode_pcm(b"", encoding, channels).shape == (0, channels)


@pytest.mark.parametrize(("data", "encoding", "channels"), [(b"abc", "s16le", 1), (bytes(6), "s16le", 2)])
def test_half_a_frame_is_no_sound(data, encoding, channels):
    with pytest.raises(AudioError, match="whole frames"):
        decode_pcm(data, encoding, channels)


def test_numbers_of_16_bits_come_back_from_samples():
    numbers = np.arange(-(2**15), 2**15).astype(np.int16)
    np.testing.assert_array_equal(encode_pcm(numbers / np.float32(2**15)), numbers)


@given(st.floats(-10, 10, width=32))
def test_a_sample_becomes_the_nearest_number_and_what_is_too_loud_the_loudest(sample):
    (number,) = encode_pcm(np.array([sample], np.float32)).tolist()
    nearest = min(max(sample * 2**15, -(2**15)), 2**15 - 1)
    assert abs(number - nearest) <= 0.5
