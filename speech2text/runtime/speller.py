"""The speller's graph as `decoding.protocols.Speller`: one token a step for all hypotheses of an utterance."""

from __future__ import annotations

import numpy as np

from speech2text.bundle import tensors
from speech2text.bundle.manifest import SPELLER_NAME, ModelShape
from speech2text.decoding.protocols import FloatArray, IntArray, Memory, SpellerState
from speech2text.runtime.session import check_sizes, open_session


class OnnxSpeller:
    """Spells with the graph of a bundle; safe to use from many threads, since all state is passed in and out.

    Args:
        graph: the bytes of `speller.onnx`.
        shape: of the model.
        threads: how many one call may use.

    Raises:
        BundleError: a graph that ONNX Runtime cannot run, or of other inputs, outputs or sizes.
    """

    def __init__(self, graph: bytes, shape: ModelShape, threads: int = 1) -> None:
        self._shape = shape.speller
        self._session = open_session(SPELLER_NAME, graph, tensors.SPELLER_INPUTS, tensors.SPELLER_OUTPUTS, threads)
        state = (None, None, shape.speller.layers, shape.speller.units)
        sizes = dict.fromkeys((*tensors.SPELLER_STATE, *tensors.NEXT_SPELLER_STATE), state)
        check_sizes(SPELLER_NAME, self._session, {**sizes, tensors.LOG_PROBS: (None, None, shape.vocabulary)})

    def start(self) -> SpellerState:
        """The state of one hypothesis that has no token yet."""
        zeros = np.zeros((1, self._shape.layers, self._shape.units), np.float32)
        return SpellerState(zeros, zeros)

    def step(
        self, memory: Memory, tokens: IntArray, state: SpellerState
    ) -> tuple[FloatArray, FloatArray, SpellerState]:
        """Read the last token of each of H hypotheses, tokens (H,), END before the first.

        Returns next-token log-probabilities (H, V), attention weights averaged over heads (H, T), and the new state.
        """
        feeds = {
            tensors.TOKENS: tokens[None],
            tensors.HIDDEN: state.hidden[None],
            tensors.CELL: state.cell[None],
            tensors.MEMORY: memory.values[None],
            tensors.KEYS: memory.keys[None],
            tensors.MEMORY_LENGTHS: np.array([len(memory)], np.int64),
        }
        log_probs, attention, hidden, cell = self._session.run(tensors.SPELLER_OUTPUTS, feeds)
        return log_probs[0], attention[0], SpellerState(hidden[0], cell[0])
