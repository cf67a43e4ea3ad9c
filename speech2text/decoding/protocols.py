"""What the search needs to know of a recogniser: small protocols over NumPy arrays.

A listener turns sound into a `Memory`; a speller reads that, one token a step; a language model knows texts
alone; a term is whatever else hypotheses are ranked by. The ONNX graphs satisfy them, and in the tests the torch model
and scripted spellers, so there is one search for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
ScoreArray = NDArray[np.float64]

BLANK = 0
"""The CTC label of "no new token"; never a token of a hypothesis."""
END = 1
"""Ends every hypothesis and, as the token before the first, starts it."""


@dataclass(frozen=True)
class Memory:
    """What the listener made of one utterance: T frames, each `reduction` feature frames long.

    values: (T, D), what attention returns; keys: (T, D), what it compares with the query;
    ctc_log_probs: (T, V), log-probabilities over the V tokens (blank is token 0).
    """

    values: FloatArray
    keys: FloatArray
    ctc_log_probs: FloatArray

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class SpellerState:
    """The LSTM state of a speller (or language model) for H hypotheses: hidden and cell, both (H, layers, units)."""

    hidden: FloatArray
    cell: FloatArray

    def select(self, hypotheses: IntArray) -> SpellerState:
        """The states of the given hypotheses (indices (N,), repeats allowed), in that order."""
        return SpellerState(self.hidden[hypotheses], self.cell[hypotheses])


class Speller(Protocol):
    """Spells token by token while attending to a memory."""

    def start(self) -> SpellerState:
        """The state of one hypothesis that has no token yet."""
        ...

    def step(
        self, memory: Memory, tokens: IntArray, state: SpellerState
    ) -> tuple[FloatArray, FloatArray, SpellerState]:
        """Read the last token of each of H hypotheses, tokens (H,), END before the first.

        Returns next-token log-probabilities (H, V), attention weights averaged over heads (H, T), and the new state.
        """
        ...


class LanguageModel(Protocol):
    """Says how likely each token comes next in a text, over the same V tokens as the speller."""

    def start(self) -> SpellerState:
        """The state of one hypothesis that has no token yet."""
        ...

    def step(self, tokens: IntArray, state: SpellerState) -> tuple[FloatArray, SpellerState]:
        """Read the last token of each of H hypotheses, tokens (H,), END before the first.

        Returns next-token log-probabilities (H, V), END's that the text ends here, and the new state. BLANK is
        impossible.
        """
        ...


class Term(Protocol):
    """Something to rank hypotheses by beside the speller and CTC, and what it remembers of each of H hypotheses.

    A term starts as that of one hypothesis without a token. It never changes: each step gives another.
    """

    @property
    def gains(self) -> ScoreArray | float:
        """The most that one further token may add beyond the `prospects`: one number, or one of each token (V,)."""
        ...

    def advance(self, tokens: IntArray, attention: FloatArray) -> tuple[ScoreArray, Term]:
        """Read the last token of each hypothesis, tokens (H,), END before the first; attention (H, T) chooses the next.

        Returns what each next token adds to the score of each hypothesis, (H, V) or (H, 1), and the term after it.
        """
        ...

    def select(self, hypotheses: IntArray) -> Term:
        """The term of the given hypotheses (indices (N,), repeats allowed), in that order."""
        ...

    def prospects(self) -> ScoreArray | float:
        """The most that may still be added to the score of each hypothesis (H,), beyond the gains of its tokens."""
        ...
