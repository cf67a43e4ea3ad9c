"""Hot words as people write them, a list or a file of phrases, to what the search favours."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path

from speech2text.decoding.hotwords import Hotwords
from speech2text.errors import HotwordsError
from speech2text.text.normalization import normalize
from speech2text.text.tokenizer import SPECIAL_PIECES, WORD_MARK, Tokenizer


def make_hotwords(
    source: Sequence[str] | os.PathLike[str], score: float, tokenizer: Tokenizer, languages: Sequence[str]
) -> Hotwords:
    """The hot words of a list of phrases, or of a file with one phrase a line; phrases are normalised as all texts are.

    In a file, empty lines and lines that begin with # are skipped.

    Raises:
        HotwordsError: the file cannot be read or has no phrase, or a phrase cannot be written with the pieces.
        TypeError: a text, which could be a phrase or the name of a file.
        ValueError: the score is negative or not finite.
    """
    if isinstance(source, str):
        raise TypeError("hotwords takes a list of phrases, or a pathlib.Path to a file of them, not a text")
    if not (isfinite(score) and score >= 0):
        raise ValueError(f"hotwords_score must be 0 or more, and finite, not {score}")
    language = languages[0] if len(languages) == 1 else ""
    numbered = _read(Path(source)) if isinstance(source, os.PathLike) else _number(source)
    phrases = [_spell(where, phrase, tokenizer, language) for where, phrase in numbered]
    if not phrases:
        raise HotwordsError(f"{source}: no hot word in it; write one word or phrase a line")
    special = len(SPECIAL_PIECES)
    spellings = [""] * special + [piece.replace(WORD_MARK, " ") for piece in tokenizer.pieces[special:]]
    return Hotwords(phrases, spellings, score)


def _number(phrases: Sequence[str]) -> Iterator[tuple[str, str]]:
    for index, phrase in enumerate(phrases):
        yield f"hotwords[{index}]", phrase


def _read(file: Path) -> Iterator[tuple[str, str]]:
    """Each phrase of the file after the place where it stands."""
    try:
        text = file.read_text(encoding="utf-8-sig")  # some editors put a byte order mark first
    except OSError as error:
        raise HotwordsError(f"{file}: cannot be read ({error.strerror}); check its name and permissions") from None
    except UnicodeDecodeError as error:
        raise HotwordsError(f"{file}: no text in UTF-8 ({error.reason}); save it as UTF-8") from None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield f"{file}:{number}", line.strip()


def _spell(where: str, phrase: str, tokenizer: Tokenizer, language: str) -> str:
    text = normalize(phrase, language)
    if not text:
        raise HotwordsError(f"{where}: {phrase!r} has no letter; write a word or phrase as it is said")
    try:
        tokenizer.encode(text)
    except ValueError as error:
        raise HotwordsError(f"{where}: the model cannot write {phrase!r}: {error}; write it as it is said") from None
    return text
