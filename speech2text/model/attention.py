"""Multi-head attention: queries of the speller over the keys and values of a memory (Vaswani et al. 2017, eq. 1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

OUTSIDE_SCORE = -1e9
"""The score of a frame beyond the end of a memory: finite, and no weight is left of it."""


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention. The listener has projected keys and values already; here are the queries."""

    def __init__(self, queries: int, memory: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(queries, memory)

    def forward(self, queries: Tensor, values: Tensor, keys: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Attend to the memory of each utterance.

        Args:
            queries: (B, U, Q).
            values, keys: (B, T, D), split evenly among the heads.
            lengths: (B,) frames of each memory.

        Returns:
            context (B, U, D) and the attention weights averaged over the heads (B, U, T).
        """
        query = self._split(self.query(queries))  # (B, heads, U, D / heads)
        scores = query @ self._split(keys).transpose(2, 3) * query.shape[3] ** -0.5  # (B, heads, U, T)
        outside = torch.arange(keys.shape[1], device=keys.device) >= lengths[:, None]
        weights = scores.float().masked_fill(outside[:, None, None], OUTSIDE_SCORE).softmax(dim=3)
        context = weights.to(values.dtype) @ self._split(values)  # (B, heads, U, D / heads)
        return context.transpose(1, 2).flatten(2), weights.mean(dim=1)

    def _split(self, x: Tensor) -> Tensor:
        """(B, L, D) -> (B, heads, L, D / heads)"""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)
