"""What a recogniser returns: a transcript of segments of words, with times in seconds from the recording's start."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

Seconds = float

LINE_WIDTH, LINE_COUNT = 42, 2
"""Most characters in a line, and lines at once, of subtitles where nothing else is asked for; see text/subtitles.py."""


@dataclass(frozen=True)
class Word:
    """One word as heard between `start` and `end`; `confidence` is between 0 and 1."""

    text: str
    start: Seconds
    end: Seconds
    confidence: float


@dataclass(frozen=True)
class Alternative:
    """Another reading of a segment; the higher its `score` the likelier.

    Scores of one segment compare, but for the first where CTC alone read it, whose score that is: where the segment's
    guard is "loop", or where there were hot words. Where the model hears a span at several speeds they are the natural
    logarithms of probabilities; the first has the fewest errors to be expected, and may be less likely than another.
    """

    text: str
    score: float


@dataclass(frozen=True)
class Segment:
    """A stretch of speech between pauses; `text` is its words joined by spaces.

    guard: the guard that took words away, because they were not said ("silence", "loop"), or "silence" where it was too
        quiet for any; else None. Where there were hot words, the segment was then read again without them, and `text`
        may have words all the same. Of several hearings it is that of the one whose text was taken.
    alternatives: the best readings, the first of which is `text`, when more than one was asked for; none where nothing
        was left of them.
    """

    text: str
    start: Seconds
    end: Seconds
    words: tuple[Word, ...] = ()
    guard: str | None = None
    alternatives: tuple[Alternative, ...] = ()

    @property
    def confidence(self) -> float | None:
        """The mean of its words' confidences, so the share of them to expect right; None without words."""
        return sum(word.confidence for word in self.words) / len(self.words) if self.words else None


@dataclass(frozen=True)
class Transcript:
    """The text of one recording of `duration` seconds; segments are in order and never overlap.

    language: the code of the one language the model hears; nothing where it tells none, or several.
    """

    segments: tuple[Segment, ...]
    duration: Seconds
    language: str = ""

    @cached_property
    def text(self) -> str:
        """The whole text on one line."""
        return " ".join(segment.text for segment in self.segments if segment.text)

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """All words in order."""
        return tuple(word for segment in self.segments for word in segment.words)

    def to_txt(self) -> str:
        """One segment a line."""
        return self._write("txt")

    def to_srt(
        self, *, max_line_width: int = LINE_WIDTH, max_line_count: int = LINE_COUNT, highlight_words: bool = False
    ) -> str:
        """SubRip subtitles; the cues are described in text/subtitles.py.

        Args:
            max_line_width: characters in a line; a longer word has a line of its own.
            max_line_count: lines of a cue.
            highlight_words: underline each word while it is spoken, by a cue a word.

        Raises:
            TypeError: a limit is no whole number.
            ValueError: it is less than 1.
        """
        from speech2text.text.subtitles import Layout
        from speech2text.text.writers import to_srt

        return to_srt(self, Layout(max_line_width, max_line_count, highlight_words))

    def to_vtt(
        self, *, max_line_width: int = LINE_WIDTH, max_line_count: int = LINE_COUNT, highlight_words: bool = False
    ) -> str:
        """WebVTT subtitles; see `to_srt`."""
        from speech2text.text.subtitles import Layout
        from speech2text.text.writers import to_vtt

        return to_vtt(self, Layout(max_line_width, max_line_count, highlight_words))

    def to_tsv(self) -> str:
        """A table of start, end (milliseconds), text and confidence."""
        return self._write("tsv")

    def to_json(self) -> str:
        """One JSON object with everything; its shape is in text/writers.py."""
        return self._write("json")

    def to_jsonl(self) -> str:
        """One JSON object a segment, one a line."""
        return self._write("jsonl")

    def _write(self, format_name: str) -> str:
        from speech2text.text.writers import WRITERS  # it needs this module

        return WRITERS[format_name](self)
