"""How late the words of a stream are shown, and how often they change before they are final."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from statistics import quantiles

from speech2text.text.transcript import Seconds, Segment


@dataclass
class Delays:
    """Collects updates with the moment at which each was shown, in seconds since the recording began.

    first_partials: from the start of each segment's first word to its first partial text.
    words: from the end of each final word, as aligned, to when it was first shown where it stayed.
    finals: from the moment a segment's end was decided to its final text, as told.
    shown, changed: how many words partial texts held, and how many of them the next text did not.
    """

    first_partials: list[Seconds] = field(default_factory=list)
    words: list[Seconds] = field(default_factory=list)
    finals: list[Seconds] = field(default_factory=list)
    shown: int = 0
    changed: int = 0
    _open: list[tuple[Seconds, tuple[str, ...]]] = field(default_factory=list)

    def add(self, segment: Segment, final: bool, at: Seconds, since_end: Seconds = 0.0) -> None:
        """An update shown at a moment; `since_end` is how long before that the segment's end was decided."""
        words = tuple(word.text for word in segment.words)
        if self._open:
            last = self._open[-1][1]
            self.shown += len(last)
            self.changed += len(last) - len(_matched(last, words))
        self._open.append((at, words))
        if final:
            self._complete(segment, words, since_end)
            self._open = []

    def _complete(self, segment: Segment, words: tuple[str, ...], since_end: Seconds) -> None:
        self.finals.append(since_end)
        if words and len(self._open) > 1:
            self.first_partials.append(self._open[0][0] - segment.start)
        first = dict.fromkeys(range(len(words)), self._open[-1][0])
        for at, shown in reversed(self._open):
            kept = _matched(words, shown)
            for index in [index for index in first if index not in kept]:
                self.words.append(first.pop(index) - segment.words[index].end)
            first = dict.fromkeys(first, at)
        self.words += [at - segment.words[index].end for index, at in first.items()]


def percentile(values: Sequence[float], percent: int) -> float:
    """By linear interpolation; NaN of nothing."""
    if len(values) < 2:
        return values[0] if values else float("nan")
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def _matched(words: Sequence[str], others: Sequence[str]) -> set[int]:
    """Which of the words are among the others, in order."""
    blocks = SequenceMatcher(None, words, others, autojunk=False).get_matching_blocks()
    return {block.a + offset for block in blocks for offset in range(block.size)}
