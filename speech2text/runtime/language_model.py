"""The language model's graph as `decoding.protocols.LanguageModel`: one token a step for all hypotheses."""

from __future__ import annotations

import numpy as np

from speech2text.bundle import tensors
from speech2text.bundle.manifest import LANGUAGE_MODEL_NAME, LanguageModelShape
from speech2text.decoding.protocols import FloatArray, IntArray, SpellerState
from speech2text.runtime.session import check_sizes, open_session


class OnnxLanguageModel:
    """Reads texts with the graph of a bundle; safe to use from many threads, since all state is passed in and out.

    Args:
        graph: the bytes of `lm.onnx`.
        shape: of its state.
        vocabulary: how many tokens the bundle has.
        threads: how many one call may use.

    Raises:
        BundleError: a graph that ONNX Runtime cannot run, or of other inputs, outputs or sizes.
    """

    def __init__(self, graph: bytes, shape: LanguageModelShape, vocabulary: int, threads: int = 1) -> None:
        self._shape = shape
        self._session = open_session(
            LANGUAGE_MODEL_NAME, graph, tensors.LANGUAGE_MODEL_INPUTS, tensors.LANGUAGE_MODEL_OUTPUTS, threads
        )
        state = (None, shape.layers, shape.units)
        sizes = dict.fromkeys((*tensors.SPELLER_STATE, *tensors.NEXT_SPELLER_STATE), state)
        check_sizes(LANGUAGE_MODEL_NAME, self._session, {**sizes, tensors.LOG_PROBS: (None, vocabulary)})

    def start(self) -> SpellerState:
        """The state of one hypothesis that has no token yet."""
        zeros = np.zeros((1, self._shape.layers, self._shape.units), np.float32)
        return SpellerState(zeros, zeros)

    def step(self, tokens: IntArray, state: SpellerState) -> tuple[FloatArray, SpellerState]:
        """Read the last token of each of H hypotheses, tokens (H,), END before the first.

        Returns next-token log-probabilities (H, V) and the new state.
        """
        feeds = {tensors.TOKENS: tokens, tensors.HIDDEN: state.hidden, tensors.CELL: state.cell}
        log_probs, hidden, cell = self._session.run(tensors.LANGUAGE_MODEL_OUTPUTS, feeds)
        return log_probs, SpellerState(hidden, cell)
