"""A stream: samples in as they come, updates out; words while they are spoken, and in the end those of a file.

    stream = recognizer.stream(sample_rate=48_000)
    for block in microphone:
        for update in stream.feed(block): ...
    for update in stream.finish(): ...

While somebody speaks, the listener hears in windows with its state carried on (runtime/partial.py), and what CTC makes
of them is the partial text. Once the segmenter ends the span it is heard again, whole, as `Recognizer.transcribe` does,
and that is final.

Guarantees, each a test in tests/laws/test_stream.py:

- However the samples are cut into blocks, the updates are the same, partial ones too.
- The final segments that say something are those of `transcribe` on the same samples, in text and times.
- A segment is completed once, after all its partial updates, and never changes afterwards. They are numbered in order.
- Memory stays bounded, however long the stream is. One recogniser serves many streams in many threads; one stream is
  for one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from speech2text.audio.resampling import SAMPLE_RATE, Resampler
from speech2text.decoding.protocols import FloatArray
from speech2text.runtime.arrays import check_rate, mix_down
from speech2text.runtime.endpoints import EndpointRules
from speech2text.runtime.partial import Partial
from speech2text.runtime.segmenter import Segmenter, Span
from speech2text.text.transcript import Segment

if TYPE_CHECKING:
    from speech2text.runtime.recognizer import Recognizer

_STEP = SAMPLE_RATE // 25  # 40 ms: samples are looked at in such steps, so that no update depends on the blocks


@dataclass(frozen=True)
class Update:
    """What is known of segment number `index` of a stream; the next update of that number replaces it.

    final: it is complete and never changes; the text is empty where nothing was said after all. Words of other
        updates, and their times, are a first impression.
    """

    segment: Segment
    final: bool
    index: int


class Stream:
    """One recording that is recognised while it comes; made by `Recognizer.stream`, see the module."""

    def __init__(
        self, recognizer: Recognizer, sample_rate: int, partials: bool, endpoints: EndpointRules | None
    ) -> None:
        check_rate(sample_rate)
        self._recognizer = recognizer
        self._resampler = Resampler(sample_rate)
        self._segmenter = Segmenter(recognizer.manifest.model.chunk_seconds, endpoints)
        self._partials = partials
        self._partial: Partial | None = None
        self._rest = np.zeros(0, np.float32)  # less than a step
        self._looked = 0  # samples at 16 kHz, whole steps
        self._index = 0
        self._shown: Segment | None = None  # of the last update, if that was not final
        self._finished = False

    def feed(self, samples: NDArray[Any], *, behind: bool = False) -> list[Update]:
        """What the next samples tell: (N,) or (N, channels), floats -1 to 1 or signed integers over their type's range.

        Args:
            samples: any number of them, at the stream's rate.
            behind: they are late, so spare the partial updates with them; the final ones stay the same.

        Raises:
            AudioError: the samples are no sound, or not finite; the stream goes on without them.
            TypeError: no NumPy array.
            ValueError: the stream is finished.
        """
        self._check_open()
        ready = self._resampler.feed(mix_down(samples))
        return list(self._advance(ready, self._partials and not behind))

    def finish(self) -> list[Update]:
        """The segment that is open, if one is; call once, after the last samples.

        Raises:
            ValueError: the stream is finished already.
        """
        self._check_open()
        self._finished = True
        updates = list(self._advance(self._resampler.finish(), self._partials))
        del self._resampler  # soxr complains of what is still there when Python ends
        spans = self._segmenter.feed(self._rest) + self._segmenter.finish()
        return updates + list(self._complete(spans))

    def _check_open(self) -> None:
        if self._finished:
            raise ValueError("the stream is finished; open another one with Recognizer.stream")

    def _advance(self, samples: FloatArray, partials: bool) -> Iterator[Update]:
        held = np.concatenate([self._rest, samples])
        whole = len(held) // _STEP * _STEP
        self._rest = held[whole:].copy()
        for begin in range(0, whole, _STEP):
            self._looked += _STEP
            yield from self._complete(self._segmenter.feed(held[begin : begin + _STEP]))
            if partials:
                yield from self._look()

    def _complete(self, spans: Iterable[Span]) -> Iterator[Update]:
        for span in spans:
            segment = self._recognizer.recognise_span(span)
            if segment.text or segment.guard or self._shown:
                yield self._final(segment)
            self._shown = None
        if self._shown and self._partial and not self._segmenter.said:  # it was clicks, of which no span is made
            start = self._partial.start_sample / SAMPLE_RATE
            yield self._final(Segment("", start, start))
            self._shown = None

    def _final(self, segment: Segment) -> Update:
        self._index += 1
        return Update(segment, True, self._index - 1)

    def _look(self) -> Iterator[Update]:
        """The partial update, if there is more of the open span to hear and it says something new."""
        if not self._segmenter.said:
            return
        start = self._segmenter.settled_sample
        if self._partial is None or self._partial.start_sample != start:
            self._partial = Partial(self._recognizer, start)
        span = self._segmenter.open_span() if self._partial.is_ready(self._looked - start) else None
        if span is None:
            return
        segment = self._partial.hear(span.samples)
        if (segment.text or self._shown) and segment != self._shown:
            self._shown = segment
            yield Update(segment, False, self._index)
