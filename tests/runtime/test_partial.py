"""Partial text: however often it was asked for, it is the same, and what is heard for it stays small."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import speech2text
from speech2text.audio.files import read_audio
from speech2text.bundle.store import find_bundle
from speech2text.runtime.partial import Partial


@pytest.fixture(scope="module")
def recognizer():
    return speech2text.load_model()


@pytest.fixture(scope="module")
def speech(recognizer):
    sample = read_audio(find_bundle(None) / recognizer.manifest.sample.audio)
    return np.concatenate([sample, sample])


def hear(recognizer, samples, ends) -> list[speech2text.Segment]:
    """What is said in the first samples, up to each of the ends at which there is something new."""
    partial = Partial(recognizer, 0)
    return [partial.hear(samples[:end]) for end in ends if partial.is_ready(end)]


@settings(deadline=None, max_examples=20)
@given(ends=st.lists(st.integers(0, 60_000), max_size=8))
def test_what_was_asked_before_changes_nothing(recognizer, speech, ends):
    last = min(60_000, len(speech)) // 5120 * 5120
    assert hear(recognizer, speech, [*sorted(end for end in ends if end < last), last])[-1:] == hear(
        recognizer, speech, [last]
    )


def test_there_is_something_new_every_half_chunk(recognizer, speech):
    partial = Partial(recognizer, 0)
    assert not partial.is_ready(5119)
    assert partial.is_ready(5120)
    partial.hear(speech[:9000])
    assert not partial.is_ready(10_239)
    assert partial.is_ready(10_240)


def test_a_window_is_three_chunks_at_most_and_goes_on_from_the_state_before(recognizer, speech, monkeypatch):
    heard = []
    listener = recognizer.listener

    def record(samples, state):
        heard.append((len(samples) // 5120, state is not listener.start()))
        return type(listener).hear(listener, samples, state)

    monkeypatch.setattr(listener, "hear", record)
    hear(recognizer, speech, range(5120, 5120 * 12, 5120))
    assert heard == [(steps, False) for steps in range(1, 7)] + [(steps, True) for steps in (3, 4, 5, 6, 3)]
