"""Spellers and language models that follow a script, random posteriors, and all alignments of short ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import groupby, product

import numpy as np

from speech2text.decoding.protocols import BLANK, END, FloatArray, IntArray, Memory, SpellerState

LONGEST = 130


class ScriptedSpeller:
    """Says after each prefix of tokens what its script says: next-token log-probabilities (V,).

    Its state is what it has read: `hidden` holds the tokens, `cell` their number. So a search that mixes up the
    states of its hypotheses gets the wrong answers.
    """

    def __init__(self, script: Callable[[tuple[int, ...]], FloatArray]) -> None:
        self.script = cache(script)
        self.steps = 0

    def start(self) -> SpellerState:
        return SpellerState(np.zeros((1, 1, LONGEST), np.float32), np.zeros((1, 1, 1), np.float32))

    def step(
        self, memory: Memory, tokens: IntArray, state: SpellerState
    ) -> tuple[FloatArray, FloatArray, SpellerState]:
        self.steps += 1
        hidden, cell = state.hidden.copy(), state.cell + 1
        rows, prefixes = [], []
        for row, token in enumerate(tokens):
            read = int(state.cell[row, 0, 0])
            hidden[row, 0, read] = token
            prefix = tuple(int(token) for token in hidden[row, 0, : read + 1])
            assert prefix[0] == END, "the first token read is END"
            rows.append(self.script(prefix[1:]))
            prefixes.append(prefix[1:])
        attention = [attention_of(prefix, len(memory)) for prefix in prefixes]
        return np.stack(rows), np.stack(attention), SpellerState(hidden, cell)


class ScriptedLanguageModel(ScriptedSpeller):
    """Reads no memory."""

    def step(self, tokens: IntArray, state: SpellerState) -> tuple[FloatArray, SpellerState]:  # type: ignore[override]
        log_probs, _, state = super().step(memory_of(np.zeros((1, 1), np.float32)), tokens, state)
        return log_probs, state


def attention_of(prefix: tuple[int, ...], frames: int) -> FloatArray:
    """Where scripted spellers look after a prefix: somewhere, but after equal prefixes at the same frames (T,)."""
    return np.exp(log_softmax(3 * np.random.default_rng([5, *prefix]).standard_normal(frames)))


def log_softmax(values: np.ndarray) -> FloatArray:
    values = values - values.max(axis=-1, keepdims=True)
    return (values - np.log(np.exp(values).sum(axis=-1, keepdims=True))).astype(np.float32)


def random_script(seed: int, vocabulary: int, spread: float = 2.0) -> Callable[[tuple[int, ...]], FloatArray]:
    """Every prefix has next-token probabilities of its own."""

    def script(prefix: tuple[int, ...]) -> FloatArray:
        return log_softmax(spread * np.random.default_rng([seed, *prefix]).standard_normal(vocabulary))

    return script


def random_speller(seed: int, vocabulary: int, spread: float = 2.0) -> ScriptedSpeller:
    return ScriptedSpeller(random_script(seed, vocabulary, spread))


def memory_of(ctc_log_probs: FloatArray) -> Memory:
    nothing = np.zeros((len(ctc_log_probs), 1), np.float32)
    return Memory(nothing, nothing, ctc_log_probs)


def random_log_probs(seed: int, frames: int, vocabulary: int, spread: float = 2.0) -> FloatArray:
    return log_softmax(spread * np.random.default_rng(seed).standard_normal((frames, vocabulary)))


def planted(path: Sequence[int], vocabulary: int, strength: float, seed: int = 0) -> FloatArray:
    """Posteriors of noise in which the label of each frame of `path` stands out by `strength`."""
    logits = np.random.default_rng(seed).standard_normal((len(path), vocabulary))
    logits[np.arange(len(path)), path] += strength
    return log_softmax(logits)


def alignments(ctc_log_probs: FloatArray) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], float]]:
    """Every path of labels, the tokens it spells, and its log-probability: V ** T of them."""
    frames, vocabulary = ctc_log_probs.shape
    for path in product(range(vocabulary), repeat=frames):
        tokens = tuple(label for label, _ in groupby(path) if label != BLANK)
        score = sum(float(ctc_log_probs[frame, label]) for frame, label in enumerate(path))
        yield path, tokens, score


def log_sum(scores: Sequence[float]) -> float:
    return float(np.logaddexp.reduce(np.array(scores, dtype=np.float64))) if scores else -np.inf
