"""Raw PCM to samples."""

import numpy as np
import pytest

from speech2text.audio.pcm import ENCODINGS, decode_pcm
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
