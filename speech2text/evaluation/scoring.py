"""One utterance at a time: what was said and what was recognised in, both normalised alike, and the errors out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from speech2text.evaluation.error_rate import Counts, count_characters, count_words
from speech2text.evaluation.repetition import count_repeats
from speech2text.text.normalization import normalize
from speech2text.text.transcript import Transcript, Word


class Spoken(Protocol):
    """What figures need to know of an utterance; a row of a manifest does."""

    @property
    def id(self) -> str:
        """Unique in its set."""

    @property
    def text(self) -> str:
        """What is said, as its author wrote it."""

    @property
    def speaker(self) -> str:
        """Whose voice it is, "" where unknown."""

    @property
    def corpus(self) -> str:
        """Where it comes from, "" where unknown."""

    @property
    def language(self) -> str:
        """The language by whose rules texts are normalised, "" where unknown."""


@dataclass(frozen=True)
class Recognised:
    """An utterance and what was recognised, both normalised; `duration` in seconds, "" for what is unknown.

    `words` are those of the hypothesis with their times and confidences, or none where these are not known.
    """

    id: str
    reference: str
    hypothesis: str
    speaker: str = ""
    corpus: str = ""
    duration: float | None = None
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Scored:
    """A recognised utterance with its word and character errors and its repeats (see `count_repeats`)."""

    utterance: Recognised
    words: Counts
    characters: Counts
    repeats: int


def pair(spoken: Spoken, heard: Transcript) -> Recognised:
    """What was said beside what was heard, normalised alike: the one way in which texts are made comparable.

    Where the utterance names no language, as in a folder, that of the model decides.
    """
    language = spoken.language or heard.language
    hypothesis = normalize(heard.text, language)
    words = tuple(
        Word(part, word.start, word.end, word.confidence)
        for word in heard.words
        for part in normalize(word.text, language).split()
    )
    return Recognised(
        id=spoken.id,
        reference=normalize(spoken.text, language),
        hypothesis=hypothesis,
        speaker=spoken.speaker,
        corpus=spoken.corpus,
        duration=heard.duration,
        words=words if [word.text for word in words] == hypothesis.split() else (),
    )


def score(utterances: Sequence[Recognised]) -> list[Scored]:
    """Count the errors of each utterance."""
    references = [utterance.reference for utterance in utterances]
    hypotheses = [utterance.hypothesis for utterance in utterances]
    words = count_words(references, hypotheses)
    characters = count_characters(references, hypotheses)
    repeats = map(count_repeats, references, hypotheses)
    return [Scored(*row) for row in zip(utterances, words, characters, repeats, strict=True)]


def find_worst(scored: Iterable[Scored], number: int) -> list[Scored]:
    """Up to `number` utterances with errors, the worst first."""
    return [row for row in sort_by_errors(scored) if row.words.errors][:number]


def sort_by_errors(scored: Iterable[Scored]) -> list[Scored]:
    """Those with the most words wrong first, then by error rate and id."""
    # an utterance without a reference, where every word is invented, has no rate: it stands before its equals
    return sorted(scored, key=lambda row: (-row.words.errors, row.words.reference, row.utterance.id))
