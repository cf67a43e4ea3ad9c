"""Search: from a listener's memory and a speller to tokens, with their scores and frames. NumPy only."""

from speech2text.decoding.alignment import TokenSpan, align
from speech2text.decoding.beam import beam_search
from speech2text.decoding.ctc import ctc_score
from speech2text.decoding.greedy import attention_greedy, ctc_greedy
from speech2text.decoding.hypothesis import Hypothesis
from speech2text.decoding.protocols import BLANK, END, Listener, Memory, Speller, SpellerState

__all__ = [
    "BLANK",
    "END",
    "Hypothesis",
    "Listener",
    "Memory",
    "Speller",
    "SpellerState",
    "TokenSpan",
    "align",
    "attention_greedy",
    "beam_search",
    "ctc_greedy",
    "ctc_score",
]
