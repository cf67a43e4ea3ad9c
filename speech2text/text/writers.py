"""A transcript as text in the formats people expect: pure functions.

An empty transcript gives an empty but valid file of its format. Segments without text get no subtitle; how the others
are cut into cues is in text/subtitles.py. The first columns of the table, the underlined words and the names in the
JSON are those of the whisper family, so that scripts written for it go on working:

    {"schema_version": 1, "text": "…", "language": "en", "duration": 2.5,
     "segments": [{"id": 0, "start": 0.0, "end": 2.5, "text": "…",
                   "words": [{"word": "…", "start": 0.0, "end": 0.3, "probability": 0.98}, …],
                   "confidence": 0.98, "guard": null, "alternatives": [{"text": "…", "score": -1.2}, …]}, …]}

`probability` is a word's confidence, a segment's `confidence` the mean of its words'; `guard` names what took words
away; `alternatives` is empty unless several readings were asked for. All times are seconds from the start of the
recording, to the millisecond (tsv: whole milliseconds).
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any, Generic, TypeAlias, TypeVar

from speech2text.text.subtitles import (
    DEFAULT_LAYOUT,
    Cue,
    Layout,
    Stretch,
    cut,
    highlighted,
    make_cues,
    milliseconds,
    place,
)
from speech2text.text.transcript import Seconds, Segment, Transcript

Part = TypeVar("Part")

SCHEMA_VERSION = 1
"""Of the JSON; grows when a name or a meaning changes, not when one is added."""


def to_txt(transcript: Transcript) -> str:
    """One segment a line."""
    return "".join(f"{segment.text}\n" for segment in _spoken(transcript))


def to_srt(transcript: Transcript, layout: Layout = DEFAULT_LAYOUT) -> str:
    """SubRip subtitles."""
    return _srt(make_cues(transcript, layout), highlight_words=layout.highlight_words)


def to_vtt(transcript: Transcript, layout: Layout = DEFAULT_LAYOUT) -> str:
    """WebVTT subtitles."""
    return _vtt(make_cues(transcript, layout), highlight_words=layout.highlight_words)


def to_tsv(transcript: Transcript) -> str:
    """A table of start, end (milliseconds), text and mean confidence of its words, one segment a row."""
    return "start\tend\ttext\tconfidence\n" + "".join(
        f"{milliseconds(segment.start)}\t{milliseconds(segment.end)}\t{segment.text.replace(chr(9), ' ')}\t"
        f"{'' if segment.confidence is None else format(segment.confidence, '.4f')}\n"
        for segment in _spoken(transcript)
    )


def to_json(transcript: Transcript) -> str:
    """One object with everything that is known."""
    return _dump(
        {
            "schema_version": SCHEMA_VERSION,
            "text": transcript.text,
            "language": transcript.language or None,
            "duration": round(transcript.duration, 3),
            "segments": [describe_segment(number, segment) for number, segment in enumerate(transcript.segments)],
        },
        indent=2,
    )


def to_jsonl(transcript: Transcript) -> str:
    """One segment a line, each an object as in the `segments` of the JSON."""
    return "".join(_line(number, segment) for number, segment in enumerate(transcript.segments))


Writer: TypeAlias = Callable[[Transcript], str]


def writers(layout: Layout) -> Mapping[str, Writer]:
    """By the name of the format, which is the suffix of its files too; the layout is that of the subtitles."""
    return {
        "txt": to_txt,
        "srt": partial(to_srt, layout=layout),
        "vtt": partial(to_vtt, layout=layout),
        "tsv": to_tsv,
        "json": to_json,
        "jsonl": to_jsonl,
    }


WRITERS = writers(DEFAULT_LAYOUT)


def _line(number: int, segment: Segment) -> str:
    return _dump(describe_segment(number, segment))


def _stretches(_: int, segment: Segment) -> list[Stretch]:
    return cut(segment, DEFAULT_LAYOUT)


def _placed(parts: Iterable[Iterable[Stretch]], seconds: Seconds) -> list[Cue]:
    return place(list(chain.from_iterable(parts)), seconds)


@dataclass(frozen=True)
class Growing(Generic[Part]):
    """A format whose file is written anew with each segment, for hours, so that what is known of earlier ones is kept.

    part: what a segment gives, with its number from 0, whatever comes after it.
    whole: the file of all parts so far, after so many seconds; as `WRITERS` have it of their transcript.
    """

    part: Callable[[int, Segment], Part]
    whole: Callable[[Sequence[Part], Seconds], str]


GROWING: Mapping[str, Growing[Any]] = {
    "srt": Growing(_stretches, lambda parts, seconds: _srt(_placed(parts, seconds))),
    "vtt": Growing(_stretches, lambda parts, seconds: _vtt(_placed(parts, seconds))),
    "jsonl": Growing(_line, lambda parts, _: "".join(parts)),
}
"""Those of live sessions."""


def _spoken(transcript: Transcript) -> list[Segment]:
    return [segment for segment in transcript.segments if segment.text]


def _srt(cues: Iterable[Cue], *, highlight_words: bool = False) -> str:
    shown = enumerate(_subtitles(cues, lambda text: text.replace("-->", "->"), highlight_words), start=1)
    return "".join(
        f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{text}\n\n" for number, (start, end, text) in shown
    )


def _vtt(cues: Iterable[Cue], *, highlight_words: bool = False) -> str:
    shown = _subtitles(cues, lambda text: html.escape(text, quote=False), highlight_words)
    blocks = (f"{_clock(start, '.')} --> {_clock(end, '.')}\n{text}\n\n" for start, end, text in shown)
    return "WEBVTT\n\n" + "".join(blocks)


def _subtitles(
    cues: Iterable[Cue], escape: Callable[[str], str], highlight_words: bool
) -> Iterator[tuple[int, int, str]]:
    """Start and end in milliseconds of each text to show, with one cue a word more where words are highlighted."""
    for cue in cues:
        slices = highlighted(cue) if highlight_words else [(cue.start, cue.end, None)]
        for start, end, spoken in slices:
            yield start, end, _lines(cue, spoken, escape)


def _lines(cue: Cue, spoken: int | None, escape: Callable[[str], str]) -> str:
    texts = (escape(word.text) for word in cue.words)
    marked = iter([f"<u>{text}</u>" if index == spoken else text for index, text in enumerate(texts)])
    return "\n".join(" ".join(islice(marked, len(line))) for line in cue.lines)


def _clock(time: int, decimal_mark: str) -> str:
    """Milliseconds as 00:01:02.345 (hours are never left out, though WebVTT would allow it)."""
    minutes, milliseconds = divmod(time, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}{decimal_mark}{milliseconds % 1000:03}"


def describe_segment(number: int, segment: Segment) -> dict[str, Any]:
    """One of the `segments` of the JSON, as the object to be written."""
    return {
        "id": number,
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "words": [
            {
                "word": word.text,
                "start": round(word.start, 3),
                "end": round(word.end, 3),
                "probability": round(word.confidence, 4),
            }
            for word in segment.words
        ],
        "confidence": None if segment.confidence is None else round(segment.confidence, 4),
        "guard": segment.guard,
        "alternatives": [{"text": each.text, "score": round(each.score, 4)} for each in segment.alternatives],
    }


def _dump(data: dict[str, Any], indent: int | None = None) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=indent) + "\n"
