"""Pieces and text: characters or byte-pair pieces of normalised text.

Characters are byte-pair encoding without merges, so there is one tokenizer. A word starts with the mark `▁`; the
tokens 0 and 1 are the CTC blank and the end of an utterance (see decoding/protocols.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

WORD_MARK = "▁"
SPECIAL_PIECES = ("<blank>", "<end>")


class Tokenizer:
    """Encodes normalised text as token ids and back; `decode(encode(text)) == text`.

    Args:
        pieces: every piece by token id, the two special ones first.
        merges: pairs of pieces to join, the most important first (Sennrich et al. 2016, algorithm 1).
    """

    def __init__(self, pieces: Iterable[str], merges: Iterable[tuple[str, str]] = ()) -> None:
        self.pieces = tuple(pieces)
        self.merges = tuple((left, right) for left, right in merges)
        if self.pieces[: len(SPECIAL_PIECES)] != SPECIAL_PIECES:
            raise ValueError(f"the first pieces must be {SPECIAL_PIECES}, not {self.pieces[:2]}")
        self._ids = {piece: token for token, piece in enumerate(self.pieces)}
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._words: dict[str, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self.pieces)

    @classmethod
    def of_characters(cls, texts: Iterable[str]) -> Tokenizer:
        """Every character of the texts is a piece of its own, and so is the word mark."""
        characters = {character for text in texts for character in text} - {" "}
        return cls((*SPECIAL_PIECES, WORD_MARK, *sorted(characters)))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Tokenizer:
        """The inverse of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: it is nothing that `to_json` can have made.
        """
        pieces, merges = data["pieces"], [tuple(pair) for pair in data["merges"]]
        if not all(isinstance(piece, str) and piece for piece in pieces) or len(set(pieces)) < len(pieces):
            raise ValueError("pieces must be different texts")
        if not all(len(pair) == 2 and all(isinstance(piece, str) for piece in pair) for pair in merges):
            raise ValueError("merges must be pairs of texts")
        return cls(pieces, merges)

    def to_json(self) -> dict[str, Any]:
        """What `pieces.json` of a bundle holds."""
        return {"pieces": list(self.pieces), "merges": [list(pair) for pair in self.merges]}

    def encode(self, text: str) -> list[int]:
        """Token ids of normalised text.

        Raises:
            ValueError: a character of the text is not among the pieces.
        """
        return [token for word in text.split() for token in self._encode_word(word)]

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of token ids; special tokens are left out."""
        pieces = (self.pieces[token] for token in tokens if token >= len(SPECIAL_PIECES))
        return " ".join("".join(pieces).replace(WORD_MARK, " ").split())

    def starts_word(self, token: int) -> bool:
        """Whether the piece begins a new word."""
        return self.pieces[token].startswith(WORD_MARK)

    def _encode_word(self, word: str) -> tuple[int, ...]:
        if word not in self._words:
            parts = self._merge([WORD_MARK, *word])
            unknown = [part for part in parts if part not in self._ids]
            if unknown:
                raise ValueError(f"the character {unknown[0]!r} of {word!r} is not among the model's pieces")
            self._words[word] = tuple(self._ids[part] for part in parts)
        return self._words[word]

    def _merge(self, parts: list[str]) -> list[str]:
        """Join the pair of the lowest rank until none is left."""
        while len(parts) > 1:
            pairs = list(pairwise(parts))
            best = min(pairs, key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            merged: list[str] = []
            for part in parts:
                if merged and (merged[-1], part) == best:
                    merged[-1] += part
                else:
                    merged.append(part)
            parts = merged
        return parts
