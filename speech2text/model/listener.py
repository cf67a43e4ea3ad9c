"""The listener: PCM (batch, samples) to a memory (batch, frames / reduction, dim) that the speller attends to.

A pyramid of bidirectional LSTMs (Chan et al. 2016, section 3.1, eq. 5): between the layers neighbouring outputs are
concatenated, so each layer of the pyramid sees half as many frames. Residual layers on top (He et al. 2016, eq. 1)
begin by adding nothing, as the scale of their norm is zero then (Goyal et al. 2017, section 5.1), so a trained listener
can be given more of them. The forward LSTMs run on for ever; the backward LSTMs restart at every chunk, so a listener
that was trained with many chunk sizes hears files whole and streams as they come, with the same weights.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from speech2text.model.config import LASConfig
from speech2text.model.frontend import MEL_BINS, OVERLAP_SAMPLES, LogMel


class ListenerState(NamedTuple):
    """What a stream remembers between calls, for each of B streams.

    before: (B, 240) samples; hidden, cell: (B, layers, units) of the forward LSTMs.
    """

    before: Tensor
    hidden: Tensor
    cell: Tensor


class Heard(NamedTuple):
    """A batch of memories: values (B, T, D), keys (B, T, D), ctc_log_probs (B, T, V), lengths (B,): frames of each."""

    values: Tensor
    keys: Tensor
    ctc_log_probs: Tensor
    lengths: Tensor


def concatenate_neighbours(x: Tensor, lengths: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Join every `count` frames to one: (B, T, F) -> (B, ceil(T / count), count F); nothing is dropped.

    Frames beyond a row's length count as zeros, so a row does not depend on the padding of its batch.
    """
    inside = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
    x = nn.functional.pad(x * inside[:, :, None], (0, 0, 0, -x.shape[1] % count))
    batch, frames, features = x.shape
    return x.reshape(batch, frames // count, count * features), (lengths + count - 1) // count


def reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverse the first `lengths` frames of each row of (B, T, F) and leave the padding behind them in place."""
    frames = torch.arange(x.shape[1], device=x.device)
    source = torch.where(frames < lengths[:, None], lengths[:, None] - 1 - frames, frames)  # (B, T)
    return x.gather(1, source[:, :, None].expand(-1, -1, x.shape[2]))


class ChunkedBidirectionalLSTM(nn.Module):
    """A forward LSTM over the whole sequence beside a backward LSTM that restarts every chunk."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.forward_lstm = nn.LSTM(inputs, units, batch_first=True)
        self.backward_lstm = nn.LSTM(inputs, units, batch_first=True)
        self.norm = nn.LayerNorm(2 * units)

    def forward(
        self, x: Tensor, lengths: Tensor, state: tuple[Tensor, Tensor], chunk: int | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(B, T, inputs) -> (B, T, 2 units) and the forward state, both its tensors (1, B, units).

        `chunk` is in frames of this layer; None hears the whole sequence in one chunk.
        """
        ahead, state = self.forward_lstm(x, state)
        back = self._backward(x, lengths) if chunk is None else self._backward_in_chunks(x, lengths, chunk)
        return self.norm(torch.cat([ahead, back], dim=2)), state

    def _backward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, inputs) -> (B, T, units), each row from its own end."""
        return reverse(self.backward_lstm(reverse(x, lengths))[0], lengths)

    def _backward_in_chunks(self, x: Tensor, lengths: Tensor, chunk: int) -> Tensor:
        """The same, anew in every `chunk` frames."""
        batch, frames, features = x.shape
        x = nn.functional.pad(x, (0, 0, 0, -frames % chunk)).reshape(-1, chunk, features)  # (B T/chunk, chunk, F)
        starts = torch.arange(0, frames, chunk, device=x.device)
        chunk_lengths = (lengths[:, None] - starts).clamp(0, chunk).reshape(-1)
        return self._backward(x, chunk_lengths).reshape(batch, len(starts) * chunk, -1)[:, :frames]


class Listener(nn.Module):
    """Log-mel frontend, frame stacking, a pyramid of LSTMs and residual ones, with a CTC head on the memory."""

    def __init__(self, config: LASConfig) -> None:
        super().__init__()
        self.config = config
        self.frontend = LogMel()
        units = config.listener_units
        same_rate = config.plain_layers + config.residual_layers
        widths = [config.stack * MEL_BINS, *[4 * units] * config.pyramid_layers, *[2 * units] * same_rate]
        layers = [ChunkedBidirectionalLSTM(width, units) for width in widths]
        for layer in layers[config.first_residual :]:
            nn.init.zeros_(layer.norm.weight)  # so that it adds nothing at first
        self.layers = nn.ModuleList(layers)
        self.dropout = nn.Dropout(config.dropout)
        self.values = nn.Linear(2 * units, config.memory)
        self.keys = nn.Linear(2 * units, config.memory)
        self.ctc = nn.Linear(2 * units, config.vocabulary)

    def start(self, batch: int) -> ListenerState:
        """The state at the beginning of `batch` recordings."""
        weights = self.values.weight
        zeros = weights.new_zeros(batch, len(self.layers), self.config.listener_units)
        return ListenerState(weights.new_zeros(batch, OVERLAP_SAMPLES), zeros, zeros)

    def forward(
        self, pcm: Tensor, lengths: Tensor, state: ListenerState | None = None, chunk: int | None = None
    ) -> tuple[Heard, ListenerState]:
        """Hear a batch of recordings, or the next piece of a batch of streams.

        Args:
            pcm: (B, N) samples at 16 kHz in -1..1; what lies beyond a row's end is ignored.
            lengths: (B,) samples of each row.
            state: of the call before; pieces before the last must be multiples of 160 * reduction samples.
            chunk: feature frames, a multiple of the reduction; None hears each row in one chunk.

        Returns:
            The memories, and the state of the next call, which is right for rows as long as the batch.
        """
        state = state or self.start(len(pcm))
        features, feature_lengths, before = self.frontend(pcm, lengths, state.before)
        heard, hidden, cell = self.listen(features, feature_lengths, state, chunk)
        return heard, ListenerState(before, hidden, cell)

    def listen(
        self, features: Tensor, lengths: Tensor, state: ListenerState, chunk: int | None = None
    ) -> tuple[Heard, Tensor, Tensor]:
        """What `forward` does after the frontend: (B, T, 80) features to a memory and the LSTMs' new states.

        `lengths` (B,) and `chunk` are in feature frames.
        """
        x, lengths = concatenate_neighbours(features, lengths, self.config.stack)  # (B, T / stack, 80 stack)
        rate = self.config.stack
        hidden, cell = [], []
        for depth, layer in enumerate(self.layers):
            if 0 < depth <= self.config.pyramid_layers:
                x, lengths = concatenate_neighbours(x, lengths, 2)  # (B, T / rate, 4 units)
                rate *= 2
            carried = (state.hidden[:, depth][None].contiguous(), state.cell[:, depth][None].contiguous())
            output, (layer_hidden, layer_cell) = layer(x, lengths, carried, chunk and chunk // rate)
            output = self.dropout(output)  # (B, T / rate, 2 units)
            x = x + output if depth >= self.config.first_residual else output
            hidden.append(layer_hidden[0])
            cell.append(layer_cell[0])
        ctc_log_probs = self.ctc(x).float().log_softmax(dim=2)
        heard = Heard(self.values(x), self.keys(x), ctc_log_probs, lengths)
        return heard, torch.stack(hidden, dim=1), torch.stack(cell, dim=1)
