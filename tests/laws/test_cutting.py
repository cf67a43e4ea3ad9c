"""Law 1: however a recording is cut into blocks, the same is heard.

As far as there is no stream yet, that is: the same spans. That a listener which is given a recording piece by piece
hears the same in torch and ONNX is law 4, and that pieces equal chunks is in tests/model/test_listener.py.
"""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.audio.files import read_audio, read_blocks
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.runtime.segmenter import split

LONGEST = 2.0  # seconds: as good as 20 for a test, and quicker


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, round(seconds * SAMPLE_RATE)).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(length=st.integers(0, 8 * SAMPLE_RATE), cuts=st.lists(st.integers(0, 8 * SAMPLE_RATE), max_size=12))
def test_spans_tile_the_recording_however_its_blocks_are_cut(length, cuts):
    samples = noise(8)[:length]
    whole = list(split([samples], LONGEST))
    blocks = list(split(np.split(samples, sorted(min(cut, length) for cut in cuts)), LONGEST))
    assert [span.start_sample for span in whole] == [span.start_sample for span in blocks]
    next_sample = 0
    for span in blocks:
        assert span.start_sample == next_sample
        assert 0 < len(span.samples) <= LONGEST * SAMPLE_RATE
        next_sample += len(span.samples)
    assert next_sample == length
    np.testing.assert_array_equal(np.concatenate([samples[:0], *(span.samples for span in blocks)]), samples)


@pytest.fixture(scope="module", params=[8_000, 16_000, 44_100])
def recording(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("recordings") / "noise.flac"
    soundfile.write(path, noise(5.3), request.param)  # longer or shorter than 5.3 s at other rates
    return path


@settings(deadline=None, max_examples=10)
@given(block_seconds=st.floats(0.01, 20))
def test_a_file_gives_the_same_spans_however_it_is_read(recording, block_seconds):
    whole = list(split([read_audio(recording)], LONGEST))
    blocks = list(split(read_blocks(recording, block_seconds), LONGEST))
    assert [span.start_sample for span in blocks] == [span.start_sample for span in whole]
    for one, other in zip(blocks, whole, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)
