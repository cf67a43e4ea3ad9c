"""Shallow fusion: a language model's log-probabilities, weighted, beside the speller's (Gulcehre et al. 2015)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from speech2text.decoding.ctc import LEAST_LOG_PROB
from speech2text.decoding.protocols import FloatArray, IntArray, LanguageModel, ScoreArray, SpellerState


@dataclass(frozen=True)
class ShallowFusion:
    """The term `weight · log p_lm(tokens, END)` of H hypotheses; weight is at least 0."""

    weight: float
    model: LanguageModel
    state: SpellerState

    @classmethod
    def of(cls, model: LanguageModel, weight: float) -> ShallowFusion:
        """The term of one hypothesis without a token."""
        return cls(weight, model, model.start())

    @property
    def gains(self) -> float:
        """0: no text grows likelier by another token."""
        return 0.0

    def advance(self, tokens: IntArray, _attention: FloatArray) -> tuple[ScoreArray, ShallowFusion]:
        """See `protocols.Term.advance`."""
        log_probs, state = self.model.step(tokens, self.state)
        return self.weight * np.maximum(log_probs, LEAST_LOG_PROB, dtype=np.float64), replace(self, state=state)

    def select(self, hypotheses: IntArray) -> ShallowFusion:
        """See `protocols.Term.select`."""
        return replace(self, state=self.state.select(hypotheses))

    def prospects(self) -> float:
        """0: END, like a token, makes no text likelier."""
        return 0.0
