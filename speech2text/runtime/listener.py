"""The listener's graph: samples (N,) at 16 kHz to a memory, whole or as a stream."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from speech2text.bundle import tensors
from speech2text.bundle.manifest import LISTENER_NAME, ModelShape
from speech2text.decoding.protocols import FloatArray, Memory
from speech2text.errors import BundleError
from speech2text.runtime.session import check_sizes, open_session

StreamState: TypeAlias = Mapping[str, FloatArray]
"""What the listener remembers between two calls of a stream; never changed in place, so it can be kept and reused."""

_QUIET_SECONDS = 0.2
"""Silence heard before every recording or span, and after one that is whole: of a recording cut close to its only word,
the listener takes the edge for a part of the word (`python -m recipes.measurements.edges MANIFEST` prints how much)."""


class OnnxListener:
    """Hears with the graph of a bundle; safe to use from many threads, since all state is passed in and out.

    Args:
        graph: the bytes of `listener.onnx`.
        shape: of the model.
        threads: how many one call may use.

    Raises:
        BundleError: a graph that ONNX Runtime cannot run, or of other inputs, outputs or sizes.
    """

    def __init__(self, graph: bytes, shape: ModelShape, threads: int = 1) -> None:
        self._shape = shape
        self._states = tuple(shape.listener_state)
        inputs = (*tensors.LISTENER_INPUTS, *self._states)
        self._outputs = (*tensors.LISTENER_OUTPUTS, *map(tensors.next_of, self._states))
        self._session = open_session(LISTENER_NAME, graph, inputs, self._outputs, threads)
        states = {name: (None, *size) for name, size in shape.listener_state.items()}
        sizes = {**states, **{tensors.next_of(name): size for name, size in states.items()}}
        check_sizes(LISTENER_NAME, self._session, {**sizes, tensors.CTC_LOG_PROBS: (None, None, shape.vocabulary)})
        self._check_frames()
        unit = shape.memory_frame_samples
        self._quiet = np.zeros(math.ceil(_QUIET_SECONDS * shape.sample_rate / unit) * unit, np.float32)
        nothing = {name: np.zeros((1, *size), np.float32) for name, size in shape.listener_state.items()}
        _, self._after_quiet = self.hear(self._quiet, nothing)

    def start(self) -> StreamState:
        """The state before the first sample of a stream: that after a moment of silence."""
        return self._after_quiet

    def hear(self, samples: FloatArray, state: StreamState) -> tuple[Memory, StreamState]:
        """The memory of the next samples (N,) of a stream as one chunk, N > 0, and the state after them.

        N must be a whole number of memory frames, except in the last call of a stream.
        """
        feeds = {tensors.PCM: samples[None], tensors.LENGTHS: np.array([len(samples)], np.int64), **state}
        values, keys, ctc_log_probs, _, *after = self._session.run(self._outputs, feeds)
        return Memory(values[0], keys[0], ctc_log_probs[0]), dict(zip(self._states, after, strict=True))

    def listen(self, samples: FloatArray, chunk_seconds: float | None = None) -> Memory:
        """The memory of samples (N,) heard as a whole, or in separate chunks of about `chunk_seconds`.

        A chunk is a whole number of memory frames. No samples give a memory of no frames.
        """
        unit = self._shape.memory_frame_samples
        heard = np.concatenate([samples, self._quiet])
        longest = len(heard) + unit  # and so everything at once, however large the number is
        wanted = longest if chunk_seconds is None else min(chunk_seconds * self._shape.sample_rate, longest)
        chunk = max(round(wanted / unit), 1) * unit
        state = self.start()
        parts = []
        for begin in range(0, len(heard), chunk):
            part, state = self.hear(heard[begin : begin + chunk], state)
            parts.append(part)
        frames = -(-len(samples) // unit)  # nothing was said in those behind, and no word may be placed there
        return Memory(
            np.concatenate([part.values for part in parts])[:frames],
            np.concatenate([part.keys for part in parts])[:frames],
            np.concatenate([part.ctc_log_probs for part in parts])[:frames],
        )

    def _check_frames(self) -> None:
        """See that a memory frame is as long as the manifest says, since all times hang on it.

        No size of an input or output shows it, so the graph is asked: just a frame must give one, a sample more two.
        """
        unit = self._shape.memory_frame_samples
        lengths = np.array([unit, unit + 1], np.int64)
        states = {name: np.zeros((2, *size), np.float32) for name, size in self._shape.listener_state.items()}
        feeds = {tensors.PCM: np.zeros((2, unit + 1), np.float32), tensors.LENGTHS: lengths, **states}
        (frames,) = self._session.run((tensors.MEMORY_LENGTHS,), feeds)
        if frames.tolist() != [1, 2]:
            raise BundleError(
                f"{LISTENER_NAME}: a memory frame does not have the {unit} samples that the manifest says "
                "(frame_samples x reduction); copy the whole bundle again"
            )
