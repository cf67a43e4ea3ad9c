"""How late the words of a stream are shown, and how often they change before they are final."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import numpy as np

from speech2text.text.transcript import Seconds, Segment


@dataclass
class Delays:
    """Collects updates with the moment at which each was shown, in seconds since the recording began.

    first_partials: from the start of each segment's first word to its first partial text.
    shown_words: from the end of a final word, as aligned, to when it was first shown where it stayed.
    final_words: the same of words that came with the final text alone, since no partial text had them right.
    finals: from the moment a segment's end was decided to its final text, as told.
    shown, changed: how many words partial texts held, and how many of them the next text did not.
    """

    first_partials: list[Seconds] = field(default_factory=list)
    shown_words: list[Seconds] = field(default_factory=list)
    final_words: list[Seconds] = field(default_factory=list)
    finals: list[Seconds] = field(default_factory=list)
    shown: int = 0
    changed: int = 0
    _open: list[tuple[Seconds, tuple[str, ...]]] = field(default_factory=list)

    @property
    def words(self) -> list[Seconds]:
        """Of all final words."""
        return self.shown_words + self.final_words

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
        right_since = dict.fromkeys(range(len(words)), self._open[-1][0])
        right = set(right_since)
        partials = self._open[:-1]
        for at, shown in reversed(partials):
            right &= _matched(words, shown)
            right_since.update(dict.fromkeys(right, at))
        early = _matched(words, partials[-1][1]) if partials else set()
        for index, at in right_since.items():
            delays = self.shown_words if index in early else self.final_words
            delays.append(at - segment.words[index].end)


def percentile(values: Sequence[float], percent: int) -> float:
    """By linear interpolation; NaN of nothing."""
    return float(np.percentile(values, percent)) if values else float("nan")


def _matched(words: Sequence[str], others: Sequence[str]) -> set[int]:
    """Which of the words are among the others, in order."""
    blocks = SequenceMatcher(None, words, others, autojunk=False).get_matching_blocks()
    return {block.a + offset for block in blocks for offset in range(block.size)}
