"""How late the words of a stream are shown, and how often they change before they are final."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import numpy as np

from speech2text.text.transcript import Seconds, Segment, Word


@dataclass(frozen=True)
class WordDelay:
    """How long after the end of a final word, as aligned, it was to be seen; less than 0 where that came before.

    Attributes:
        shown: until some word was first shown at its place, the right one or another.
        settled: until it was first shown where it stayed.
        early: whether partial text had it right, and not only the final one.
    """

    shown: Seconds
    settled: Seconds
    early: bool


@dataclass
class Delays:
    """Collects updates with the moment at which each was shown, in seconds since the recording began.

    first_partials: from the start of each segment's first word to its first partial text.
    words: of each final word.
    finals: from the moment a segment's end was decided to its final text, as told.
    shown, changed: how many words partial texts held, and how many of them the next text did not.
    """

    first_partials: list[Seconds] = field(default_factory=list)
    words: list[WordDelay] = field(default_factory=list)
    finals: list[Seconds] = field(default_factory=list)
    shown: int = 0
    changed: int = 0
    _open: list[tuple[Seconds, Segment]] = field(default_factory=list)

    def add(self, segment: Segment, final: bool, at: Seconds, since_end: Seconds = 0.0) -> None:
        """An update shown at a moment; `since_end` is how long before that the segment's end was decided."""
        if self._open:
            last = self._open[-1][1]
            self.shown += len(last.words)
            self.changed += len(last.words) - len(_matched(last, segment))
        self._open.append((at, segment))
        if final:
            self.finals.append(since_end)
            self._complete(segment)
            self._open = []

    def _complete(self, segment: Segment) -> None:
        *partials, (end, _) = self._open
        if segment.words and partials:
            self.first_partials.append(partials[0][0] - segment.start)
        settled_at = [end] * len(segment.words)
        right = early = _matched(segment, partials[-1][1]) if partials else set()
        for at, shown in reversed(partials):
            right = right & _matched(segment, shown)
            for index in right:
                settled_at[index] = at
        for index, word in enumerate(segment.words):
            shown_at = next((at for at, shown in partials if _has_place(shown, word)), end)
            self.words.append(WordDelay(shown_at - word.end, settled_at[index] - word.end, index in early))


def percentile(values: Sequence[float], percent: int) -> float:
    """By linear interpolation; NaN of nothing."""
    return float(np.percentile(values, percent)) if values else float("nan")


def _matched(segment: Segment, other: Segment) -> set[int]:
    """Which words of the segment are among those of the other, in order."""
    texts, others = ([word.text for word in each.words] for each in (segment, other))
    blocks = SequenceMatcher(None, texts, others, autojunk=False).get_matching_blocks()
    return {block.a + offset for block in blocks for offset in range(block.size)}


def _has_place(segment: Segment, word: Word) -> bool:
    """Whether a word of the segment is where this one is: the middle of either lies in the other."""
    return any(_holds_middle(word, other) or _holds_middle(other, word) for other in segment.words)


def _holds_middle(word: Word, other: Word) -> bool:
    return word.start <= (other.start + other.end) / 2 <= word.end
