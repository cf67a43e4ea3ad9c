"""A session on a machine that is too slow for it: it says so, partial texts are spared first, and nothing piles up."""

from __future__ import annotations

from copy import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import speech2text
from speech2text.audio.pace import LATE_SECONDS
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.cli.listening import Listening
from tests.tiny_bundle import tone, write_tiny_bundle

TALK = np.tile(tone("one", "two", "three", "one", "", "", "", seconds=0.4), 12)  # 33 s
QUIET = np.tile(tone("one", "", "", "", "", seconds=1.0), 2)


class SlowMachine:
    """A microphone whose time passes while the listener hears: `pace` seconds for each second of sound.

    So all that is fed comes in time, however fast this machine is. `late` is the most that ever waited, in seconds.
    """

    rate = SAMPLE_RATE
    check = "the machine"
    problem = ""

    def __init__(self, samples: np.ndarray, pace: float) -> None:
        self._samples = samples
        self._pace = pace
        self._now = self._read = 0
        self.late = 0.0

    def slow_down(self, listener):
        """A listener that takes its time."""

        class Slow(type(listener)):
            def __init__(self) -> None:
                self.__dict__.update(vars(listener))

            def hear(slow, samples, state):
                self._now += round(self._pace * len(samples))
                return super().hear(samples, state)

        return Slow()

    @property
    def waiting_seconds(self) -> float:
        return max(min(self._now, len(self._samples)) - self._read, 0) / self.rate

    def take_lost(self) -> float:
        return 0.0

    def read(self, timeout: float) -> np.ndarray | None:
        """All that came, as a microphone gives it; or what comes within the next tenth of a second."""
        if self._read >= len(self._samples):
            return None
        self.late = max(self.late, self.waiting_seconds)
        self._now = max(self._now, self._read + SAMPLE_RATE // 10)
        block = self._samples[self._read : self._now]
        self._read += len(block)
        return block


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory):
    return speech2text.load_model(write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny").folder)


def listen(recognizer, samples, pace):
    """The source, the updates with the seconds heard before each, and the notes."""
    source = SlowMachine(samples, pace)
    recognizer = copy(recognizer)
    recognizer.listener = source.slow_down(recognizer.listener)
    updates, notes = [], []

    def on_update(update) -> None:
        updates.append((listening.heard, update))

    listening = Listening(source, recognizer.stream(), lambda block: None, on_update, notes.append)
    listening.run()
    return source, updates, notes


def partials(updates):
    return [update for _, update in updates if not update.final]


def finals(updates):
    return [update.segment for _, update in updates if update.final]


def test_a_machine_that_is_fast_enough_spares_nothing(recognizer):
    source, updates, notes = listen(recognizer, TALK, 0.05)
    assert notes == []
    assert len(partials(updates)) > 4 * len(finals(updates))
    assert source.late < LATE_SECONDS


def test_partial_texts_are_spared_before_final_ones(recognizer):
    _, usual, _ = listen(recognizer, TALK, 0.05)
    source, updates, notes = listen(recognizer, TALK, 0.5)
    assert len(notes) > 0
    assert all("s behind; words come with the end of their segment until that is made up" in note for note in notes)
    assert 0 < len(partials(updates)) < len(partials(usual)) / 2
    assert source.late < 3 * LATE_SECONDS, "what waits is made up for, and does not grow with the sound"


@settings(max_examples=10)
@given(pace=st.floats(0.05, 5.0))
def test_final_texts_stay_the_same_however_slow_it_is(recognizer, pace):
    expected = recognizer.transcribe(QUIET).segments
    _, updates, _ = listen(recognizer, QUIET, pace)
    assert finals(updates) == list(expected)


def test_partial_texts_come_back_when_it_is_made_up(recognizer):
    _, updates, notes = listen(recognizer, np.concatenate([TALK, QUIET]), 0.5)
    assert notes
    assert any(not update.final for heard, update in updates if heard > len(TALK) / SAMPLE_RATE)
