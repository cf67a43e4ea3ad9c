"""An evaluation for programs: a report in, a dictionary that JSON can hold out.

Error rates are fractions. What is not defined (a rate whose reference has no word, an interval where all speakers have
one rate) or was not asked for is null. The keys are stable within one `schema_version`:

    {"schema_version": 1,
     "total": {"name", "utterances", "words": COUNTS, "characters": COUNTS, "wer_interval": INTERVAL,
               "insertion_rate", "repeated_5grams"},
     "by_corpus", "by_speaker", "by_duration": [as total, …],
     "calibration": {"expected_calibration_error", "words", "bins": [{"low", "high", "words", "confidence",
                     "accuracy"}, …]},
     "searches": [{"name", "total": as above, "by_corpus"}, …],
     "noise": {"source", "levels": [as in searches, …]},
     "against": {"name", "total": as above, "difference", "interval": INTERVAL, "probability_better"},
     "excluded": [{"id", "error"}, …],
     "utterances": [{"id", "text", "hypothesis", "errors": COUNTS}, …]}

    `evaluate --format json` puts before these what was heard, and how: "manifest", "model", "beam_size", "search",
    "other_speeds", "lm_weight", "hotwords", "chunk_seconds".

    COUNTS: {"rate", "reference", "substitutions", "deletions", "insertions"}
    INTERVAL: {"low", "high", "resampled", "of", "doubt"}; the doubt is why it is not to be trusted, "" where it is
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from speech2text.errors import ManifestError
from speech2text.evaluation.calibration import Calibration
from speech2text.evaluation.error_rate import Counts
from speech2text.evaluation.report import Against, NoiseTest, Report, Summary, Variant
from speech2text.evaluation.scoring import Scored
from speech2text.evaluation.significance import Interval

SCHEMA_VERSION = 1
"""Grows when a name or a meaning changes, not when one is added."""


def to_dict(report: Report) -> dict[str, Any]:
    """The whole report, its utterances in their order."""
    return {
        "schema_version": SCHEMA_VERSION,
        "total": _summary_to_dict(report.total),
        "by_corpus": _summaries_to_dicts(report.corpora),
        "by_speaker": _summaries_to_dicts(report.speakers),
        "by_duration": _summaries_to_dicts(report.durations),
        "calibration": report.calibration and _calibration_to_dict(report.calibration),
        "searches": [_variant_to_dict(variant) for variant in report.searches],
        "noise": report.noise and _noise_to_dict(report.noise),
        "against": report.against and _against_to_dict(report.against),
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


@dataclass(frozen=True)
class Row:
    """What `evaluate --output` wrote of an utterance: its text, None where it is not told, and what was recognised."""

    text: str | None
    hypothesis: str


def read_rows(path: Path) -> dict[str, Row]:
    """The row of each id in a file of rows as `row_to_dict` makes them, one a line.

    Raises:
        ManifestError: it cannot be read, a line is no such row, or an id stands twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # texts may hold what splitlines cuts at
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"no text in UTF-8, {error.reason}"
        raise ManifestError(f"{path}: cannot be read ({reason}); give a file that evaluate --output wrote") from None
    rows: dict[str, Row] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            id, hypothesis = row["id"], row["hypothesis"]
            text = row.get("text")
            if not (isinstance(id, str) and isinstance(hypothesis, str) and isinstance(text, str | None)):
                raise TypeError("no texts")
        except (ValueError, KeyError, TypeError, RecursionError):
            remedy = "give a file that evaluate --output wrote"
            raise ManifestError(f"{path}:{number}: no row with an 'id' and a 'hypothesis'; {remedy}") from None
        if id in rows:
            raise ManifestError(f"{path}:{number}: the id {id!r} stands twice; ids must be unique")
        rows[id] = Row(text, hypothesis)
    return rows


def _counts_to_dict(counts: Counts) -> dict[str, Any]:
    return {
        "rate": counts.rate,
        "reference": counts.reference,
        "substitutions": counts.substitutions,
        "deletions": counts.deletions,
        "insertions": counts.insertions,
    }


def _summaries_to_dicts(summaries: Iterable[Summary]) -> list[dict[str, Any]]:
    return [_summary_to_dict(summary) for summary in summaries]


def _summary_to_dict(summary: Summary) -> dict[str, Any]:
    return {
        "name": summary.name,
        "utterances": summary.utterances,
        "words": _counts_to_dict(summary.words),
        "characters": _counts_to_dict(summary.characters),
        "wer_interval": summary.interval and _interval_to_dict(summary.interval),
        "insertion_rate": summary.words.insertion_rate,
        "repeated_5grams": summary.repeats,
    }


def _interval_to_dict(interval: Interval) -> dict[str, Any]:
    return {
        "low": interval.low,
        "high": interval.high,
        "resampled": interval.units,
        "of": interval.size,
        "doubt": interval.doubt,
    }


def _calibration_to_dict(calibration: Calibration) -> dict[str, Any]:
    return {
        "expected_calibration_error": calibration.error,
        "words": calibration.words,
        "bins": [asdict(row) for row in calibration.bins],
    }


def _variant_to_dict(variant: Variant) -> dict[str, Any]:
    return {
        "name": variant.name,
        "total": _summary_to_dict(variant.total),
        "by_corpus": _summaries_to_dicts(variant.corpora),
    }


def _noise_to_dict(noise: NoiseTest) -> dict[str, Any]:
    return {"source": noise.source, "levels": [_variant_to_dict(level) for level in noise.levels]}


def _against_to_dict(against: Against) -> dict[str, Any]:
    better = against.improvement
    return {
        "name": against.name,
        "total": _summary_to_dict(against.total),
        "difference": better and better.difference,
        "interval": better and _interval_to_dict(better.interval),
        "probability_better": better and better.probability,
    }
