"""What stands in the cells of the measurements' tables."""

from __future__ import annotations

from collections.abc import Sequence

from speech2text.evaluation.error_rate import Counts, total
from speech2text.evaluation.significance import Improvement, Interval


def percent(counts: Sequence[Counts], digits: int = 1) -> str:
    """The error rate of all utterances together."""
    return f"{100 * (total(counts).rate or 0.0):.{digits}f}"


def between(interval: Interval | None, digits: int = 1, sign: str = "") -> str:
    """The bounds of an interval of rates, with a plus where `sign` is one."""
    if interval is None:
        return "-"
    low, high = (f"{100 * bound:{sign}.{digits}f}" for bound in (interval.low, interval.high))
    return f"{low} to {high}"


def difference(improvement: Improvement | None, digits: int = 1) -> str:
    """A difference of rates and its interval."""
    if improvement is None:
        return "-"
    return f"{100 * improvement.difference:+.{digits}f}, {between(improvement.interval, digits, '+')}"
