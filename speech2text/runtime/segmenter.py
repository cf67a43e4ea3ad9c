"""Cuts a recording into the spans in which somebody speaks, each short enough to be recognised whole.

Samples are mono, 16 kHz. Causal: a cut depends on nothing that comes after it was made, and not on how the samples
come, so a stream and a file are cut alike. Speech is what is well above the noise of the room (see
runtime/loudness.py). What a word begins and ends with may be below that, so a span lasts from one chunk of the listener
before speech to one after it, as much as it has learned to hear at once, though never into the span before, nor beyond
the silence that ended it; silence further from speech belongs to no span.
The listener is not asked: its CTC head found pauses less well, and would have to hear everything twice
(`python -m recipes.measurements.pauses` prints the figures).

    segmenter = Segmenter(bundle.manifest.model.chunk_seconds)
    for block in blocks:
        for span in segmenter.feed(block): ...
    for span in segmenter.finish(): ...
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.decoding.protocols import FloatArray
from speech2text.runtime.endpoints import EndpointRules
from speech2text.runtime.loudness import FRAME, Loudness
from speech2text.text.transcript import Seconds

LOUD = 6.0
"""Decibels above the noise of the room that make speech of a frame."""

_FRAMES_A_SECOND = SAMPLE_RATE // FRAME
_LEAST_SPEECH = round(0.14 * _FRAMES_A_SECOND)  # a click is loud for 0.12 s, since loudness is smoothed, a word longer
_PAUSE = round(0.3 * _FRAMES_A_SECOND)  # the width of the pause that is looked for where a span must be cut
_STRIDE = 10 * SAMPLE_RATE  # samples looked at together, whatever the size of a block


@dataclass(frozen=True, eq=False)
class Span:
    """Samples (N,) of a recording, the first of which is its sample number `start_sample`."""

    start_sample: int
    samples: FloatArray

    @property
    def start(self) -> float:
        """In seconds from the recording's start."""
        return self.start_sample / SAMPLE_RATE

    @property
    def end(self) -> float:
        """In seconds from the recording's start."""
        return (self.start_sample + len(self.samples)) / SAMPLE_RATE


class Segmenter:
    """Gives the spans of one recording as they are complete; see the module.

    Holds one span and one block at most. Spans are in order, never overlap, and are never empty or longer than the
    longest. Blocks are kept as they are while they are needed: do not change them after they were fed.
    """

    def __init__(self, context: Seconds, rules: EndpointRules | None = None) -> None:
        """Begin a recording; `context` is what is heard before and after speech, at most a quarter of the longest.

        Raises:
            TypeError: the rules are none.
        """
        if rules is None:
            rules = EndpointRules()
        elif not isinstance(rules, EndpointRules):
            raise TypeError(f"endpoints must be EndpointRules, not {rules!r}")
        self._before_speech = round(rules.silence_before_speech * _FRAMES_A_SECOND)
        self._after_speech = round(rules.silence_after_speech * _FRAMES_A_SECOND)
        self._longest = int(rules.longest * _FRAMES_A_SECOND)
        self._context = round(min(context, rules.longest / 4) * _FRAMES_A_SECOND)
        self._loudness = Loudness()
        self._held = _Samples()
        self._frames: deque[float] = deque()  # how far those held are above the noise
        self._loud = 0  # how many of them are loud
        self._silent = 0  # how many frames came after the last of them

    @property
    def said(self) -> bool:
        """Whether something has been said since the last span ended: one is open."""
        return self._loud >= _LEAST_SPEECH

    @property
    def settled_sample(self) -> int:
        """The number of the sample up to which all is decided: in a span that was given, or in none."""
        return self._held.start

    def open_span(self) -> Span | None:
        """What has come so far of the span that is open, a moment before its first word included."""
        return Span(self._held.start, self._held.first(len(self._frames) * FRAME)) if self.said else None

    def feed(self, block: FloatArray) -> list[Span]:
        """The spans that are complete with these samples (N,)."""
        spans: list[Span] = []
        for begin in range(0, len(block), _STRIDE):
            part = block[begin : begin + _STRIDE]
            self._held.append(part)
            spans += self._look(self._loudness.feed(part))
        return spans

    def finish(self) -> list[Span]:
        """The last span, if one is open; nothing may be fed any more."""
        spans = list(self._look(self._loudness.finish()))
        if self.said:
            spans.append(self._give(self._end))
        self._forget(len(self._frames))
        return spans

    @property
    def _end(self) -> int:
        """One past the last frame of the span that is open."""
        return min(len(self._frames) - max(self._silent - self._context, 0), self._longest)

    def _look(self, above_noise: list[float]) -> Iterator[Span]:
        for above in above_noise:
            loud = above > LOUD
            self._frames.append(above)
            self._loud += loud
            self._silent = 0 if loud else self._silent + 1
            ended = self._silent >= (self._after_speech if self.said else self._before_speech)
            if not self._loud:
                self._forget(len(self._frames) - self._context)
            elif ended or len(self._frames) > self._longest:
                cut = self._end if ended else self._best_pause()
                if self._loud_among(cut) >= _LEAST_SPEECH:
                    yield self._give(cut)
                else:  # what is loud was a click, and what follows the pause may be the beginning of a word
                    self._forget_until_loud(cut)

    def _give(self, frames: int) -> Span:
        """The first of the frames held as a span; what follows is held on from a moment before its first word."""
        span = Span(self._held.start, self._held.first(frames * FRAME))
        self._forget(frames)
        self._forget_until_loud()
        return span

    def _loud_among(self, frames: int) -> int:
        """How many of the first of the frames held are loud."""
        return sum(above > LOUD for above in islice(self._frames, frames))

    def _forget_until_loud(self, first: int = 0) -> None:
        """Drop what is held before the first loud frame from number `first` on, but for what is heard before it."""
        loud = (index for index, above in enumerate(self._frames) if index >= first and above > LOUD)
        self._forget(next(loud, len(self._frames)) - self._context)

    def _forget(self, frames: int) -> None:
        """Drop the first of the frames held; none when the number is negative."""
        for _ in range(frames):
            self._loud -= self._frames.popleft() > LOUD
        self._held.drop(max(frames, 0) * FRAME)

    def _best_pause(self) -> int:
        """The frame in the middle of the quietest 0.3 s of the second half of the frames; the last of equals."""
        first = self._longest // 2
        above = np.array(self._frames)[first : self._longest]
        means = np.lib.stride_tricks.sliding_window_view(above, _PAUSE).mean(axis=1)
        return first + len(means) - 1 - int(np.argmin(means[::-1])) + _PAUSE // 2


class _Samples:
    """Samples that come in blocks, are looked at from the first one held, and are dropped from there.

    Attributes:
        start: how many were dropped, which is the number of the first one held.
    """

    def __init__(self) -> None:
        self.start = 0
        self._blocks: deque[FloatArray] = deque()

    def append(self, block: FloatArray) -> None:
        self._blocks.append(block)

    def first(self, count: int) -> FloatArray:
        """The first samples held (count,), or all when there are fewer."""
        parts, left = [np.zeros(0, np.float32)], count
        for block in self._blocks:
            if left <= 0:
                break
            parts.append(block[:left])
            left -= len(block)
        return np.concatenate(parts)

    def drop(self, count: int) -> None:
        """Forget the first samples held, or all when there are fewer."""
        while count > 0 and self._blocks:
            block = self._blocks.popleft()
            if len(block) > count:
                self._blocks.appendleft(block[count:])
            self.start += min(count, len(block))
            count -= len(block)
