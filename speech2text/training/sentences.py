"""The texts of a language model: files of sentences in, token numbers out, some sentences held out."""

from __future__ import annotations

import gzip
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speech2text.audio.utterances import read_utterances
from speech2text.disk import is_file
from speech2text.errors import TrainingError
from speech2text.text.normalization import normalize
from speech2text.text.tokenizer import Tokenizer
from speech2text.training.holding_out import draw, hold_out

HELD_OUT_SHARE = 0.05
MOST_HELD_OUT = 2000
"""Sentences; more would tell the perplexity no better."""
LONGEST = 300
"""Pieces of a sentence: a longer line is a paragraph, which would fill a batch with padding."""


@dataclass(frozen=True)
class Sentences:
    """Sentences as token numbers, without END."""

    tokens: NDArray[np.int32]
    """Of all sentences, one behind the other."""
    lengths: NDArray[np.int64]
    """Tokens of each sentence, at least 1."""
    words: NDArray[np.int64]
    """Words of each sentence."""

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, mask: NDArray[np.bool_]) -> Sentences:
        """The sentences where `mask` (N,) is true."""
        return Sentences(self.tokens[np.repeat(mask, self.lengths)], self.lengths[mask], self.words[mask])

    @property
    def word_count(self) -> int:
        """Words of all sentences."""
        return int(self.words.sum())

    def rows(self) -> list[NDArray[np.int32]]:
        """The tokens of each sentence."""
        return np.split(self.tokens, np.cumsum(self.lengths)[:-1])


@dataclass(frozen=True)
class Texts:
    """What was read: sentences to train on, others to measure by, and of each line left out why."""

    train: Sentences
    held_out: Sentences
    left_out: tuple[str, ...]


def read_texts(files: Sequence[Path], tokenizer: Tokenizer, language: str = "") -> Texts:
    """Texts with a sentence a line (.txt, or .gz of one) or manifests (.jsonl), normalised as a recogniser's are.

    Lines without a word are skipped. Lines are left out when they have a character that is not among the pieces, or
    more than LONGEST pieces. A sentence that occurs several times counts as often, and on one side only.

    Args:
        files: of each the name's ending says what it is.
        tokenizer: of the recogniser that the language model will serve.
        language: of the texts, and of the rows of a manifest that name none.

    Raises:
        TrainingError: a file is missing or unreadable, or all together have no two different usable sentences.
        ManifestError: a manifest has rows that cannot be used.
    """
    tokens, lengths, words, draws = array("i"), array("q"), array("q"), array("d")
    left_out: list[str] = []
    for where, text in (line for file in files for line in _normalized_lines(file, language)):
        try:
            row = tokenizer.encode(text)
        except ValueError as error:
            left_out.append(f"{where}: {error}")
            continue
        if len(row) > LONGEST:
            left_out.append(f"{where}: {len(row)} pieces, and a sentence may have {LONGEST}")
            continue
        tokens.extend(row)
        lengths.append(len(row))
        words.append(len(text.split()))
        draws.append(draw(text, size=6))  # of millions, 4 bytes would be the same for some
    held_out = hold_out(np.array(draws), min(HELD_OUT_SHARE, MOST_HELD_OUT / max(1, len(draws))))
    if not held_out.any():
        example = f" ({len(left_out)} lines are left out, as {left_out[0]})" if left_out else ""
        raise TrainingError(
            f"{', '.join(map(str, files))}: a language model needs at least two different sentences{example}; "
            "give texts in the language and the letters of the model"
        )
    every = Sentences(np.array(tokens, np.int32), np.array(lengths, np.int64), np.array(words, np.int64))
    return Texts(every[~held_out], every[held_out], tuple(left_out))


def _normalized_lines(file: Path, language: str) -> Iterator[tuple[str, str]]:
    """Where each line stands and its normalised text, if that has any word."""
    for where, text, own_language in _lines(file):
        normalized = normalize(text, own_language or language)
        if normalized:
            yield where, normalized


def _lines(file: Path) -> Iterator[tuple[str, str, str]]:
    """Where each line stands, its text, and its language where the file says so."""
    if [suffix.lower() for suffix in file.suffixes[-2:]] in ([".jsonl", ".gz"], [".json", ".gz"]):
        raise TrainingError(f"{file}: a packed manifest; unpack it")
    if file.suffix.lower() in (".jsonl", ".json"):
        for utterance in read_utterances(file):
            yield f"{file} ({utterance.id})", utterance.text, utterance.language
        return
    for number, line in enumerate(read_lines(file), start=1):
        yield f"{file}:{number}", line, ""


def read_lines(file: Path) -> Iterator[str]:
    """The lines of a text in UTF-8, or of a .gz of one.

    Raises:
        TrainingError: the file is missing or unreadable.
    """
    if not is_file(file):
        raise TrainingError(f"{file}: no such text; give files with a sentence a line, or manifests (.jsonl)")
    opener = gzip.open if file.suffix.lower() == ".gz" else Path.open
    try:
        with opener(file, "rt", encoding="utf-8-sig") as lines:
            yield from lines
    except UnicodeDecodeError as error:
        raise TrainingError(f"{file}: no text in UTF-8 ({error.reason}); save it as UTF-8") from None
    except (OSError, EOFError, zlib.error) as error:
        raise TrainingError(f"{file}: cannot be read ({error}); check the file and its permissions") from None
