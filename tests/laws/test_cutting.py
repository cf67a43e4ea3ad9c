"""Law 1: however a recording is cut into blocks, the same is heard.

Here: the same spans. That a stream gives the same updates is in test_stream.py, that a listener which is given a
recording piece by piece hears the same in torch and ONNX is law 4, and that pieces equal chunks is in
tests/model/test_listener.py.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.audio.files import read_audio, read_blocks
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.runtime.endpoints import EndpointRules
from speech2text.runtime.segmenter import Segmenter, Span

CONTEXT = 0.5
RULES = EndpointRules(longest=2.0)  # as good as 20 for a test, and more is cut
SECONDS = 12


def speech(seconds: float) -> np.ndarray:
    """Noise whose level wanders, with stretches of near silence."""
    generator = np.random.default_rng(0)
    levels = np.repeat(generator.choice([0.3, 0.1, 0.03, 1e-3, 1e-3, 0.0], round(4 * seconds)), SAMPLE_RATE // 4)
    return (levels * generator.uniform(-1, 1, len(levels))).astype(np.float32)


SPEECH = speech(SECONDS)


def cut(blocks: Iterable[np.ndarray], rules: EndpointRules) -> list[Span]:
    segmenter = Segmenter(CONTEXT, rules)
    return [span for block in blocks for span in segmenter.feed(block)] + segmenter.finish()


def assert_equal(found: list[Span], expected: list[Span]) -> None:
    assert [span.start_sample for span in found] == [span.start_sample for span in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)


@settings(max_examples=60)
@given(
    length=st.integers(0, len(SPEECH)),
    cuts=st.lists(st.integers(0, len(SPEECH)), max_size=12),
    rules=st.sampled_from([RULES, EndpointRules(), EndpointRules(silence_after_speech=0.7)]),
)
def test_blocks_of_any_length_give_the_same_spans(length, cuts, rules):
    samples = SPEECH[:length]
    blocks = np.split(samples, sorted(min(edge, length) for edge in cuts))
    assert_equal(cut(blocks, rules), cut([samples], rules))


@pytest.mark.parametrize("block", [160, 333, 4000])
def test_blocks_of_one_length_give_the_same_spans(block):
    whole = cut([SPEECH], RULES)
    assert len(whole) > 3
    assert_equal(cut(np.split(SPEECH, range(block, len(SPEECH), block)), RULES), whole)


@pytest.fixture(scope="module", params=[8_000, 16_000, 44_100])
def recording(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("recordings") / "noise.flac"
    soundfile.write(path, speech(5.3), request.param)  # longer or shorter than 5.3 s at other rates
    return path


@settings(max_examples=10)
@given(block_seconds=st.floats(0.01, 20))
def test_a_file_gives_the_same_spans_however_it_is_read(recording, block_seconds):
    assert_equal(cut(read_blocks(recording, block_seconds), RULES), cut([read_audio(recording)], RULES))
