"""Loops: an attention recogniser that lost its place says the same words again and again."""

from __future__ import annotations

from speech2text.text.ngrams import count_ngrams

NGRAM = 5
"""Words in a row: people hardly ever say as many twice within one utterance."""


def count_repeats(reference: str, hypothesis: str) -> int:
    """How many of the hypothesis's rows of `NGRAM` words are repeats that nobody said.

    A row may occur once, and as often as in the reference; each further time counts one.
    """
    said, heard = (count_ngrams(text.split(), NGRAM) for text in (reference, hypothesis))
    return sum(max(0, times - max(1, said[ngram])) for ngram, times in heard.items())
