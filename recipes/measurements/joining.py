"""Utterances joined to a long recording with pauses between them, in a room that is never quite silent."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from speech2text.audio.files import read_audio
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.audio.utterances import Utterance
from speech2text.decoding.protocols import FloatArray
from speech2text.evaluation.noise import add_noise, make_pink_noise
from speech2text.text.transcript import Word

PAUSE_SECONDS = (0.4, 1.5)


@dataclass(frozen=True)
class Joined:
    """Samples (N,) at 16 kHz, and where in them each utterance begins and ends, in samples."""

    samples: FloatArray
    utterances: tuple[Utterance, ...]
    places: tuple[tuple[int, int], ...]

    def utterance(self, index: int) -> FloatArray:
        """The samples of one utterance, with the noise that was added."""
        begin, end = self.places[index]
        return self.samples[begin:end]

    def whose(self, words: Iterable[Word]) -> list[int]:
        """The utterance, as an index, in which the middle of each word lies; of a word in a pause the nearest one."""
        borders = [(end + begin) / 2 / SAMPLE_RATE for (_, end), (begin, _) in pairwise(self.places)]
        return [bisect(borders, (word.start + word.end) / 2) for word in words]


def join(utterances: Sequence[Utterance], snr: float, seed: int = 0) -> Joined:
    """The utterances with pauses of 0.4 to 1.5 s before, between and after them, under one room noise.

    The noise is `snr` decibels quieter than the active parts of the utterances (evaluation/noise.py).
    """
    generator = np.random.default_rng(seed)
    parts: list[FloatArray] = []
    places = []
    length = 0
    for utterance in utterances:
        pause = np.zeros(round(generator.uniform(*PAUSE_SECONDS) * SAMPLE_RATE), np.float32)
        sound = read_audio(utterance.audio)
        places.append((length + len(pause), length + len(pause) + len(sound)))
        parts += [pause, sound]
        length += len(pause) + len(sound)
    parts.append(np.zeros(round(generator.uniform(*PAUSE_SECONDS) * SAMPLE_RATE), np.float32))
    samples = np.concatenate(parts)
    samples = add_noise(samples, make_pink_noise(len(samples), generator), snr)
    return Joined(samples, tuple(utterances), tuple(places))
