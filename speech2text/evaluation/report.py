"""What an evaluation found: scored utterances in, their errors summed up every way somebody may ask for out.

`text_report`, `json_report` and `html_report` make of it what people and programs read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from speech2text.evaluation.calibration import Calibration, calibrate
from speech2text.evaluation.error_rate import Counts, mark_right_words, total
from speech2text.evaluation.scoring import Recognised, Scored
from speech2text.evaluation.significance import Improvement, Interval, bootstrap, compare, voice

DURATION_LIMITS = (2, 5, 10, 20)
"""Seconds at which one duration bucket ends and the next starts."""
SHOWN_GROUPS = 10
"""Rows of a table by corpus, speaker or duration that are seen at first; the JSON has all."""
DOUBTED = "*"
"""Marks intervals in tables that are not to be trusted; `explain_marks` says why."""


@dataclass(frozen=True)
class Summary:
    """The errors of some utterances together; `interval` is that of the word error rate."""

    name: str
    utterances: int
    words: Counts
    characters: Counts
    repeats: int
    interval: Interval | None


@dataclass(frozen=True)
class Variant:
    """The same utterances recognised in another way: by another search, or with noise; `name` says which."""

    name: str
    total: Summary
    corpora: tuple[Summary, ...]


@dataclass(frozen=True)
class NoiseTest:
    """The utterances without noise and with it at each level; `source` says what noise, `levels` begins clean."""

    source: str
    levels: tuple[Variant, ...]


@dataclass(frozen=True)
class Against:
    """Another system on the same utterances; `improvement` is ours over it, None where nothing can be drawn."""

    name: str
    total: Summary
    improvement: Improvement | None


@dataclass(frozen=True)
class Report:
    """All that an evaluation found; `excluded` are the utterances that could not be recognised, id and reason."""

    scored: tuple[Scored, ...]
    excluded: tuple[tuple[str, str], ...]
    total: Summary
    corpora: tuple[Summary, ...]
    speakers: tuple[Summary, ...]
    durations: tuple[Summary, ...]
    calibration: Calibration | None
    searches: tuple[Variant, ...] = ()
    noise: NoiseTest | None = None
    against: Against | None = None


def make_report(
    scored: Sequence[Scored],
    excluded: Iterable[tuple[str, str]] = (),
    *,
    searches: Iterable[Variant] = (),
    noise: NoiseTest | None = None,
    against: Against | None = None,
) -> Report:
    """Sum the errors up, over all and by corpus, speaker and duration, each group in the order of its name."""
    return Report(
        scored=tuple(scored),
        excluded=tuple(excluded),
        total=_summarise("all", scored),
        corpora=_summarise_by(scored, lambda utterance: utterance.corpus),
        speakers=_summarise_by(scored, _speaker_namer(scored)),
        durations=tuple(sorted(_summarise_by(scored, _bucket), key=lambda summary: float(summary.name.split()[0]))),
        calibration=_calibrate(scored),
        searches=tuple(searches),
        noise=noise,
        against=against,
    )


def make_variant(name: str, scored: Sequence[Scored]) -> Variant:
    """The errors of another way to recognise, over all and by corpus."""
    return Variant(name, _summarise("all", scored), _summarise_by(scored, lambda utterance: utterance.corpus))


def make_against(name: str, scored: Sequence[Scored], others: Sequence[Scored]) -> Against:
    """Compare with another system, whose `others` are the same utterances in the same order."""
    improvement = compare([row.words for row in scored], [row.words for row in others], _voices(scored))
    return Against(name, _summarise(name, others), improvement)


def show_percent(rate: float | None) -> str:
    """A rate in percent for a table; "-" where there is none."""
    return "-" if rate is None else f"{100 * rate:.1f}"


def show_limits(interval: Interval | None) -> str:
    """The limits in percent for a table, marked where they are doubted; "-" where there is no interval."""
    if interval is None:
        return "-"
    return f"{100 * interval.low:.1f}-{100 * interval.high:.1f}{DOUBTED if interval.doubt else ''}"


def explain_marks(summaries: Iterable[Summary]) -> list[str]:
    """Lines to stand below a table of these, none where no interval is doubted."""
    doubts = dict.fromkeys(summary.interval.doubt for summary in summaries if summary.interval)
    return [f"{DOUBTED} {doubt}" for doubt in doubts if doubt]


def _calibrate(scored: Sequence[Scored]) -> Calibration | None:
    known = [row.utterance for row in scored if row.utterance.words]
    confidences = [word.confidence for utterance in known for word in utterance.words]
    right = [mark for utterance in known for mark in mark_right_words(utterance.reference, utterance.hypothesis)]
    return calibrate(confidences, right)


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


def _voices(scored: Sequence[Scored]) -> list[str]:
    """The speaker of each utterance."""
    return [voice(row.utterance.corpus, row.utterance.speaker) for row in scored]


def _summarise(name: str, scored: Sequence[Scored]) -> Summary:
    words = [row.words for row in scored]
    return Summary(
        name=name,
        utterances=len(scored),
        words=total(words),
        characters=total(row.characters for row in scored),
        repeats=sum(row.repeats for row in scored),
        interval=bootstrap(words, _voices(scored)),
    )


def _summarise_by(scored: Sequence[Scored], key: Callable[[Recognised], str]) -> tuple[Summary, ...]:
    """A summary of each group; utterances whose key is "" are in none."""
    groups: dict[str, list[Scored]] = {}
    for row in scored:
        groups.setdefault(key(row.utterance), []).append(row)
    groups.pop("", None)
    return tuple(_summarise(name, groups[name]) for name in sorted(groups))
