"""The torch model behind the protocols of decoding/: what exported graphs are compared with."""

from __future__ import annotations

import numpy as np
import torch

from speech2text.decoding.protocols import FloatArray, IntArray, Memory, SpellerState
from speech2text.model.frontend import HOP_SAMPLES, SAMPLE_RATE
from speech2text.model.las import LAS
from speech2text.model.listener import Heard


class TorchListener:
    """A `Listener` of a model in evaluation mode."""

    def __init__(self, model: LAS) -> None:
        self.listener = model.listener

    @torch.inference_mode()
    def listen(self, samples: FloatArray, chunk_seconds: float | None = None) -> Memory:
        """The memory of samples (N,) at 16 kHz."""
        step = HOP_SAMPLES * self.listener.config.reduction
        chunk = chunk_seconds and max(1, round(chunk_seconds * SAMPLE_RATE / step)) * self.listener.config.reduction
        quiet = -(-SAMPLE_RATE // 5 // step)  # memory frames of the 0.2 s of silence that the runtime hears as well
        surrounded = torch.nn.functional.pad(torch.from_numpy(samples), (quiet * step, quiet * step))
        heard, _ = self.listener(surrounded[None], torch.tensor([len(surrounded)]), chunk=chunk or None)
        frames = slice(quiet, quiet - (-len(samples) // step))
        return Memory(*(part[0, frames].numpy() for part in (heard.values, heard.keys, heard.ctc_log_probs)))


class TorchSpeller:
    """A `Speller` of a model in evaluation mode."""

    def __init__(self, model: LAS) -> None:
        self.speller = model.speller
        self.shape = (1, model.config.speller_layers, model.config.speller_units)

    def start(self) -> SpellerState:
        """The state of one hypothesis without a token."""
        return SpellerState(np.zeros(self.shape, np.float32), np.zeros(self.shape, np.float32))

    @torch.inference_mode()
    def step(
        self, memory: Memory, tokens: IntArray, state: SpellerState
    ) -> tuple[FloatArray, FloatArray, SpellerState]:
        """See `decoding.protocols.Speller.step`."""
        heard = Heard(
            torch.from_numpy(memory.values)[None],
            torch.from_numpy(memory.keys)[None],
            torch.empty(0),
            torch.tensor([len(memory)]),
        )
        hidden, cell = torch.from_numpy(state.hidden)[None], torch.from_numpy(state.cell)[None]
        log_probs, attention, hidden, cell = self.speller.step(torch.from_numpy(tokens)[None], heard, hidden, cell)
        return log_probs[0].numpy(), attention[0].numpy(), SpellerState(hidden[0].numpy(), cell[0].numpy())
