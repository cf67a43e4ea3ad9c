"""What the inputs and outputs of a bundle's graphs are called; export/README.md says what each of them is.

The graphs are built, proved and run by these names, and a graph with others is refused when it is opened.
"""

from __future__ import annotations

PCM, LENGTHS = "pcm", "lengths"
MEMORY, KEYS, CTC_LOG_PROBS, MEMORY_LENGTHS = "memory", "keys", "ctc_log_probs", "memory_lengths"
TOKENS, HIDDEN, CELL = "tokens", "hidden", "cell"
LOG_PROBS, ATTENTION = "log_probs", "attention"
PCM_STATE, FORWARD_HIDDEN, FORWARD_CELL = "pcm_state", "forward_hidden", "forward_cell"
WHOLE_NUMBERS = (TOKENS, LENGTHS, MEMORY_LENGTHS)
"""They are int64, all others fp32."""


def next_of(state: str) -> str:
    """The output that is `state` in the next call."""
    return f"next_{state}"


LISTENER_INPUTS = (PCM, LENGTHS)
"""And the state, whose names a runtime takes from the manifest."""
LISTENER_OUTPUTS = (MEMORY, KEYS, CTC_LOG_PROBS, MEMORY_LENGTHS)
"""And the state for the next call."""
LISTENER_STATE = (PCM_STATE, FORWARD_HIDDEN, FORWARD_CELL)
"""Of the listener that is exported."""

SPELLER_STATE = (HIDDEN, CELL)
"""Of each hypothesis, in the speller and in the language model."""
NEXT_SPELLER_STATE = tuple(map(next_of, SPELLER_STATE))
SPELLER_INPUTS = (TOKENS, *SPELLER_STATE, MEMORY, KEYS, MEMORY_LENGTHS)
SPELLER_OUTPUTS = (LOG_PROBS, ATTENTION, *NEXT_SPELLER_STATE)

LANGUAGE_MODEL_INPUTS = (TOKENS, *SPELLER_STATE)
LANGUAGE_MODEL_OUTPUTS = (LOG_PROBS, *NEXT_SPELLER_STATE)

IN_FOUR_BITS = "/four_bits"
"""What the name of a weight ends with that a graph stores in four bits."""
RESIDUAL = "/residual"
"""What the name of the sum ends with by which a layer of the listener is added to what it hears."""
