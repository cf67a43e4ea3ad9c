"""Cuts a recording into spans short enough to be recognised whole. Samples are mono, 16 kHz.

Causal: a cut depends on nothing that comes more than `longest_seconds` after its span began, so a stream and a file are
cut alike. A recording of up to `longest_seconds` is one span; a longer one is cut at the quietest moment of the second
half of what a span may hold, which is most often a pause between words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.decoding.protocols import FloatArray

_PAUSE = SAMPLE_RATE // 10
"""100 ms: longer than the closure of a "t" or "p", which is as quiet as a pause."""


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


def split(blocks: Iterable[FloatArray], longest_seconds: float = 20.0) -> Iterator[Span]:
    """The spans of a recording that comes in blocks (N,): they follow each other without gap, and none is empty.

    However the blocks are cut, the spans are the same. Holds one span and one block in memory.

    Raises:
        ValueError: `longest_seconds` is less than 1.
    """
    if longest_seconds < 1:
        raise ValueError(f"longest_seconds must be at least 1, not {longest_seconds}")
    longest = round(longest_seconds * SAMPLE_RATE)
    start = held = 0
    pending: list[FloatArray] = []
    for block in blocks:
        pending.append(block)
        held += len(block)
        while held > longest:
            samples = _join(pending)
            cut = _quietest(samples[:longest])
            yield Span(start, samples[:cut])
            start, held, pending = start + cut, held - cut, [samples[cut:]]
    if held:
        yield Span(start, _join(pending))


def _join(blocks: list[FloatArray]) -> FloatArray:
    # a whole recording may come as one block: copying its rest at every cut would take quadratic time
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _quietest(samples: FloatArray) -> int:
    """The middle of the 100 ms with the least energy in the second half of samples (N,); the last of equals."""
    first = len(samples) // 2
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples[first:], dtype=np.float64))])
    pauses = energy[_PAUSE:] - energy[:-_PAUSE]
    last_quietest = len(pauses) - 1 - int(np.argmin(pauses[::-1]))
    return first + last_quietest + _PAUSE // 2
