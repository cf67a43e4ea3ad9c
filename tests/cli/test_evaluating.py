"""Utterances that evaluate has recognised: what becomes of those at work when it is interrupted."""

import os
import signal
import time

import pytest

from speech2text.audio.utterances import Utterance
from speech2text.bundle.store import open_bundle
from speech2text.cli.evaluating import Noise, Way, hear_all
from speech2text.runtime.recognizer import Recognizer


class Tireless(Recognizer):
    """Hears one recording for a minute, while Ctrl-C is pressed, unless it is told to stop."""

    was_heard = False

    def transcribe(self, source, *, on_progress, **others):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(6000):
            on_progress(0.0)
            time.sleep(0.01)
        self.was_heard = True
        return super().transcribe(source, **others)


def test_an_interruption_does_not_wait_for_a_long_recording(tiny, tmp_path):
    recognizer = Tireless(open_bundle(tiny))
    utterances = [Utterance(id="long", audio=tmp_path / "long.wav", text="one")]
    with pytest.raises(KeyboardInterrupt):
        hear_all(utterances, [Way(recognizer)], Noise(""), threads=1)
    assert not recognizer.was_heard
