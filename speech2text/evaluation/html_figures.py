"""Figures of the page as inline SVG: what a recording looks like to the model, and plots of the report's figures.

Colours come from the page's style sheet by class, so that they follow light and dark.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from speech2text.evaluation.calibration import Calibration
from speech2text.evaluation.inspection import Inspection, Media, Spelling
from speech2text.evaluation.report import Against, Summary
from speech2text.text.transcript import Word

_WIDTH, _LEAST, _MOST = 1040, 60, 320
"""Units that a picture should be wide, and how many a second may have."""
_AXIS, _SPECTRUM, _WORD, _ROW = 16, 130, 15, 10
"""Heights: time axis, spectrogram, a line of words, and a piece's row of attention."""
_LINES, _LETTER = 3, 6.6
"""How many lines words may take where they stand close, and about how wide a letter is."""
_SHADES, _FAINTEST = 8, 2
"""Steps of the opacity of attention, and the first of them that is drawn: a weight of 6 %."""


def to_uri(media: Media) -> str:
    """The file as a data URI."""
    return f"data:{media.kind};base64,{b64encode(media.data).decode()}"


def draw_recording(inspection: Inspection, words: Sequence[Word], right: Sequence[bool]) -> str:
    """Spectrogram, words, attention and CTC alignment over each other on one time axis.

    `words` are those heard and `right` says which of them are. The element has the class "recording", units a second
    in `data-scale`, and within it a line of class "cursor" at time 0.
    """
    duration = max(inspection.duration, 0.1)
    scale = min(_MOST, max(_LEAST, _WIDTH / duration))
    width = duration * scale
    top = _AXIS + _SPECTRUM + _LINES * _WORD + 4
    rows = max((len(spelling.attention) for spelling in inspection.spellings), default=0)
    height = top + rows * _ROW
    picture = to_uri(inspection.spectrogram) if inspection.spectrogram else ""
    parts = [
        *_draw_axis(duration, scale),
        f'<image href="{picture}" y="{_AXIS}" width="{width:.1f}" height="{_SPECTRUM}" preserveAspectRatio="none"/>',
        *_draw_words(words, right, scale),
        f'<rect class="field" y="{top}" width="{width:.1f}" height="{rows * _ROW}"/>' if rows else "",
        *(_draw_spelling(spelling, scale, top) for spelling in inspection.spellings),
        f'<line class="cursor" y2="{height}"/>',
    ]
    label = "spectrogram, words, attention and CTC alignment over time"
    return (
        f'<svg class="recording" data-scale="{scale:.3f}" viewBox="0 0 {width:.1f} {height}" '
        f'style="--natural:{width:.0f}px" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


def _draw_axis(duration: float, scale: float) -> Iterator[str]:
    """A mark and its seconds every half, one, two or five seconds, as they fit."""
    step = next((step for step in (0.5, 1.0, 2.0, 5.0) if step * scale >= 60), 10.0)
    for time in np.arange(0, duration, step):
        if (duration - time) * scale > 34:  # the last would be cut off
            yield f'<text class="tick" x="{time * scale + 3:.1f}" y="11">{time:g} s</text>'
        yield f'<path class="axis" d="M{time * scale:.1f} 2v{_AXIS - 2}"/>'


def _draw_words(words: Sequence[Word], right: Sequence[bool], scale: float) -> Iterator[str]:
    """A bar below the spectrogram from each word's start to its end, and its text on the first line that has room."""
    ends = [0.0] * _LINES
    for word, is_right in zip(words, right, strict=True):
        x, width = word.start * scale, max((word.end - word.start) * scale, 2.0)
        line = next((line for line, end in enumerate(ends) if end <= x), int(np.argmin(ends)))
        ends[line] = x + max(len(word.text) * _LETTER, width) + 4
        top = _AXIS + _SPECTRUM + 2 + line * _WORD
        yield (
            f'<g class="{"right" if is_right else "wrong"}"><path class="edge" d="M{x:.1f} {_AXIS}V{top}"/>'
            f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="2.5"/>'
            f'<text x="{x:.1f}" y="{top + 12.5}">{escape(word.text)}</text></g>'
        )


def _draw_spelling(spelling: Spelling, scale: float, top: float) -> str:
    """A row for each piece: where the speller looked (filled), and where CTC hears it (framed)."""
    start, unit = spelling.start * scale, spelling.frame * scale
    cells = "".join(_shade(spelling.attention))
    parts = [f'<g class="attention" transform="translate({start:.1f} {top}) scale({unit:.3f} {_ROW})">{cells}</g>']
    for row, spike in enumerate(spelling.spikes):
        x, y, width = spike.start * scale, top + row * _ROW, (spike.end - spike.start) * scale
        piece = escape(spike.piece)
        parts.append(
            f'<rect class="spike" x="{x:.1f}" y="{y + 0.5}" width="{width:.1f}" height="{_ROW - 1}">'
            f"<title>{piece} {spike.start:.2f}-{spike.end:.2f} s, {100 * spike.posterior:.0f} %</title></rect>"
            f'<text class="piece" x="{x + width + 3:.1f}" y="{y + 8}">{piece}</text>'
        )
    return "".join(parts)


def _shade(attention: np.ndarray) -> Iterator[str]:
    """Paths over attention (L, T) in units of a row and a frame, one for each shade: cells of like weight in a row."""
    shades = np.minimum((np.clip(attention, 0, 1) ** 0.5 * _SHADES).astype(int), _SHADES - 1)  # roots show the faint
    for shade in range(_FAINTEST, _SHADES):
        path = "".join(
            f"M{first} {row}h{last - first}v1h{first - last}z" for row, first, last in _runs(shades == shade)
        )
        if path:
            yield f'<path fill-opacity="{(shade + 0.5) / _SHADES:.2f}" d="{path}"/>'


def _runs(marked: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Row, first column and column after the last of each run of true cells in (L, T)."""
    edges = np.diff(marked.astype(np.int8), axis=1, prepend=0, append=0)
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    for (row, first), (_, last) in zip(starts.tolist(), ends.tolist(), strict=True):
        yield row, first, last


def plot_reliability(calibration: Calibration) -> str:
    """A bar for the share of right words at each confidence, on the diagonal where it means what it says."""
    size, left, base = 200, 34, 224  # one unit of either axis, and the origin
    parts = [f'<path class="guide" d="M{left} {base}L{left + size} {base - size}"/>']
    for row in calibration.bins:
        if row.accuracy is None or row.confidence is None:
            continue
        x, width = left + row.low * size, (row.high - row.low) * size
        parts.append(
            f'<rect class="bar" x="{x + 1:.1f}" y="{base - row.accuracy * size:.1f}" width="{width - 2:.1f}" '
            f'height="{row.accuracy * size:.1f}"><title>{row.words} words: confidence {100 * row.confidence:.0f} %, '
            f"right {100 * row.accuracy:.0f} %</title></rect>"
            f'<circle class="dot" r="3" cx="{left + row.confidence * size:.1f}" cy="{base - row.accuracy * size:.1f}"/>'
            f'<text class="count" text-anchor="middle" x="{x + width / 2:.1f}" y="{base - 3}">{row.words}</text>'
        )
    for share in (0.0, 0.5, 1.0):
        x, y = left + share * size, base - share * size
        parts.append(f'<text class="tick" text-anchor="middle" x="{x}" y="{base + 14}">{100 * share:.0f}</text>')
        parts.append(f'<text class="tick" text-anchor="end" x="{left - 5}" y="{y + 4}">{100 * share:.0f}</text>')
    parts.append(f'<path class="frame" d="M{left} {base - size}V{base}H{left + size}"/>')
    parts.append(f'<text class="tick" text-anchor="middle" x="{left + size / 2}" y="{base + 29}">confidence %</text>')
    parts.append(f'<text class="tick" x="2" y="{base - size - 12}">right %</text>')
    return _plot("share of right words by confidence", 250, 258, parts)


def plot_rates(summaries: Sequence[Summary]) -> str:
    """Word error rates from left to right with their intervals; those that are not defined are left out."""
    rates = [summary.words.rate for summary in summaries]
    highs = [summary.interval.high for summary in summaries if summary.interval]
    top = max([*highs, *(rate for rate in rates if rate), 0.01])
    height, left, base, step = 150, 34, 176, 72

    def place(rate: float) -> float:
        return base - height * rate / top

    parts, points = [f'<path class="frame" d="M{left} {base - height}V{base}H{left + step * len(rates)}"/>'], []
    for index, (summary, rate) in enumerate(zip(summaries, rates, strict=True)):
        x = left + step * (index + 0.5)
        parts.append(f'<text class="tick" text-anchor="middle" x="{x}" y="{base + 14}">{escape(summary.name)}</text>')
        if rate is None:
            continue
        points.append(f"{x} {place(rate):.1f}")
        if summary.interval:
            low, high = place(summary.interval.low), place(summary.interval.high)
            parts.append(
                f'<path class="whisker" d="M{x} {low:.1f}V{high:.1f}M{x - 4} {low:.1f}h8M{x - 4} {high:.1f}h8"/>'
            )
        parts.append(f'<circle class="dot" r="3.5" cx="{x}" cy="{place(rate):.1f}"/>')
        parts.append(
            f'<text class="value" text-anchor="end" x="{x - 7}" y="{place(rate) - 5:.1f}">{100 * rate:.1f}</text>'
        )
    parts.insert(1, f'<path class="curve" d="M{"L".join(points)}"/>' if points else "")
    parts.append(f'<text class="tick" x="2" y="{base - height - 8}">WER %</text>')
    return _plot("word error rate by noise", left + step * len(rates) + 30, 200, parts)


def plot_difference(against: Against) -> str:
    """The difference of the error rates with its interval, beside the zero of no difference; nothing if undefined."""
    better = against.improvement
    if better is None:
        return ""
    interval, half = better.interval, 190
    reach = max(abs(interval.low), abs(interval.high), abs(better.difference), 0.001) * 1.15
    low, middle, high = (200 + half * value / reach for value in (interval.low, better.difference, interval.high))
    parts = [
        '<path class="frame" d="M200 8V44"/><path class="frame" d="M10 44H390"/>',
        f'<path class="whisker" d="M{low:.1f} 26H{high:.1f}M{low:.1f} 20v12M{high:.1f} 20v12"/>',
        f'<circle class="dot" r="4.5" cx="{middle:.1f}" cy="26"/>',
        '<text class="tick" x="10" y="58">this one is better</text>',
        '<text class="tick" text-anchor="middle" x="200" y="58">equal</text>',
        '<text class="tick" text-anchor="end" x="390" y="58">the other is better</text>',
    ]
    return _plot("difference of the word error rates", 400, 62, parts)


def _plot(label: str, width: float, height: float, parts: Sequence[str]) -> str:
    head = (
        f'<svg class="plot" viewBox="0 0 {width} {height}" style="--natural:{width}px" role="img" aria-label="{label}">'
    )
    return f"{head}{''.join(parts)}</svg>"
