"""The text of a span that is still open: chunks of samples in, CTC's best labels with their times out.

Each chunk is heard once, with the listener's state carried on, so words cost little while they are spoken.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from math import exp
from typing import TYPE_CHECKING

import numpy as np

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.decoding.confidence import word_confidence
from speech2text.decoding.protocols import BLANK, END, FloatArray
from speech2text.runtime.words import split_words
from speech2text.text.transcript import Segment, Word

if TYPE_CHECKING:
    from speech2text.runtime.recognizer import Recognizer


class Partial:
    """What has been heard of one span, which begins at sample number `start_sample` of the stream."""

    def __init__(self, recognizer: Recognizer, start_sample: int) -> None:
        shape = recognizer.manifest.model
        self.start_sample = start_sample
        self._recognizer = recognizer
        self._chunk = shape.chunk_frames * shape.frame_samples
        self._frame_seconds = shape.memory_frame_samples / SAMPLE_RATE
        self._state = recognizer.listener.start()
        self._heard = 0  # samples
        self._labels: list[int] = []  # CTC's best of each memory frame
        self._log_probs: list[float] = []  # of these
        self._evidence = 0.0  # how much likelier they are than silence, in nats

    def is_ready(self, samples: int) -> bool:
        """Whether a chunk can be heard that was not, now that the span has so many samples."""
        return samples - self._heard >= self._chunk

    def hear(self, samples: FloatArray) -> Segment:
        """Hear the chunks of the span's samples (N,) that were not heard, one at least, and tell what is said so far.

        Times count from the stream's start. The text is empty where the evidence against silence is too weak, by the
        threshold of the final text.
        """
        end = self._heard + (len(samples) - self._heard) // self._chunk * self._chunk
        memory, self._state = self._recognizer.listener.hear(samples[self._heard : end], self._state)
        self._heard = end
        log_probs = memory.ctc_log_probs  # (T, V)
        labels = log_probs.argmax(axis=1)
        best = log_probs[np.arange(len(labels)), labels]
        self._labels += labels.tolist()
        self._log_probs += best.tolist()
        self._evidence += float((best - log_probs[:, BLANK]).sum(dtype=np.float64))
        return self._segment()

    def _segment(self) -> Segment:
        start = self.start_sample / SAMPLE_RATE
        runs = self._runs()
        threshold = self._recognizer.decoding.speech_threshold
        if not runs or (threshold is not None and self._evidence < threshold * len(runs)):
            return Segment("", start, start + self._heard / SAMPLE_RATE)
        scaling = self._recognizer.manifest.confidence
        words = []
        for text, part in split_words(self._recognizer.tokenizer, [run.token for run in runs]):
            first, last = runs[part][0].first_frame, runs[part][-1].last_frame
            confidence = word_confidence([run.posterior for run in runs[part]], scaling.slope, scaling.bias)
            begin, end = (start + frame * self._frame_seconds for frame in (first, last + 1))
            words.append(Word(text, begin, end, confidence))
        if not words:
            return Segment("", start, start + self._heard / SAMPLE_RATE)
        return Segment(" ".join(word.text for word in words), words[0].start, words[-1].end, tuple(words))

    def _runs(self) -> list[_Run]:
        """The tokens of the best path, repeats merged, blanks dropped."""
        runs = []
        first = 0
        for label, repeats in groupby(self._labels):
            after = first + len(list(repeats))
            if label not in (BLANK, END):
                runs.append(_Run(label, first, after - 1, exp(sum(self._log_probs[first:after]) / (after - first))))
            first = after
        return runs


@dataclass(frozen=True)
class _Run:
    """A token, the memory frames first to last in which it is the likeliest, and its mean posterior there."""

    token: int
    first_frame: int
    last_frame: int
    posterior: float
