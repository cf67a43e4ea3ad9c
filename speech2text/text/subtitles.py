"""Subtitles from timed words: a transcript in, cues out, each a few lines shown for a while. Pure functions.

What fits on a screen and can be read follows the style guides of those who caption for a living (Netflix's Timed Text
Style Guide, the BBC's Subtitle Guidelines): two lines of 42 characters, for 5/6 s to 7 s. Cues are cut at the end of
a segment and at a pause of half a second, which both guides show as a gap; within a stretch of speech as few cues as
can be, of like length, cut rather at a short pause than between two words of one breath.

A cue stays past its last word only where it would be too short to read, and never into the next cue or past the end of
the recording. Segments whose words have no times are one cue each, however long.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import NamedTuple

from speech2text.text.transcript import LINE_COUNT, LINE_WIDTH, Seconds, Segment, Transcript, Word

LONGEST_PAUSE: Seconds = 0.5
"""A longer pause ends a cue: so long a gap between two cues is shown, shorter ones flicker (Netflix)."""
LONGEST_CUE: Seconds = 7.0
SHORTEST_CUE: Seconds = 5 / 6

_ROUNDING = 1e-6

_Line = tuple[Word, ...]


class Stretch(NamedTuple):
    """Words that are shown together, in their lines; when, depends on what comes after them."""

    lines: tuple[_Line, ...]
    is_timed: bool


@dataclass(frozen=True)
class Layout:
    """How subtitles look: at most so many characters in a line, so many lines at once, spoken words underlined or not.

    Raises:
        TypeError: a limit is no whole number.
        ValueError: it is less than 1.
    """

    max_line_width: int = LINE_WIDTH
    max_line_count: int = LINE_COUNT
    highlight_words: bool = False

    def __post_init__(self) -> None:
        for name in ("max_line_width", "max_line_count"):
            limit = getattr(self, name)
            if not isinstance(limit, Integral):
                raise TypeError(f"{name} must be a whole number, not {limit!r}")
            if limit < 1:
                raise ValueError(f"{name} must be at least 1, not {limit}")


DEFAULT_LAYOUT = Layout()


@dataclass(frozen=True)
class Cue:
    """Lines of words shown from `start` to `end`, milliseconds from the recording's start.

    is_timed: whether its words have times of their own, as highlighting needs.
    """

    start: int
    end: int
    lines: tuple[_Line, ...]
    is_timed: bool = True

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of all lines in order."""
        return tuple(word for line in self.lines for word in line)


def make_cues(transcript: Transcript, layout: Layout) -> list[Cue]:
    """The subtitles of a transcript: in order, never overlapping, inside the recording, every word in one of them.

    A word longer than a line has one of its own.
    """
    return place([each for segment in transcript.segments for each in cut(segment, layout)], transcript.duration)


def cut(segment: Segment, layout: Layout) -> list[Stretch]:
    """What is shown of a segment, in order, whatever comes before and after it."""
    if segment.words:
        parts = [words for breath in _breaths(segment.words) for words in _split(breath, layout)]
        return [Stretch(_balanced(words, layout.max_line_width), is_timed=True) for words in parts]
    if segment.text.strip():
        return [Stretch(_balanced(_untimed_words(segment), layout.max_line_width), is_timed=False)]
    return []


def place(stretches: Sequence[Stretch], duration: Seconds) -> list[Cue]:
    """The cues of all stretches of a recording, each shown until the next one at most."""
    end = int(duration * 1000 + _ROUNDING)
    limits = [*(min(milliseconds(each.lines[0][0].start), end) for each in stretches[1:]), end]
    return [
        Cue(*_shown(lines, limit), lines, is_timed)
        for (lines, is_timed), limit in zip(stretches, limits, strict=False)  # without words there is a limit too many
    ]


def highlighted(cue: Cue) -> Iterator[tuple[int, int, int | None]]:
    """A cue as slices (start, end, index of the word that is spoken then or None), as whisper shows it."""
    reached = cue.start
    for index, word in enumerate(cue.words if cue.is_timed else ()):
        start = min(max(milliseconds(word.start), reached), cue.end)
        end = min(max(milliseconds(word.end), start), cue.end)
        if start > reached:
            yield reached, start, None
        if end > start:
            yield start, end, index
        reached = end
    if cue.end > reached:
        yield reached, cue.end, None


def _split(words: Sequence[Word], layout: Layout) -> list[Sequence[Word]]:
    """The words cut into cues that fit on the screen, at the least cost (dynamic programming over the last cue)."""
    costs, origins = [0.0], [0]
    for end in range(1, len(words) + 1):
        choices = [(costs[begin] + _cost(words, begin, end, layout), begin) for begin in _begins(words, end, layout)]
        cost, origin = min(choices)
        costs.append(cost)
        origins.append(origin)
    cues: list[Sequence[Word]] = []
    end = len(words)
    while end:
        cues.append(words[origins[end] : end])
        end = origins[end]
    return cues[::-1]


def _begins(words: Sequence[Word], end: int, layout: Layout) -> Iterator[int]:
    """Where a cue up to `end` may begin; a single word always may be one."""
    yield end - 1
    for begin in range(end - 2, -1, -1):
        shown = words[begin:end]
        is_long = shown[-1].end - shown[0].start > LONGEST_CUE
        if is_long or len(_filled(shown, layout.max_line_width)) > layout.max_line_count:
            return
        yield begin


def _cost(words: Sequence[Word], begin: int, end: int, layout: Layout) -> float:
    """One for each cue, up to one for what is empty of it, and up to a half for cutting where there is no pause."""
    fill = min(_width(words[begin:end]) / (layout.max_line_width * layout.max_line_count), 1.0)
    pause = words[end].start - words[end - 1].end if end < len(words) else LONGEST_PAUSE
    return 1 + (1 - fill) ** 2 + 0.5 * (1 - max(pause, 0.0) / LONGEST_PAUSE)


def _breaths(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """The words cut where they pause for long."""
    begin = 0
    for index in range(1, len(words)):
        if words[index].start - words[index - 1].end > LONGEST_PAUSE:
            yield words[begin:index]
            begin = index
    yield words[begin:]


def _shown(lines: Sequence[_Line], limit: int) -> tuple[int, int]:
    """When the words are shown, milliseconds: long enough to be read if the limit lets them."""
    start = min(milliseconds(lines[0][0].start), limit)
    end = max(milliseconds(lines[-1][-1].end), start + milliseconds(SHORTEST_CUE))
    return start, min(end, limit)


def _balanced(words: Sequence[Word], width: int) -> tuple[_Line, ...]:
    """As few lines as the width allows, of like length: two halves read better than a full line and a word."""
    fewest = len(_filled(words, width))
    widths = range(1, width + 1)  # in wider lines there are never more of them
    return _filled(words, widths[bisect_left(widths, -fewest, key=lambda each: -len(_filled(words, each)))])


def _filled(words: Sequence[Word], width: int) -> tuple[_Line, ...]:
    """Lines filled one after the other."""
    lines: list[list[Word]] = []
    used = width
    for word in words:
        used += 1 + len(word.text)
        if not lines or used > width:
            lines.append([])
            used = len(word.text)
        lines[-1].append(word)
    return tuple(map(tuple, lines))


def _width(words: Sequence[Word]) -> int:
    return sum(len(word.text) + 1 for word in words) - 1


def _untimed_words(segment: Segment) -> tuple[Word, ...]:
    return tuple(Word(text, segment.start, segment.end, 0.0) for text in segment.text.split())


def milliseconds(seconds: Seconds) -> int:
    """As they stand in files: the nearest."""
    return round(seconds * 1000)
