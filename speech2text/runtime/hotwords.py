"""Hot words as people write them, a list or a file of phrases, to what the search favours."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from speech2text.decoding.hotwords import Hotwords
from speech2text.errors import HotwordsError
from speech2text.text.normalization import normalize
from speech2text.text.tokenizer import SPECIAL_PIECES, WORD_MARK, Tokenizer

_LONGEST_PHRASE = 200


def make_hotwords(
    source: Sequence[str] | os.PathLike[str], score: float, tokenizer: Tokenizer, language: str
) -> Hotwords:
    """The hot words of a list of phrases, or of a file with one phrase a line; phrases are normalised as all texts are.

    In a file, empty lines and lines that begin with # are skipped.

    Raises:
        HotwordsError: the file cannot be read or has no phrase, or a phrase cannot be written with the pieces.
    """
    pieces = tokenizer.pieces[len(SPECIAL_PIECES) :]
    spellings = [*("" for _ in SPECIAL_PIECES), *(piece.replace(WORD_MARK, " ") for piece in pieces)]
    numbered = _read(Path(source)) if isinstance(source, os.PathLike) else _number(source)
    parts = set(spellings) - {""}
    phrases = [_check(where, phrase, normalize(phrase, language), parts) for where, phrase in numbered]
    if not phrases:
        raise HotwordsError(f"{source}: no hot word in it; write one word or phrase a line")
    return Hotwords(phrases, spellings, score)


def _number(phrases: Sequence[str]) -> Iterator[tuple[str, str]]:
    for index, phrase in enumerate(phrases):
        if not isinstance(phrase, str):
            raise TypeError(f"hotwords[{index}] must be a word or phrase, not {phrase!r}")
        yield f"hotwords[{index}]", phrase


def _read(file: Path) -> Iterator[tuple[str, str]]:
    """Each phrase of the file after the place where it stands."""
    try:
        text = file.read_text(encoding="utf-8-sig")  # some editors put a byte order mark first
    except OSError as error:
        raise HotwordsError(f"{file}: cannot be read ({error.strerror}); check its name and permissions") from None
    except UnicodeDecodeError as error:
        raise HotwordsError(f"{file}: no text in UTF-8 ({error.reason}); save it as UTF-8") from None
    except ValueError as error:  # a NUL in the name
        raise HotwordsError(f"{file}: cannot be read ({error}); check its name") from None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield f"{file}:{number}", line.strip()


def _check(where: str, written: str, phrase: str, parts: Set[str]) -> str:
    """The phrase, whose words the pieces can spell."""
    if len(written) > _LONGEST_PHRASE:
        raise HotwordsError(f"{where}: {len(written)} letters; a hot word or phrase has {_LONGEST_PHRASE} at most")
    if not phrase:
        raise HotwordsError(f"{where}: {written!r} has no letter; write a word or phrase as it is said")
    for word in phrase.split():
        if not _can_spell(f" {word}", parts):
            raise HotwordsError(f"{where}: the model has no pieces to write {word!r} with; write it as it is said")
    return phrase


def _can_spell(text: str, parts: Set[str]) -> bool:
    """Whether some row of the parts is the text."""
    reached = {0}
    for end in range(1, len(text) + 1):
        if any(text[begin:end] in parts for begin in reached):
            reached.add(end)
    return len(text) in reached
