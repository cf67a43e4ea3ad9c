"""Hot words: phrases a user expects to hear, favoured letter by letter while they are spelled.

Every letter of a hot phrase that stands in the text as whole words adds to the score. While a phrase is being spelled
its letters count already, so that it is not dropped before it is complete; when the text goes on otherwise, they are
taken back. All other words are scored as without hot words. Letters count and not tokens, so it does not matter into
which pieces a word falls, and a letter counts once however many phrases it is part of.

The phrases form an automaton of Aho & Corasick (1975) over characters: its node is the longest end of the text that
begins a phrase. All phrases begin with the space before their first word, so only word starts begin one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from speech2text.decoding.protocols import END, FloatArray, IntArray, ScoreArray

_KEPT_ROWS = 4096


class _State(NamedTuple):
    """Where a text stands: its node, and as bits which letters of the node's string complete phrases hold already.

    Bit 0 is the last character. No bit is ever set for a space.
    """

    node: int
    held: int


_START = _State(0, 0)


class Hotwords:
    """Knows the phrases; safe to use from many threads.

    Args:
        phrases: words separated by one space, spelled as the tokens spell them.
        spellings: what each of the V tokens spells, a space standing for the start of a word; "" for BLANK and END.
        score: for each letter, at least 0.
    """

    def __init__(self, phrases: Iterable[str], spellings: Sequence[str], score: float) -> None:
        self.phrases = tuple(phrases)
        self.spellings = tuple(spellings)
        self.score = score
        self._children: list[dict[str, int]] = [{}]
        self._fallback = [0]  # the node of the longest end of the node's string that begins a phrase too
        self._letters = [0]  # bits of the letters of the node's string
        self._complete = [0]  # bits of the letters of the longest phrase that ends here
        for phrase in self.phrases:
            self._insert(f" {phrase}")
        self._link()
        self.gains = score * np.array(_count_letters(self.spellings, self.phrases), dtype=np.float64)
        self._row = lru_cache(_KEPT_ROWS)(self._score_tokens)

    def start(self) -> HotwordTerm:
        """The term of one hypothesis without a token."""
        return HotwordTerm(self, (_START,))

    def follow(self, state: _State, token: int) -> _State:
        """The state after one more token."""
        return self._walk(state, self.spellings[token])[0]

    def score_next(self, state: _State) -> ScoreArray:
        """What each next token (V,) adds to the score; the same array every time, so it must not be changed."""
        return self._row(state)

    def _insert(self, phrase: str) -> None:
        node = 0
        for character in phrase:
            if character not in self._children[node]:
                self._children[node][character] = len(self._children)
                self._children.append({})
                self._fallback.append(0)
                self._letters.append(self._letters[node] << 1 | (character != " "))
                self._complete.append(0)
            node = self._children[node][character]
        self._complete[node] = self._letters[node]

    def _link(self) -> None:
        nodes = deque(self._children[0].values())
        while nodes:
            node = nodes.popleft()
            for character, child in self._children[node].items():
                self._fallback[child] = self._next(self._fallback[node], character)
                self._complete[child] = self._complete[child] or self._complete[self._fallback[child]]
                nodes.append(child)

    def _next(self, node: int, character: str) -> int:
        while node and character not in self._children[node]:
            node = self._fallback[node]
        return self._children[node].get(character, 0)

    def _walk(self, state: _State, text: str) -> tuple[_State, int]:
        """The state after more text, and how many letters were completed in it."""
        node, held = state
        completed = 0
        for character in text:
            if character == " ":  # the word before it is whole
                completed += (self._complete[node] & ~held).bit_count()
                held |= self._complete[node]
            node = self._next(node, character)
            held = held << 1 & self._letters[node]
        return _State(node, held), completed

    def _pending(self, state: _State) -> int:
        """The letters that count although their phrase is not complete."""
        return (self._letters[state.node] & ~state.held).bit_count()

    def _score_tokens(self, state: _State) -> ScoreArray:
        letters = np.empty(len(self.spellings))
        for token, text in enumerate(self.spellings):
            after, completed = self._walk(state, text)
            letters[token] = completed + self._pending(after)
        letters[END] = (self._complete[state.node] & ~state.held).bit_count()
        return self.score * (letters - self._pending(state))


@dataclass(frozen=True)
class HotwordTerm:
    """The term of H hypotheses."""

    hotwords: Hotwords
    states: tuple[_State, ...]

    @property
    def gains(self) -> ScoreArray:
        """A token can add its own letters, if they stand in a phrase: see `Hotwords.gains`."""
        return self.hotwords.gains

    def advance(self, tokens: IntArray, _attention: FloatArray) -> tuple[ScoreArray, HotwordTerm]:
        """See `protocols.Term.advance`."""
        pairs = zip(self.states, tokens.tolist(), strict=True)
        states = tuple(self.hotwords.follow(state, token) for state, token in pairs)
        return np.stack([self.hotwords.score_next(state) for state in states]), replace(self, states=states)

    def select(self, hypotheses: IntArray) -> HotwordTerm:
        """See `protocols.Term.select`."""
        return replace(self, states=tuple(self.states[index] for index in hypotheses.tolist()))

    def prospects(self) -> float:
        """0: what may be completed counts already."""
        return 0.0


def _count_letters(spellings: Sequence[str], phrases: Sequence[str]) -> list[int]:
    """The letters of each token that can be part of a phrase; a token is within one word, so all of them or none."""
    all_phrases = "".join(f" {phrase}\n" for phrase in phrases)  # one search for a token, however many they are
    return [len(text.strip()) if text in all_phrases else 0 for text in spellings]
