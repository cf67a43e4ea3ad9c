"""Rows of neighbouring words, and how often each stands in a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def count_ngrams(words: Sequence[str], length: int) -> Counter[tuple[str, ...]]:
    """How often each row of `length` words occurs; none where there are fewer words."""
    return Counter(tuple(words[begin : begin + length]) for begin in range(len(words) - length + 1))
