"""Law 8: silence in, nothing out, with the model inside the package."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import speech2text
from recipes.measurements.nonspeech import CLIPS_A_KIND, KINDS, make_clips
from speech2text.audio.resampling import SAMPLE_RATE


@pytest.fixture(scope="module")
def recognizer():
    return speech2text.load_model()


@settings(max_examples=15)
@given(
    length=st.integers(0, 30 * SAMPLE_RATE),
    level=st.sampled_from([0.0, 1e-6, 3e-5, 1.9e-4]),
    seed=st.integers(0, 9),
)
def test_what_is_too_quiet_to_be_speech_gives_nothing(recognizer, length, level, seed):
    samples = np.random.default_rng(seed).uniform(-level, level, length).astype(np.float32)
    assert recognizer.transcribe(samples) == speech2text.Transcript((), length / SAMPLE_RATE, "en")
    assert recognizer.recognise(samples) == speech2text.Segment("", 0.0, length / SAMPLE_RATE, guard="silence")


def test_noises_louder_than_that_give_nothing(recognizer):
    """Of each kind some of those that `recipes.measurements.silence` counts; CTC takes some beeps for letters."""
    clips = islice(make_clips(seed=0), 0, len(KINDS) * CLIPS_A_KIND, 6)
    assert [(kind, text) for kind, samples in clips if (text := recognizer.transcribe(samples).text)] == []


def test_a_stream_of_noises_ends_without_words(recognizer):
    """Partial text may have some, of CTC alone; the final one takes them back."""
    for kind, samples in islice(make_clips(seed=0), 0, len(KINDS) * CLIPS_A_KIND, 12):
        stream = recognizer.stream()
        updates = stream.feed(samples) + stream.finish()
        assert not [(kind, update) for update in updates if update.final and update.segment.text]


def test_ten_minutes_of_digital_silence_are_not_heard_at_all(recognizer, monkeypatch):
    monkeypatch.setattr(recognizer.listener, "listen", lambda *_: pytest.fail("the listener was asked"))
    nothing = np.zeros(600 * SAMPLE_RATE, np.int16)
    assert recognizer.transcribe(nothing).segments == ()
    stream = recognizer.stream()
    assert stream.feed(nothing) + stream.finish() == []
