"""Partial text: however often it was asked for, it is the same, and what is heard for it stays small."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import speech2text
from speech2text.audio.files import read_audio
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.bundle.manifest import Confidence
from speech2text.bundle.store import find_bundle
from speech2text.runtime.guards import ctc_reading, evidence
from speech2text.runtime.partial import Partial
from speech2text.runtime.recognizer import Recognizer
from tests.tiny_bundle import tone

STEPS = 11


@pytest.fixture(scope="module")
def recognizer():
    return speech2text.load_model()


@pytest.fixture(scope="module")
def step(recognizer):
    """Samples in half a chunk."""
    shape = recognizer.manifest.model
    return shape.chunk_frames * shape.frame_samples // 2


@pytest.fixture(scope="module")
def speech(recognizer, step):
    sample = read_audio(find_bundle(None) / recognizer.manifest.sample.audio)
    return np.resize(sample, STEPS * step)


def hear(recognizer, samples, ends) -> list[speech2text.Segment]:
    """What is said in the first samples, up to each of the ends at which there is something new."""
    partial = Partial(recognizer, 0)
    return [partial.hear(samples[:end]) for end in ends if partial.is_ready(end)]


@settings(max_examples=20)
@given(ends=st.lists(st.floats(0, 1, exclude_max=True), max_size=8))
def test_what_was_asked_before_changes_nothing(recognizer, speech, ends):
    before = sorted(int(end * len(speech)) for end in ends)
    (at_once,) = hear(recognizer, speech, [len(speech)])
    assert at_once.text
    assert hear(recognizer, speech, [*before, len(speech)])[-1] == at_once


def test_there_is_something_new_every_half_chunk(recognizer, speech, step):
    partial = Partial(recognizer, 0)
    assert not partial.is_ready(step - 1)
    assert partial.is_ready(step)
    partial.hear(speech[: 2 * step - 1])
    assert not partial.is_ready(2 * step - 1)
    assert partial.is_ready(2 * step)


def test_a_window_is_three_chunks_at_most_and_goes_on_from_the_state_before(recognizer, speech, step, monkeypatch):
    heard = []
    listener = recognizer.listener

    def record(samples, state):
        heard.append((len(samples) // step, state is not listener.start()))
        return type(listener).hear(listener, samples, state)

    monkeypatch.setattr(listener, "hear", record)
    hear(recognizer, speech, range(step, (STEPS + 1) * step, step))
    assert heard == [(steps, False) for steps in range(1, 7)] + [(steps, True) for steps in (3, 4, 5, 6, 3)]


def test_partial_text_needs_as_much_evidence_a_token_as_final_text(tuned):
    samples = tone("one", "", "two", "", "three", seconds=0.64)
    heard = Recognizer(tuned()).listener.listen(samples).ctc_log_probs
    enough = evidence(ctc_reading(heard), heard)
    for threshold, text in ((0.5 * enough, "one two three"), (2 * enough, "")):
        unsure = Recognizer(tuned(speech_threshold=threshold))
        partial = Partial(unsure, SAMPLE_RATE).hear(samples)
        assert unsure.recognise(samples).text == partial.text == text
        assert 1.0 <= partial.start < partial.end <= 1.0 + len(samples) / SAMPLE_RATE, "times are of the stream"


def test_partial_confidences_are_scaled_as_final_ones(bundle):
    samples = tone("one", "", "two", seconds=0.64)
    shaky = replace(bundle, manifest=replace(bundle.manifest, confidence=Confidence(slope=0.5, bias=-1.0)))
    for each, least, most in ((bundle, 0.99, 1.0), (shaky, 0.8, 0.95)):
        recognizer = Recognizer(each)
        final, partial = recognizer.recognise(samples), Partial(recognizer, 0).hear(samples)
        assert partial.text == final.text == "one two"
        assert partial.confidence == pytest.approx(final.confidence, abs=0.02)
        assert least <= partial.confidence <= most
