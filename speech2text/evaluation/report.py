"""What an evaluation says: scored utterances in, a dictionary for machines or a report for a terminal out.

Error rates are fractions in the dictionary and percent on the terminal. A rate whose reference has no word is
undefined: None (JSON null), or "-" on the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group as Stack
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from speech2text.evaluation.error_rate import Counts, compare_words, count_characters, count_words, total
from speech2text.evaluation.significance import Interval, bootstrap

SCHEMA_VERSION = 1
DURATION_LIMITS = (2, 5, 10, 20)
"""Seconds at which one duration bucket ends and the next starts."""
SHOWN_GROUPS = 10
"""Rows of a table on a terminal; the dictionary has all."""


@dataclass(frozen=True)
class Recognised:
    """An utterance and what was recognised, both normalised; `duration` in seconds, "" for what is unknown."""

    id: str
    reference: str
    hypothesis: str
    speaker: str = ""
    corpus: str = ""
    duration: float | None = None


@dataclass(frozen=True)
class Scored:
    """A recognised utterance with its word and character errors."""

    utterance: Recognised
    words: Counts
    characters: Counts


@dataclass(frozen=True)
class Summary:
    """The errors of some utterances together; `interval` is that of the word error rate."""

    name: str
    utterances: int
    words: Counts
    characters: Counts
    interval: Interval | None


@dataclass(frozen=True)
class Report:
    """All that an evaluation found; `excluded` are the utterances that could not be recognised, id and reason."""

    scored: tuple[Scored, ...]
    excluded: tuple[tuple[str, str], ...]
    total: Summary
    corpora: tuple[Summary, ...]
    speakers: tuple[Summary, ...]
    durations: tuple[Summary, ...]


def score(utterances: Sequence[Recognised]) -> list[Scored]:
    """Count the errors of each utterance."""
    references = [utterance.reference for utterance in utterances]
    hypotheses = [utterance.hypothesis for utterance in utterances]
    words = count_words(references, hypotheses)
    characters = count_characters(references, hypotheses)
    return [Scored(*row) for row in zip(utterances, words, characters, strict=True)]


def make_report(scored: Sequence[Scored], excluded: Iterable[tuple[str, str]] = ()) -> Report:
    """Sum the errors up, over all and by corpus, speaker and duration, each group in the order of its name."""
    return Report(
        scored=tuple(scored),
        excluded=tuple(excluded),
        total=_summarise("all", scored),
        corpora=_summarise_by(scored, lambda utterance: utterance.corpus),
        speakers=_summarise_by(scored, _speaker_namer(scored)),
        durations=tuple(sorted(_summarise_by(scored, _bucket), key=lambda summary: float(summary.name.split()[0]))),
    )


def find_worst(scored: Iterable[Scored], number: int) -> list[Scored]:
    """Up to `number` utterances with errors, those with the most words wrong first, then by error rate and id."""
    wrong = [row for row in scored if row.words.errors]
    # an utterance without a reference, where every word is invented, has no rate: it stands before its equals
    wrong.sort(key=lambda row: (-row.words.errors, row.words.reference, row.utterance.id))
    return wrong[:number]


def to_dict(report: Report) -> dict[str, Any]:
    """The report as JSON can hold it; the keys are stable within one `schema_version`.

    Summaries ("total" and the rows of "by_…") have counts of words and characters and the interval of the word error
    rate; "utterances" has a row for each one scored, in their order, and "excluded" the others.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "total": _summary_to_dict(report.total),
        "by_corpus": [_summary_to_dict(summary) for summary in report.corpora],
        "by_speaker": [_summary_to_dict(summary) for summary in report.speakers],
        "by_duration": [_summary_to_dict(summary) for summary in report.durations],
        "excluded": [{"id": id, "error": error} for id, error in report.excluded],
        "utterances": [row_to_dict(row) for row in report.scored],
    }


def row_to_dict(row: Scored) -> dict[str, Any]:
    """One utterance: what was said, what was recognised, and the errors between the two."""
    return {
        "id": row.utterance.id,
        "text": row.utterance.reference,
        "hypothesis": row.utterance.hypothesis,
        "errors": _counts_to_dict(row.words),
    }


def render(report: Report, worst: int = 5) -> RenderableType:
    """The report for a terminal: totals, tables by corpus, speaker and duration, and the `worst` utterances."""
    parts: list[RenderableType] = [_render_total(report)]
    if len(report.corpora) > 1:
        parts.append(_render_table("corpus", report.corpora))
    if len(report.speakers) > 1:
        parts.append(_render_table("speaker", report.speakers))
    if len(report.durations) > 1:
        parts.append(_render_table("duration", report.durations))
    shown = find_worst(report.scored, worst)
    if shown:
        parts.append(_render_worst(shown))
    return Stack(*parts)


def _speaker_namer(scored: Sequence[Scored]) -> Callable[[Recognised], str]:
    """Names an utterance's speaker, with the corpus before it where two corpora have a speaker of that name."""
    corpora: dict[str, set[str]] = {}
    for row in scored:
        corpora.setdefault(row.utterance.speaker, set()).add(row.utterance.corpus)

    def name(utterance: Recognised) -> str:
        shared = utterance.speaker and len(corpora[utterance.speaker]) > 1
        return f"{utterance.corpus}/{utterance.speaker}" if shared else utterance.speaker

    return name


