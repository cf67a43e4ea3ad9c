"""Laws 2 and 5, as far as there is no stream: a file says what its spans say, in order and within the recording."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import speech2text
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.runtime.segmenter import Segmenter
from tests.tiny_bundle import LEVELS, tone, write_tiny_bundle

recordings = st.lists(st.tuples(st.sampled_from(["", *LEVELS]), st.floats(0.02, 6.0)), max_size=25).map(
    lambda said: np.concatenate([np.zeros(0, np.float32), *(tone(word, seconds=length) for word, length in said)])
)


@pytest.fixture(scope="module", params=[(), (0.9, 1.1)], ids=["once", "thrice"])
def recognizer(request, tmp_path_factory):
    bundle = write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")
    return speech2text.load_model(bundle.folder, other_speeds=request.param)


@settings(max_examples=25)
@given(samples=recordings)
def test_a_recording_says_what_its_spans_say_heard_whole(recognizer, samples):
    segmenter = Segmenter(recognizer.manifest.model.chunk_seconds)
    spans = segmenter.feed(samples) + segmenter.finish()
    heard = [(span.start, recognizer.recognise(span.samples)) for span in spans]
    spoken = [(start, segment) for start, segment in heard if segment.text]
    finished = []
    transcript = recognizer.transcribe(samples, on_segment=finished.append)
    assert finished == list(transcript.segments), "what was told to be final is final"
    assert [segment.text for segment in transcript.segments] == [segment.text for _, segment in spoken]
    for found, (start, segment) in zip(transcript.segments, spoken, strict=True):
        times = [time for word in segment.words for time in (start + word.start, start + word.end)]
        assert [time for word in found.words for time in (word.start, word.end)] == pytest.approx(times, abs=1e-9)


@settings(max_examples=25)
@given(samples=recordings)
def test_times_never_go_back_nor_leave_the_recording(recognizer, samples):
    transcript = recognizer.transcribe(samples)
    assert transcript.duration == len(samples) / SAMPLE_RATE
    edges = [0.0]
    for segment in transcript.segments:
        assert segment.start == segment.words[0].start
        assert segment.end == segment.words[-1].end
        edges += [time for word in segment.words for time in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[-1] <= transcript.duration
    assert all(word.start < word.end for word in transcript.words)
