"""Word and character error rates: pairs of texts in, counts of right and wrong words out.

Texts are compared as they come, so the caller normalises references and hypotheses in the same way before. Counts
add up: the error rate of a corpus is the rate of the sum of its utterances' counts, not the mean of their rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import jiwer


@dataclass(frozen=True)
class Counts:
    """How many words (or characters) of a reference were recognised, replaced or left out, and how many invented."""

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def reference(self) -> int:
        """The length of the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions together."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float | None:
        """Errors by length of the reference: 0.05 is 5 %, more than 1 is possible; None for an empty reference."""
        return self.errors / self.reference if self.reference else None

    @property
    def insertion_rate(self) -> float | None:
        """Invented words by length of the reference; None for an empty reference."""
        return self.insertions / self.reference if self.reference else None

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.hits + other.hits,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )


@dataclass(frozen=True)
class Difference:
    """A stretch of words that both texts share (`reference` equals `hypothesis`), or in which they differ.

    Where words were left out `hypothesis` is empty, where words were invented `reference` is.
    """

    reference: tuple[str, ...]
    hypothesis: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        """Whether this stretch was recognised without an error."""
        return self.reference == self.hypothesis


def total(counts: Iterable[Counts]) -> Counts:
    """The counts of all utterances together."""
    return sum(counts, Counts())


def count_words(references: Sequence[str], hypotheses: Sequence[str]) -> list[Counts]:
    """The word errors of each utterance, aligned with the fewest errors; words are what whitespace separates."""
    _check_lengths(references, hypotheses)
    if not references:
        return []  # jiwer reads no texts as one empty text
    output = jiwer.process_words([_fold(text) for text in references], [_fold(text) for text in hypotheses])
    return [_count(chunks) for chunks in output.alignments]


def count_characters(references: Sequence[str], hypotheses: Sequence[str]) -> list[Counts]:
    """The character errors of each utterance; the single space between two words is a character too."""
    _check_lengths(references, hypotheses)
    if not references:
        return []  # jiwer reads no texts as one empty text
    output = jiwer.process_characters([_fold(text) for text in references], [_fold(text) for text in hypotheses])
    return [_count(chunks) for chunks in output.alignments]


def compare_words(reference: str, hypothesis: str) -> list[Difference]:
    """Both texts in order, cut where they begin or cease to differ.

    `"call me now", "call be now please"` gives call=call, me/be, now=now and nothing/please.
    """
    output = jiwer.process_words([_fold(reference)], [_fold(hypothesis)])
    spoken, heard = output.references[0], output.hypotheses[0]
    return [
        Difference(
            tuple(spoken[chunk.ref_start_idx : chunk.ref_end_idx]),
            tuple(heard[chunk.hyp_start_idx : chunk.hyp_end_idx]),
        )
        for chunk in output.alignments[0]
    ]


def mark_right_words(reference: str, hypothesis: str) -> list[bool]:
    """Of each word of the hypothesis whether it is right: aligned with an equal word of the reference."""
    return [difference.is_equal for difference in compare_words(reference, hypothesis) for _ in difference.hypothesis]


def _count(chunks: Iterable[jiwer.AlignmentChunk]) -> Counts:
    lengths = {"equal": 0, "substitute": 0, "delete": 0, "insert": 0}
    for chunk in chunks:
        lengths[chunk.type] += max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
    return Counts(lengths["equal"], lengths["substitute"], lengths["delete"], lengths["insert"])


def _fold(text: str) -> str:
    return " ".join(text.split())


def _check_lengths(references: Sequence[str], hypotheses: Sequence[str]) -> None:
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references but {len(hypotheses)} hypotheses; give one for each")
