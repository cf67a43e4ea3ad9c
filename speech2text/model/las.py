"""Listen, Attend and Spell: the listener and the speller as one model."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from speech2text.model.config import LASConfig
from speech2text.model.four_bits import BITS
from speech2text.model.listener import Heard, Listener
from speech2text.model.speller import Speller


class Pass(NamedTuple):
    """A batch heard and spelled: log_probs (B, U, V) of the speller and its attention weights (B, U, T)."""

    heard: Heard
    log_probs: Tensor
    attention: Tensor


class LAS(nn.Module):
    """A listener and a speller over one vocabulary."""

    def __init__(self, config: LASConfig) -> None:
        super().__init__()
        self.config = config
        self.listener = Listener(config)
        self.speller = Speller(config)

    def forward(self, features: Tensor, feature_lengths: Tensor, tokens: Tensor, chunk: int | None) -> Pass:
        """Training's pass: (B, T, 80) features and tokens (B, U) that start with END."""
        heard, _, _ = self.listener.listen(features, feature_lengths, self.listener.start(len(features)), chunk)
        return Pass(heard, *self.speller(tokens, heard))

    def in_four_bits(self) -> list[Tensor]:
        """The matrices of the listener's LSTMs, if its configuration says so."""
        if self.config.listener_bits != BITS:
            return []
        return [weights for name, weights in self.listener.layers.named_parameters() if "lstm.weight" in name]
