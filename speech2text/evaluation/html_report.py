"""An evaluation as a page to look at and listen to: a report and what was seen of recordings in, one HTML file out.

The page needs nothing else: style, script, sounds and pictures are inside. Without its script it can still be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from speech2text.evaluation.error_rate import Counts, compare_words, mark_right_words
from speech2text.evaluation.html_figures import (
    draw_recording,
    plot_difference,
    plot_rates,
    plot_reliability,
    to_uri,
)
from speech2text.evaluation.inspection import Inspection
from speech2text.evaluation.repetition import NGRAM
from speech2text.evaluation.report import (
    SHOWN_GROUPS,
    Against,
    Report,
    Summary,
    Variant,
    explain_marks,
    show_limits,
    show_percent,
)
from speech2text.evaluation.scoring import Scored, sort_by_errors
from speech2text.text.transcript import Word

_PARTS = Path(__file__).parent


def make_page(report: Report, origin: Mapping[str, Any], inspections: Mapping[str, Inspection]) -> str:
    """The page.

    Args:
        report: all figures and utterances.
        origin: what made the figures, by name; "model" and "manifest" are in the title.
        inspections: what is known of some of the utterances, by id; those get a player and a picture.
    """
    rows = sort_by_errors(report.scored)
    page = Template(_read("page.html"))
    return page.substitute(
        title=escape(f"{origin.get('model', '')} on {Path(str(origin.get('manifest', ''))).name}"),
        style=_read("page.css"),
        script=_read("page.js"),
        origin=_describe(origin),
        tiles=_make_tiles(report),
        sections="".join(_make_sections(report)),
        corpora=_make_options(sorted({row.utterance.corpus for row in rows} - {""})),
        note=_say_what_is_left_out(report, inspections),
        utterances="\n".join(_make_utterance(row, inspections.get(row.utterance.id)) for row in rows),
    )


def _read(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")


def _describe(origin: Mapping[str, Any]) -> str:
    known = {key.replace("_", " "): value for key, value in origin.items() if value not in (None, [])}
    told = {key: ", ".join(map(str, value)) if isinstance(value, list) else str(value) for key, value in known.items()}
    return " · ".join(f"{escape(key)} <b>{escape(value)}</b>" for key, value in told.items())


def _make_tiles(report: Report) -> str:
    total = report.total
    interval = total.interval
    drawn = f"95 %: {show_limits(interval)}"
    if interval:
        drawn = "; ".join(filter(None, (f"{drawn}, {interval.size} {interval.units}", interval.doubt)))
    tiles = [
        ("WER %", show_percent(total.words.rate), drawn),
        ("CER %", show_percent(total.characters.rate), f"{total.characters.reference} characters"),
        ("words", str(total.words.reference), f"in {total.utterances} utterances"),
        ("substituted", str(total.words.substitutions), ""),
        ("deleted", str(total.words.deletions), ""),
        ("inserted", str(total.words.insertions), f"{show_percent(total.words.insertion_rate)} % of the words"),
        (f"repeated {NGRAM}-grams", str(total.repeats), "loops that nobody said"),
    ]
    if report.calibration:
        error, words = report.calibration.error, report.calibration.words
        tiles.append(("calibration error", f"{error:.3f}", f"of the confidence of {words} words"))
    return "".join(
        f'<div class="tile"><span>{name}</span><strong>{value}</strong><small>{escape(more)}</small></div>'
        for name, value, more in tiles
    )


def _make_sections(report: Report) -> Iterable[str]:
    if report.against:
        yield _section("Against another model", _make_against(report.against))
    if report.searches:
        yield _section("Searches", _make_searches(report.searches))
    if report.noise:
        levels = [replace(level.total, name=level.name) for level in report.noise.levels]
        note = _note(f"Noise: {report.noise.source}. Level of the speech: its active parts.")
        beside = f'<div class="beside">{plot_rates(levels)}{_make_table("SNR", levels)}</div>'
        yield _section("Noise", f"{beside}{_explain_marks(levels)}{note}")
    if report.calibration:
        figure = plot_reliability(report.calibration)
        note = _note("A dot on the dashed line is a confidence that means what it says.")
        yield _section("Confidence", f"{figure}{note}")
    groups = {"corpus": report.corpora, "speaker": report.speakers, "duration": report.durations}
    for name, summaries in groups.items():
        if len(summaries) > 1:
            yield _section(f"By {name}", _make_table(name, summaries) + _explain_marks(summaries))


def _section(heading: str, content: str) -> str:
    return f"<section><h2>{heading}</h2>{content}</section>"


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _explain_marks(summaries: Iterable[Summary]) -> str:
    return "".join(_note(line) for line in explain_marks(summaries))


def _make_against(against: Against) -> str:
    better = against.improvement
    rate = f"<p>{escape(against.name)}: WER {show_percent(against.total.words.rate)} %</p>"
    if better is None:
        return f"{rate}<p>Too few utterances to say which is better.</p>"
    interval = better.interval
    limits = f"{100 * interval.low:+.2f} to {100 * interval.high:+.2f}"
    doubt = f"; {interval.doubt}" if interval.doubt else ""
    return (
        f"{rate}{plot_difference(against)}<p>Difference of the WER <b>{100 * better.difference:+.2f} points</b>, "
        f"95 % interval {limits} ({interval.size} {interval.units} drawn). The probability that this model is better: "
        f"<b>{100 * better.probability:.1f} %</b>{doubt}.</p>"
    )


def _make_searches(searches: Sequence[Variant]) -> str:
    totals = [search.total for search in searches]
    rows = {
        "WER %": [show_percent(total.words.rate) for total in totals],
        "95 %": [show_limits(total.interval) for total in totals],
        "CER %": [show_percent(total.characters.rate) for total in totals],
        "substituted": [str(total.words.substitutions) for total in totals],
        "deleted": [str(total.words.deletions) for total in totals],
        "inserted": [str(total.words.insertions) for total in totals],
        "insertions %": [show_percent(total.words.insertion_rate) for total in totals],
        f"repeated {NGRAM}-grams": [str(total.repeats) for total in totals],
    }
    if len(searches[0].corpora) > 1:
        for corpora in zip(*(search.corpora for search in searches), strict=True):
            rows[f"WER % {corpora[0].name}"] = [show_percent(corpus.words.rate) for corpus in corpora]
    head = _cells("th", ["", *(search.name for search in searches)])
    return _table(head, [_cells("td", [name, *cells]) for name, cells in rows.items()]) + _explain_marks(totals)


def _make_table(name: str, summaries: Sequence[Summary]) -> str:
    """A row each; of many, those with the most errors first, and the others behind a click."""
    head = _cells("th", [name, "utt.", "words", "WER %", "95 %", "CER %", "sub", "del", "ins"])
    if len(summaries) <= SHOWN_GROUPS:
        return _table(head, [_make_row(summary) for summary in summaries])
    ordered = [_make_row(summary) for summary in sorted(summaries, key=lambda summary: -summary.words.errors)]
    rest = ordered[SHOWN_GROUPS:]
    more = f"<details><summary>{len(rest)} more, with fewer errors</summary>{_table(head, rest)}</details>"
    return _table(head, ordered[:SHOWN_GROUPS]) + more


def _make_row(summary: Summary) -> str:
    words: Counts = summary.words
    counts = map(str, (words.substitutions, words.deletions, words.insertions))
    rates = (show_percent(words.rate), show_limits(summary.interval), show_percent(summary.characters.rate))
    return _cells("td", [summary.name, str(summary.utterances), str(words.reference), *rates, *counts])


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


def _table(head: str, rows: Iterable[str]) -> str:
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _make_options(names: Iterable[str]) -> str:
    return "".join(f"<option>{escape(name)}</option>" for name in names)


def _say_what_is_left_out(report: Report, inspections: Mapping[str, Inspection]) -> str:
    parts = []
    if left_out := len(report.scored) - len(inspections):
        parts.append(
            f"{left_out} of {len(report.scored)} utterances, those with the fewest errors, have no player here."
        )
    if excluded := len(report.excluded):
        parts.append(f"{excluded} more could not be used and {'is' if excluded == 1 else 'are'} not counted.")
    return escape(" ".join(parts))


def _make_utterance(row: Scored, inspection: Inspection | None) -> str:
    utterance, words = row.utterance, row.words
    confidence = min((word.confidence for word in utterance.words), default=1.0)
    about = [utterance.corpus, utterance.speaker, f"{utterance.duration:.1f} s" if utterance.duration else ""]
    facts = {
        "errors": words.errors,
        "rate": f"{words.rate if words.rate is not None else words.errors:.4f}",
        "duration": f"{utterance.duration or 0:.2f}",
        "confidence": f"{confidence:.4f}",
        "corpus": utterance.corpus,
        "text": f"{utterance.id} {utterance.reference} {utterance.hypothesis}".lower(),
    }
    data = " ".join(f'data-{name}="{escape(str(value))}"' for name, value in facts.items())
    seen = ""
    if inspection:
        seen = f'<audio controls preload="none" src="{to_uri(inspection.audio)}"></audio>'
        if inspection.spectrogram:
            right = mark_right_words(utterance.reference, utterance.hypothesis)
            picture = draw_recording(inspection, utterance.words, right[: len(utterance.words)])
            seen += f'<div class="wide">{picture}</div>'
    said = f"{words.errors} wrong of {words.reference} said"
    return (
        f'<article {data}><header><h3>{escape(utterance.id)}</h3><span class="score">{said}</span>'
        f"<small>{escape(' · '.join(filter(None, about)))}</small></header>"
        f'<p class="diff">{_make_diff(row)}</p>{seen}</article>'
    )


def _make_diff(row: Scored) -> str:
    """Both texts in one line: words that were left out, struck through; words that were invented, underlined."""
    utterance = row.utterance
    timed = iter(utterance.words or [None] * len(utterance.hypothesis.split()))
    parts = []
    for difference in compare_words(utterance.reference, utterance.hypothesis):
        heard = " ".join(_make_word(text, next(timed)) for text in difference.hypothesis)
        if difference.is_equal:
            parts.append(heard)
            continue
        removed = f"<del>{escape(' '.join(difference.reference))}</del>" if difference.reference else ""
        parts.append(removed + (f"<ins>{heard}</ins>" if heard else ""))
    return " ".join(parts)


def _make_word(text: str, word: Word | None) -> str:
    """A word heard, with its start below it; its times and confidence show when it is pointed at."""
    if word is None:
        return f"<span>{escape(text)}</span>"
    times = f"{word.start:.2f}-{word.end:.2f} s, confidence {100 * word.confidence:.0f} %"
    return (
        f'<span class="word" data-start="{word.start:.3f}" data-end="{word.end:.3f}" title="{times}" '
        f'style="--doubt:{1 - word.confidence:.2f}"><u>{escape(text)}</u><small>{word.start:.2f}</small></span>'
    )
