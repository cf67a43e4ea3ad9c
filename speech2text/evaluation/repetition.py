"""Loops: an attention recogniser that lost its place says the same words again and again."""

from __future__ import annotations

from collections import Counter

NGRAM = 5
"""Words in a row: people hardly ever say as many twice within one utterance."""


def count_repeats(reference: str, hypothesis: str) -> int:
    """How many of the hypothesis's runs of `NGRAM` words are repeats that nobody said.

    A run may occur once, and as often as in the reference; each further time counts one.
    """
    said, heard = (_count_runs(text.split()) for text in (reference, hypothesis))
    return sum(max(0, times - max(1, said[run])) for run, times in heard.items())


def _count_runs(words: list[str]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + NGRAM]) for start in range(len(words) - NGRAM + 1))
