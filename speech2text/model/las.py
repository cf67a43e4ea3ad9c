"""Listen, Attend and Spell: the listener and the speller as one model, and the sizes that describe it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from speech2text.model.listener import Heard, Listener
from speech2text.model.speller import Speller


@dataclass(frozen=True)
class LASConfig:
    """Sizes of a model; `recipe.toml` documents each with its reason.

    Raises:
        ValueError: heads do not divide the memory.
    """

    vocabulary: int
    stack: int = 2
    pyramid_layers: int = 1
    plain_layers: int = 1
    listener_units: int = 256
    memory: int = 256
    heads: int = 4
    embedding: int = 128
    speller_layers: int = 1
    speller_units: int = 256
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.memory % self.heads:
            raise ValueError(f"heads ({self.heads}) must divide memory ({self.memory})")

    @property
    def reduction(self) -> int:
        """Feature frames in one frame of the memory."""
        return self.stack * 2**self.pyramid_layers


class LAS(nn.Module):
    """A listener and a speller over one vocabulary."""

    def __init__(self, config: LASConfig) -> None:
        super().__init__()
        self.config = config
        self.listener = Listener(
            config.vocabulary,
            config.stack,
            config.pyramid_layers,
            config.plain_layers,
            config.listener_units,
            config.memory,
            config.dropout,
        )
        self.speller = Speller(
            config.vocabulary,
            config.embedding,
            config.speller_layers,
            config.speller_units,
            config.memory,
            config.heads,
            config.dropout,
        )

    def forward(
        self, features: Tensor, feature_lengths: Tensor, tokens: Tensor, chunk: int | None
    ) -> tuple[Heard, Tensor]:
        """Training's pass: (B, T, 80) features and tokens (B, U) that start with END.

        Returns:
            what the listener heard and the speller's log-probabilities (B, U, V).
        """
        heard, _, _ = self.listener.listen(features, feature_lengths, self.listener.start(len(features)), chunk)
        log_probs, _ = self.speller(tokens, heard)
        return heard, log_probs
