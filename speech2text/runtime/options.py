"""The settings of a recogniser: checked here, before anything is opened, and nowhere else."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Literal, SupportsFloat, TypeAlias, get_args

from speech2text.bundle.manifest import (
    LARGEST_BEAM,
    LARGEST_WEIGHT,
    LEAST_SPEED,
    MOST_OTHER_SPEEDS,
    MOST_SPEED,
    Decoding,
)

Search: TypeAlias = Literal["joint", "ctc", "attention"]
"""How a memory becomes text: the beam over both heads, or greedily by one of them."""
SEARCHES: tuple[Search, ...] = get_args(Search)

HotwordSource: TypeAlias = "Sequence[str] | os.PathLike[str]"
"""Phrases, or a file of them."""

MOST_THREADS = 1024
"""Of one call, and of processes side by side; more is a mistyped number."""

HOTWORDS_SCORE = 0.5
"""For each letter of a hot word, in nats; recipes/measurements/hotwords.py shows what other values do."""


@dataclass(frozen=True)
class SearchOptions:
    """How a recogniser makes text of what it hears; `speech2text.load_model` says what each of these does.

    Raises:
        TypeError: a count is no whole number, a weight no number, or the hot words are no list, but a text, for
            example, which could be a phrase or a file's name.
        ValueError: one of them is impossible, or of no use to the search.
    """

    threads: int = 1
    beam_size: int | None = None
    search: Search = "joint"
    chunk_seconds: float | None = None
    lm_weight: float | None = None
    hotwords: HotwordSource = ()
    hotwords_score: float = HOTWORDS_SCORE
    n_best: int = 1
    other_speeds: Sequence[float] | None = None

    def __post_init__(self) -> None:
        self._check_kinds()
        if not 1 <= self.threads <= MOST_THREADS:
            raise ValueError(f"threads must be 1 to {MOST_THREADS}, not {self.threads}")
        if self.beam_size is not None and not 1 <= self.beam_size <= LARGEST_BEAM:
            raise ValueError(f"beam_size must be 1 to {LARGEST_BEAM}, not {self.beam_size}")
        if self.search not in SEARCHES:
            raise ValueError(f"search must be one of {', '.join(SEARCHES)}, not {self.search!r}")
        if self.chunk_seconds is not None and not 0 < _as_float(self.chunk_seconds) < math.inf:
            raise ValueError(f"chunk_seconds must be a number above 0, or None to hear whole, not {self.chunk_seconds}")
        if self.lm_weight is not None and not 0 <= self.lm_weight <= LARGEST_WEIGHT:
            raise ValueError(f"lm_weight must be 0 to {LARGEST_WEIGHT:g}, not {self.lm_weight}")
        if not 0 <= self.hotwords_score <= LARGEST_WEIGHT:
            raise ValueError(f"hotwords_score must be 0 to {LARGEST_WEIGHT:g}, not {self.hotwords_score}")
        if self.n_best < 1:
            raise ValueError(f"n_best must be at least 1, not {self.n_best}")
        if not all(LEAST_SPEED <= speed <= MOST_SPEED for speed in self.other_speeds or ()):
            raise ValueError(f"other_speeds must be {LEAST_SPEED:g} to {MOST_SPEED:g}, not {self.other_speeds}")
        if len(self.other_speeds or ()) > MOST_OTHER_SPEEDS:
            raise ValueError(f"other_speeds must be {MOST_OTHER_SPEEDS} at most, not {len(self.other_speeds or ())}")
        if self.search != "joint" and self.lm_weight:
            raise ValueError(f"lm_weight is for the joint search, and search is {self.search!r}")
        if self.search != "joint" and (self.hotwords or self.n_best > 1 or self.other_speeds):
            only = "hotwords, n_best and other_speeds"
            raise ValueError(f"{only} are for the joint search, and search is {self.search!r}")

    def _check_kinds(self) -> None:
        for name, kind, said in (
            ("threads", Integral, "a whole number"),
            ("beam_size", Integral | None, "a whole number"),
            ("n_best", Integral, "a whole number"),
            ("chunk_seconds", Real | None, "a number"),
            ("lm_weight", Real | None, "a number"),
            ("hotwords_score", Real, "a number"),
        ):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} must be {said}, not {getattr(self, name)!r}")
        if isinstance(self.hotwords, str) or not isinstance(self.hotwords, Sequence | os.PathLike):
            given = "a text" if isinstance(self.hotwords, str) else type(self.hotwords).__name__
            raise TypeError(f"hotwords takes a list of phrases, or a pathlib.Path to a file of them, not {given}")
        speeds = () if self.other_speeds is None else self.other_speeds
        is_list = isinstance(speeds, Sequence) and not isinstance(speeds, str | bytes)
        if not is_list or any(isinstance(speed, bool) or not isinstance(speed, Real) for speed in speeds):
            raise TypeError(f"other_speeds must be a list of numbers, not {speeds!r}")

    def applied_to(self, decoding: Decoding) -> Decoding:
        """The settings a bundle was tuned for, with those given here instead."""
        if self.beam_size is not None:
            decoding = replace(decoding, beam_size=self.beam_size)
        if self.lm_weight is not None:
            decoding = replace(decoding, lm_weight=float(self.lm_weight))
        if self.other_speeds is not None:
            decoding = replace(decoding, other_speeds=tuple(map(float, self.other_speeds)))
        return decoding

    def for_search(self, search: Search) -> SearchOptions:
        """The same with a search, and without what that has no use for."""
        if search == "joint":
            return replace(self, search=search)
        return replace(self, search=search, lm_weight=None, hotwords=(), n_best=1, other_speeds=None)


def _as_float(number: SupportsFloat) -> float:
    """A number of whatever kind; infinite where it is larger than the largest."""
    try:
        return float(number)
    except OverflowError:
        return math.inf
