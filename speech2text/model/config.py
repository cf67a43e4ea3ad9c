"""The sizes that describe a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LASConfig:
    """Sizes of a model of Listen, Attend and Spell.

    Raises:
        ValueError: the heads do not divide the memory.
    """

    vocabulary: int
    """Tokens, the CTC blank and the end of an utterance among them."""
    stack: int = 2
    """Feature frames joined before the first layer."""
    pyramid_layers: int = 1
    """Layers that join two frames of the layer below to one."""
    plain_layers: int = 1
    """Layers on top that keep the rate."""
    residual_layers: int = 0
    """Further layers on top: each adds its output to its input, and begins by adding nothing."""
    listener_units: int = 256
    """Of each LSTM, forward and backward."""
    listener_bits: int = 8
    """Of each of those LSTMs' weights in an int8 bundle; with 4 they are rounded in training already."""
    memory: int = 256
    """Width of a memory frame's keys and of its values."""
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
        return self.stack << self.pyramid_layers

    @property
    def listener_layers(self) -> int:
        """All LSTM layers of the listener: the first, the pyramid's, the plain and the residual ones."""
        return self.first_residual + self.residual_layers

    @property
    def first_residual(self) -> int:
        """The number of the first residual layer, where the first layer of all is 0."""
        return 1 + self.pyramid_layers + self.plain_layers
