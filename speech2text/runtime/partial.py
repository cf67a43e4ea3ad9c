"""The text of a span that is still open: samples in, CTC's best labels with their times out.

Every half chunk the last sound is heard again as one window, so words show soon after they were said, and get the
context they need all the same. A window begins where the listener's state was kept, and grows up to three chunks; then
its first two are settled and the next one begins behind them. So hearing costs some five times that of a file, however
long the span is.
"""

from __future__ import annotations

from itertools import groupby
from math import exp
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.decoding.protocols import BLANK, END, FloatArray
from speech2text.runtime.words import scaled_confidence, split_words
from speech2text.text.transcript import Segment, Word

if TYPE_CHECKING:
    from speech2text.runtime.listener import StreamState
    from speech2text.runtime.recognizer import Recognizer


_STEP = 0.5  # chunks of new sound that are waited for
_LONGEST = 3  # chunks of a window
_SETTLED = 2  # of the longest window, what is not heard again; the rest is what it is heard with


class Partial:
    """What has been heard of one span, which begins at sample number `start_sample` of the stream."""

    def __init__(self, recognizer: Recognizer, start_sample: int) -> None:
        shape = recognizer.manifest.model
        self.start_sample = start_sample
        self._recognizer = recognizer
        self._unit = shape.memory_frame_samples
        self._frame_seconds = shape.memory_frame_seconds
        chunk = shape.chunk_frames // shape.reduction  # memory frames
        self._step = max(round(_STEP * chunk), 1) * self._unit
        self._settle = _SETTLED * chunk * self._unit
        self._longest = _LONGEST * chunk * self._unit
        self._begin = 0  # of the window, in samples of the span, as the following
        self._heard = 0
        self._state = recognizer.listener.start()  # at the window's begin
        self._next_state: StreamState | None = None  # where the next window will begin, once that was heard
        self._settled: list[_Frame] = []
        self._window: list[_Frame] = []

    def is_ready(self, samples: int) -> bool:
        """Whether there is something new to be heard, now that the span has so many samples."""
        return samples - self._heard >= self._step

    def hear(self, samples: FloatArray) -> Segment:
        """Hear what is new in the span's samples (N,), whole steps of them, and tell what is said so far.

        Times count from the stream's start. The text is empty where the evidence against silence is too weak, by the
        threshold of the final text.
        """
        end = len(samples) // self._step * self._step
        while self._heard < end:
            most = self._settle if self._next_state is None else self._longest
            self._hear_window(samples[self._begin : min(end, self._begin + most)])
        return self._segment()

    def _hear_window(self, samples: FloatArray) -> None:
        memory, after = self._recognizer.listener.hear(samples, self._state)
        self._window = _best_path(memory.ctc_log_probs)
        self._heard = self._begin + len(samples)
        if len(samples) == self._settle:
            self._next_state = after
        if len(samples) == self._longest and self._next_state is not None:
            settled = self._settle // self._unit
            self._settled += self._window[:settled]
            self._window = self._window[settled:]
            self._begin += self._settle
            self._state, self._next_state = self._next_state, None

    def _segment(self) -> Segment:
        start = self.start_sample / SAMPLE_RATE
        path = self._settled + self._window
        runs = _merge(path)
        threshold = self._recognizer.decoding.speech_threshold
        evidence = sum(frame.evidence for frame in path)
        if not runs or (threshold is not None and evidence < threshold * len(runs)):
            return Segment("", start, start + self._heard / SAMPLE_RATE)
        words = []
        for text, part in split_words(self._recognizer.tokenizer, [run.token for run in runs]):
            first, last = runs[part][0].first_frame, runs[part][-1].last_frame
            confidence = scaled_confidence([run.posterior for run in runs[part]], self._recognizer.manifest.confidence)
            begin, end = (start + frame * self._frame_seconds for frame in (first, last + 1))
            words.append(Word(text, begin, end, confidence))
        if not words:
            return Segment("", start, start + self._heard / SAMPLE_RATE)
        return Segment(" ".join(word.text for word in words), words[0].start, words[-1].end, tuple(words))


class _Frame(NamedTuple):
    """CTC's best label of a memory frame, its log-probability, and by how many nats it is likelier than blank."""

    label: int
    log_prob: float
    evidence: float


class _Run(NamedTuple):
    """A token, the memory frames first to last in which it is the likeliest, and its mean posterior there."""

    token: int
    first_frame: int
    last_frame: int
    posterior: float


def _best_path(log_probs: FloatArray) -> list[_Frame]:
    """The best label of each frame of log_probs (T, V)."""
    labels = log_probs.argmax(axis=1)
    best = log_probs[np.arange(len(labels)), labels].astype(np.float64)
    evidence = best - log_probs[:, BLANK]
    return [_Frame(*frame) for frame in zip(labels.tolist(), best.tolist(), evidence.tolist(), strict=True)]


def _merge(path: list[_Frame]) -> list[_Run]:
    """The tokens of a path, repeats merged, blanks and END dropped."""
    runs = []
    first = 0
    for label, group in groupby(path, key=lambda frame: frame.label):
        log_probs = [frame.log_prob for frame in group]
        if label not in (BLANK, END):
            posterior = exp(sum(log_probs) / len(log_probs))
            runs.append(_Run(label, first, first + len(log_probs) - 1, posterior))
        first += len(log_probs)
    return runs
