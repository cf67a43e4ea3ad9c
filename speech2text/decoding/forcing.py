"""The speller made to spell a given text: where it looks for each token, to be drawn beside the CTC alignment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speech2text.decoding.protocols import END, FloatArray, Memory, Speller


def force_attention(memory: Memory, speller: Speller, tokens: Sequence[int]) -> FloatArray:
    """The attention weights (L + 1, T) over a memory of T frames while L `tokens` and END are spelled."""
    rows = []
    state = speller.start()
    for last in (END, *tokens):
        _, attention, state = speller.step(memory, np.array([last]), state)
        rows.append(attention[0])
    return np.stack(rows)
