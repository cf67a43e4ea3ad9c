"""The language model: previous tokens to the log-probabilities of the next, without any sound.

Its scores are added to the speller's and to CTC's in the search (shallow fusion, Gulcehre et al. 2015), so it has the
tokens of the recogniser it serves.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from speech2text.model.four_bits import BITS

BLANK = 0
"""The token of CTC that no text has: the model gives it no probability."""
IMPOSSIBLE = -1e9
"""The logit of a token that no text has; finite, so that a weight of 0 takes it away."""


@dataclass(frozen=True)
class LanguageModelConfig:
    """Sizes of a language model."""

    vocabulary: int
    """Tokens, the CTC blank and the end of an utterance among them."""
    embedding: int = 128
    layers: int = 1
    units: int = 512
    dropout: float = 0.2
    lstm_bits: int = 8
    """Of each weight of its LSTM in a bundle; with 4 it is trained with weights so rounded."""


class LanguageModel(nn.Module):
    """An LSTM between an embedding and its transpose (tied weights, Press and Wolf 2017).

    What the LSTM says is projected to the width of the embedding first, so that a wide LSTM costs no wide output.
    """

    possible: Tensor

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        self.config = config
        between = config.dropout if config.layers > 1 else 0.0  # torch warns of dropout between the layers of one layer
        self.embedding = nn.Embedding(config.vocabulary, config.embedding)
        nn.init.normal_(self.embedding.weight, std=config.embedding**-0.5)  # it is the output's weight as well
        self.lstm = nn.LSTM(config.embedding, config.units, config.layers, batch_first=True, dropout=between)
        self.projection = nn.Linear(config.units, config.embedding)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        self.dropout = nn.Dropout(config.dropout)
        possible = torch.zeros(config.vocabulary)
        possible[BLANK] = IMPOSSIBLE
        self.register_buffer("possible", possible, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """All steps at once: tokens (B, U) that start with END -> log-probabilities (B, U, V) of the tokens after."""
        read, _ = self.lstm(self.dropout(self.embedding(tokens)))
        return self._predict(read)

    def step(self, tokens: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The next token of each of H hypotheses.

        Args:
            tokens: (H,) the last token of each, END before the first.
            hidden, cell: (H, layers, units), zeros before the first.

        Returns:
            log-probabilities (H, V), and the new hidden and cell.
        """
        state = (hidden.transpose(0, 1).contiguous(), cell.transpose(0, 1).contiguous())  # (layers, H, units)
        read, (hidden, cell) = self.lstm(self.embedding(tokens)[:, None], state)
        return self._predict(read)[:, 0], hidden.transpose(0, 1), cell.transpose(0, 1)

    def in_four_bits(self) -> list[Tensor]:
        """The matrices of its LSTM, if its configuration says so."""
        if self.config.lstm_bits != BITS:
            return []
        return [weights for name, weights in self.lstm.named_parameters() if name.startswith("weight")]

    def _predict(self, read: Tensor) -> Tensor:
        """What the LSTM says (B, U, units) -> log-probabilities (B, U, V)."""
        projected = self.projection(self.dropout(read))  # (B, U, units) -> (B, U, E)
        logits = self.dropout(projected) @ self.embedding.weight.T  # (B, U, E) -> (B, U, V)
        return (logits.float() + self.bias + self.possible).log_softmax(dim=2)
