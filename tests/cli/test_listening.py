"""What `speech2text listen` says of a source that is too fast, loses sound, goes silent or fails."""

import numpy as np
import pytest

import speech2text
from speech2text.cli import listening
from speech2text.cli.listening import Listening
from speech2text.errors import AudioError
from tests.tiny_bundle import tone

RATE = 16_000


class Source:
    """Gives blocks of samples; a float among them is how much waits from then on, a str how much was lost."""

    rate = RATE
    check = "the test"
    problem = ""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.waiting_seconds = 0.0
        self.lost = 0.0

    def take_lost(self):
        lost, self.lost = self.lost, 0.0
        return lost

    def read(self, timeout):
        while self.steps:
            step = self.steps.pop(0)
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                self.waiting_seconds = step
            elif isinstance(step, str):
                self.lost = float(step)
            else:
                return step
        return None


@pytest.fixture(scope="module")
def recognizer(tiny):
    return speech2text.load_model(tiny)


@pytest.fixture
def hear(recognizer):
    """Listens to a source to its end; gives the notes, the partial and the final texts."""

    def run(*steps):
        notes, partial, final = [], [], []

        def on_update(update):
            (final if update.final else partial).append(update.segment.text)

        session = Listening(Source(*steps), recognizer.stream(RATE), lambda block: None, on_update, notes.append)
        try:
            session.run()
        except AudioError as error:
            notes.append(str(error))
        return notes, partial, final

    return run


def test_what_came_while_the_last_block_was_heard_is_heard_after_a_stop(recognizer):
    final = []
    source = Source(tone("one", "two", seconds=0.5), tone("three", seconds=0.5))
    session = Listening(source, recognizer.stream(RATE), lambda _: session.stop.set(), final.append, final.append)
    session.run()
    assert final[-1].segment.text == "one two three"


def blocks(*words):
    return np.split(tone(*words, seconds=0.5), 5 * len(words))


def test_falling_behind_is_told_once_and_spares_partial_texts(hear):
    in_time = hear(*blocks("one", "two", "three", "", ""))
    assert in_time == ([], in_time[1], ["one two three"])
    assert in_time[1]
    late = hear(np.zeros(0), 3.0, *blocks("one", "two", "three", "", ""))
    assert late == (
        ["warning: 3.0 s behind; words come with the end of their segment until that is made up"],
        [],
        late[2],
    )
    assert late[2] == in_time[2]


def test_partial_texts_come_back_once_it_is_made_up_for(hear):
    notes, partial, final = hear(3.0, *blocks("one", "", ""), 0.2, *blocks("two", "three", "", ""), 2.0, *blocks(""))
    assert [note[:21] for note in notes] == ["warning: 3.0 s behind", "warning: 2.0 s behind"]
    assert partial
    assert all(text.startswith("two") for text in partial)
    assert final == ["one", "two three"]


def test_lost_sound_is_told_with_how_much(hear):
    notes, _, _ = hear(*blocks("one"), "0.25", *blocks("two"), "1.5", *blocks("", ""))
    lost = "s of sound were lost; the computer is too busy"
    assert notes == [f"warning: 0.25 {lost}", f"warning: 1.50 {lost}"]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9])
def test_damaged_moments_are_told_once_and_what_follows_is_heard(hear, value):
    damaged = np.full((1600, 2), value, np.float32)
    silence = blocks("", "")
    notes, _, final = hear(*blocks("one"), damaged, *silence, *blocks("two"), damaged, *silence)
    assert final == ["one", "two"]
    assert len(notes) == 1
    assert "silence is heard in place" in notes[0]


def test_a_source_that_begins_with_no_sound_fails(hear):
    notes, _, final = hear(np.full(1600, np.nan, np.float32), *blocks("one", ""))
    assert final == []
    assert len(notes) == 1
    assert "with which encoding they are read" in notes[0]


def test_a_source_that_brings_nothing_is_told_once_each_time(hear, monkeypatch):
    monkeypatch.setattr(listening, "_SILENT_SECONDS", 0.0)
    nothing = [np.zeros(0, np.float32)] * 3
    notes, _, final = hear(*blocks("one"), *nothing, *blocks("two"), *nothing)
    assert sum(note.startswith("warning: no sound has come for 2 s") for note in notes) == 2
    assert final == ["one two"]


def test_a_source_that_fails_gives_what_it_brought_before(hear):
    notes, _, final = hear(*blocks("one", "two"), AudioError("the device is gone"))
    assert notes == ["the device is gone"]
    assert final == ["one two"]


def test_channels_are_averaged_once_for_all(recognizer):
    heard = []
    stereo = np.stack([tone("one"), np.zeros_like(tone("one"))], axis=1)
    session = Listening(Source(stereo), recognizer.stream(RATE), heard.append, lambda update: None, print)
    session.run()
    np.testing.assert_array_equal(heard, [tone("one") / 2])
