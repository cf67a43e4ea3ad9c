"""An evaluation for a terminal of 80 columns: a report in, something rich can print out.

Error rates are percent; "-" is a rate whose reference has no word, or an interval that draws cannot tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Group as Stack
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from speech2text.evaluation.calibration import Calibration
from speech2text.evaluation.error_rate import Counts, compare_words
from speech2text.evaluation.repetition import NGRAM
from speech2text.evaluation.report import (
    SHOWN_GROUPS,
    Against,
    NoiseTest,
    Report,
    Summary,
    Variant,
    explain_marks,
    show_limits,
    show_percent,
)
from speech2text.evaluation.scoring import Scored, find_worst
from speech2text.evaluation.significance import Interval
from speech2text.text.plain_line import in_a_line

BAR = 30
"""Columns of a share of one in the reliability table."""


def render(report: Report, worst: int = 5) -> RenderableType:
    """Totals, comparisons that were asked for, tables by corpus, speaker and duration, and the `worst` utterances."""
    parts: list[RenderableType] = [_render_total(report)]
    if report.against:
        parts.append(_render_against(report.against))
    if report.searches:
        parts.append(_render_searches(report.searches))
    if report.noise:
        parts.append(_render_noise(report.noise))
    if len(report.corpora) > 1:
        parts.append(_render_table("corpus", report.corpora))
    if len(report.speakers) > 1:
        parts.append(_render_table("speaker", report.speakers))
    if len(report.durations) > 1:
        parts.append(_render_table("duration", report.durations))
    if report.calibration:
        parts.append(_render_calibration(report.calibration))
    shown = find_worst(report.scored, worst)
    if shown:
        parts.append(_render_worst(shown))
    return Stack(*parts)


def _new_table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


def _render_total(report: Report) -> RenderableType:
    summary = report.total
    table = _new_table()
    table.add_column("")
    for heading in ("error rate %", "of", "substituted", "deleted", "inserted"):
        table.add_column(heading, justify="right")
    for name, counts in (("words (WER)", summary.words), ("characters (CER)", summary.characters)):
        table.add_row(
            name, Text(show_percent(counts.rate), "bold"), *map(str, (counts.reference, *_error_kinds(counts)))
        )
    parts: list[RenderableType] = [table, Text(f"95 % interval of the WER: {_limits(summary.interval)}")]
    if summary.interval and summary.interval.doubt:
        parts.append(Text(summary.interval.doubt, "yellow"))
    invented = f"insertions: {show_percent(summary.words.insertion_rate)} % of the words said"
    parts.append(Text(f"{invented}; repeated {NGRAM}-grams: {summary.repeats}"))
    parts.append(_render_number(summary.utterances, len(report.excluded)))
    return Stack(*parts)


def _limits(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    limits = f"{show_percent(interval.low)} to {show_percent(interval.high)} %"
    return f"{limits} (bootstrap over {interval.size} {interval.units})"


def _render_number(scored: int, excluded: int) -> Text:
    text = Text(f"{scored} utterance{'' if scored == 1 else 's'}")
    if excluded:
        text.append(f"; {excluded} more could not be used and {'is' if excluded == 1 else 'are'} not counted", "yellow")
    return text


def _error_kinds(counts: Counts) -> tuple[int, int, int]:
    return counts.substitutions, counts.deletions, counts.insertions


def _render_against(against: Against) -> RenderableType:
    heading = Text.assemble(
        ("against ", "bold"), in_a_line(against.name), f": WER {show_percent(against.total.words.rate)} %"
    )
    better = against.improvement
    if better is None:
        return Stack("", heading, Text("too few utterances to say which is better"))
    interval = better.interval
    limits = f"95 % interval {100 * interval.low:+.2f} to {100 * interval.high:+.2f}"
    return Stack(
        "",
        heading,
        Text(f"difference of the WER: {100 * better.difference:+.2f} points"),
        Text(f"{limits} (bootstrap over {interval.size} {interval.units})"),
        Text(f"the probability that this one is better: {100 * better.probability:.1f} %"),
        *([Text(interval.doubt, "yellow")] if interval.doubt else []),
    )


def _render_searches(searches: Sequence[Variant]) -> RenderableType:
    """A column for each search, a row for each figure and each corpus."""
    table = _new_table()
    table.add_column("by search", overflow="fold")
    for search in searches:
        table.add_column(search.name, justify="right")
    totals = [search.total for search in searches]
    table.add_row("WER %", *(Text(show_percent(each.words.rate), "bold") for each in totals))
    table.add_row("95 %", *(show_limits(each.interval) for each in totals))
    table.add_row("CER %", *(show_percent(each.characters.rate) for each in totals))
    for name, kind in (("substituted", "substitutions"), ("deleted", "deletions"), ("inserted", "insertions")):
        table.add_row(name, *(str(getattr(each.words, kind)) for each in totals))
    table.add_row("insertions %", *(show_percent(each.words.insertion_rate) for each in totals))
    table.add_row(f"repeated {NGRAM}-grams", *(str(each.repeats) for each in totals))
    if len(searches[0].corpora) > 1:
        for corpora in zip(*(search.corpora for search in searches), strict=True):
            table.add_row(
                Text(f"WER % {in_a_line(corpora[0].name)}"), *(show_percent(each.words.rate) for each in corpora)
            )
    return Stack("", table, *(Text(line, "dim") for line in explain_marks(totals)))


def _render_noise(noise: NoiseTest) -> RenderableType:
    summaries = [replace(level.total, name=level.name) for level in noise.levels]
    return Stack(_render_table("noise", summaries), Text(f"noise: {in_a_line(noise.source)}", "dim"))


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
            show_percent(summary.words.rate),
            show_limits(summary.interval),
            show_percent(summary.characters.rate),
            *map(str, _error_kinds(summary.words)),
        )
        table.add_row(Text(in_a_line(summary.name)), *cells)
    below = explain_marks(shown)
    if hidden := len(summaries) - len(shown):
        below.append(f"those with the most errors; {hidden} more are in the JSON report")
    return Stack("", table, *(Text(line, "dim") for line in below))


def _render_calibration(calibration: Calibration) -> RenderableType:
    """A bar for the share of right words, and a mark where it would end if confidences meant what they say."""
    table = _new_table()
    table.add_column("confidence")
    for heading in ("words", "mean %", "right %"):
        table.add_column(heading, justify="right")
    table.add_column("= right, | where the bar would end", no_wrap=True)
    for row in calibration.bins:
        bar = "" if row.accuracy is None else _draw_bar(row.accuracy, row.confidence or 0.0)
        table.add_row(
            f"{row.low:.1f}-{row.high:.1f}",
            str(row.words),
            show_percent(row.confidence),
            show_percent(row.accuracy),
            bar,
        )
    error = f"expected calibration error {calibration.error:.3f} over {calibration.words} words"
    return Stack("", table, Text(error))


def _draw_bar(share: float, mark: float) -> str:
    bar = ("=" * round(share * BAR)).ljust(BAR + 1)
    place = round(mark * BAR)
    return f"{bar[:place]}|{bar[place + 1 :]}".rstrip()


def _render_worst(rows: Sequence[Scored]) -> RenderableType:
    legend = Text.assemble(
        ("worst utterances", "bold"), ": ", ("[-said, not heard-]", "red"), " ", ("{+heard, not said+}", "green")
    )
    return Stack("", legend, *(_render_row(row) for row in rows))


def _render_row(row: Scored) -> RenderableType:
    figures = f": {row.words.errors} wrong, {row.words.reference} said"
    return Stack(
        Text.assemble((in_a_line(row.utterance.id), "bold"), figures), Padding.indent(_render_differences(row), 2)
    )


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
