"""The speller: previous tokens and a memory to the log-probabilities of the next token.

Its LSTM reads the tokens only and attention reads the LSTM's outputs, so training runs all steps at once; the paper
(Chan et al. 2016, eq. 6-8) feeds the context back into the LSTM instead.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speech2text.model.attention import MultiHeadAttention
from speech2text.model.config import LASConfig
from speech2text.model.listener import Heard


class Speller(nn.Module):
    """Embedding, LSTM, multi-head attention and a two-layer perceptron over the LSTM's output and the context."""

    def __init__(self, config: LASConfig) -> None:
        super().__init__()
        units, layers = config.speller_units, config.speller_layers
        self.embedding = nn.Embedding(config.vocabulary, config.embedding)
        between = config.dropout if layers > 1 else 0.0  # torch warns of dropout between the layers of one layer
        self.lstm = nn.LSTM(config.embedding, units, layers, batch_first=True, dropout=between)
        self.attention = MultiHeadAttention(units, config.memory, config.heads)
        self.hidden = nn.Linear(units + config.memory, units)
        self.output = nn.Linear(units, config.vocabulary)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor, heard: Heard) -> tuple[Tensor, Tensor]:
        """All steps at once: tokens (B, U) that start with END -> log-probabilities (B, U, V), attention (B, U, T)."""
        read, _ = self.lstm(self.dropout(self.embedding(tokens)))
        return self._spell(read, heard)

    def step(self, tokens: Tensor, heard: Heard, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The next token of H hypotheses of each of B utterances.

        Args:
            tokens: (B, H) the last token of each.
            hidden, cell: (B, H, layers, units).

        Returns:
            log-probabilities (B, H, V), attention (B, H, T), and the new hidden and cell.
        """
        batch, hypotheses = tokens.shape
        embedded = self.embedding(tokens).flatten(0, 1)[:, None]  # (B H, 1, E)
        state = tuple(x.flatten(0, 1).transpose(0, 1).contiguous() for x in (hidden, cell))  # (layers, B H, units)
        read, state = self.lstm(embedded, state)
        log_probs, attention = self._spell(read.reshape(batch, hypotheses, -1), heard)
        hidden, cell = (x.transpose(0, 1).unflatten(0, (batch, hypotheses)) for x in state)
        return log_probs, attention, hidden, cell

    def _spell(self, read: Tensor, heard: Heard) -> tuple[Tensor, Tensor]:
        read = self.dropout(read)
        context, attention = self.attention(read, heard.values, heard.keys, heard.lengths)
        hidden = torch.tanh(self.hidden(torch.cat([read, context], dim=2)))
        return self.output(self.dropout(hidden)).float().log_softmax(dim=2), attention