def _bucket(utterance: Recognised) -> str:
    """The name of a duration bucket, "2 to 5 s", which holds 2 s and not 5 s; "" for an unknown duration."""
    if utterance.duration is None:
        return ""
    edges = (0, *DURATION_LIMITS)
    for start, end in zip(edges, DURATION_LIMITS, strict=False):
        if utterance.duration < end:
            return f"{start} to {end} s"
    return f"{edges[-1]} s and more"


def _summarise(name: str, scored: Sequence[Scored]) -> Summary:
    words = [row.words for row in scored]
    # speakers are named within their corpus: two corpora may each have a speaker "01"
    speakers = [row.utterance.speaker and f"{row.utterance.corpus}\n{row.utterance.speaker}" for row in scored]
    characters = total(row.characters for row in scored)
    return Summary(name, len(scored), total(words), characters, bootstrap(words, speakers))


def _summarise_by(scored: Sequence[Scored], key: Callable[[Recognised], str]) -> tuple[Summary, ...]:
    """A summary of each group; utterances whose key is "" are in none."""
    groups: dict[str, list[Scored]] = {}
    for row in scored:
        groups.setdefault(key(row.utterance), []).append(row)
    groups.pop("", None)
    return tuple(_summarise(name, groups[name]) for name in sorted(groups))


def _counts_to_dict(counts: Counts) -> dict[str, Any]:
    return {
        "rate": counts.rate,
        "reference": counts.reference,
        "substitutions": counts.substitutions,
        "deletions": counts.deletions,
        "insertions": counts.insertions,
    }


def _summary_to_dict(summary: Summary) -> dict[str, Any]:
    interval = summary.interval
    return {
        "name": summary.name,
        "utterances": summary.utterances,
        "words": _counts_to_dict(summary.words),
        "characters": _counts_to_dict(summary.characters),
        "wer_interval": interval
        and {"low": interval.low, "high": interval.high, "resampled": interval.units, "of": interval.size},
    }


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f}"


def _range(interval: Interval | None) -> str:
    return "-" if interval is None else f"{_percent(interval.low)}-{_percent(interval.high)}"


def _new_table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


def _render_total(report: Report) -> RenderableType:
    summary = report.total
    table = _new_table()
    table.add_column("")
    for heading in ("error rate %", "of", "substituted", "deleted", "inserted"):
        table.add_column(heading, justify="right")
    for name, counts in (("words (WER)", summary.words), ("characters (CER)", summary.characters)):
        table.add_row(name, Text(_percent(counts.rate), "bold"), *map(str, (counts.reference, *_error_kinds(counts))))
    parts: list[RenderableType] = [table]
    if summary.interval:
        interval = summary.interval
        limits = f"{_percent(interval.low)} to {_percent(interval.high)} %"
        parts.append(Text(f"95 % interval of the WER: {limits} (bootstrap over {interval.size} {interval.units})"))
    parts.append(_render_number(summary.utterances, len(report.excluded)))
    return Stack(*parts)


def _render_number(scored: int, excluded: int) -> Text:
    text = Text(f"{scored} utterance{'' if scored == 1 else 's'}")
    if excluded:
        text.append(f"; {excluded} more could not be read and {'is' if excluded == 1 else 'are'} not counted", "yellow")
    return text


def _error_kinds(counts: Counts) -> tuple[int, int, int]:
    return counts.substitutions, counts.deletions, counts.insertions


def _render_table(heading: str, summaries: Sequence[Summary]) -> RenderableType:
    """One row a group; of more than SHOWN_GROUPS those with the most word errors."""
    table = _new_table()
    table.add_column(f"by {heading}", overflow="fold", min_width=16)
    for column in ("utterances", "words", "WER %", "95 %", "CER %", "sub", "del", "ins"):
        table.add_column(column, justify="right", no_wrap=True)
    shown = summaries
    if len(summaries) > SHOWN_GROUPS:
        shown = sorted(summaries, key=lambda summary: -summary.words.errors)[:SHOWN_GROUPS]
    for summary in shown:
        cells = (
            str(summary.utterances),
            str(summary.words.reference),
            _percent(summary.words.rate),
            _range(summary.interval),
            _percent(summary.characters.rate),
            *map(str, _error_kinds(summary.words)),
        )
        table.add_row(Text(summary.name), *cells)
    if len(shown) == len(summaries):
        return Stack("", table)
    hidden = len(summaries) - len(shown)
    return Stack("", table, Text(f"those with the most errors; {hidden} more are in the JSON report", "dim"))


def _render_worst(rows: Sequence[Scored]) -> RenderableType:
    legend = Text.assemble(
        ("worst utterances", "bold"), ": ", ("[-said, not heard-]", "red"), " ", ("{+heard, not said+}", "green")
    )
    return Stack("", legend, *(_render_row(row) for row in rows))


def _render_row(row: Scored) -> RenderableType:
    figures = f": {row.words.errors} wrong, {row.words.reference} said"
    return Stack(Text.assemble((row.utterance.id, "bold"), figures), Padding.indent(_render_differences(row), 2))


def _render_differences(row: Scored) -> Text:
    """The two texts in one line as wdiff writes it, so that it can be read without colours too."""
    parts = []
    for difference in compare_words(row.utterance.reference, row.utterance.hypothesis):
        spoken, heard = " ".join(difference.reference), " ".join(difference.hypothesis)
        if difference.is_equal:
            parts.append(Text(spoken))
            continue
        removed, added = Text(spoken and f"[-{spoken}-]", "red"), Text(heard and f"{{+{heard}+}}", "green")
        parts.append(Text.assemble(removed, added))
    return Text(" ").join(parts)
