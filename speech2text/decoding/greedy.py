"""The two cheapest readings: CTC's best label of every frame, and the speller's best token at every step."""

from __future__ import annotations

from itertools import groupby

import numpy as np

from speech2text.decoding.ctc import LEAST_LOG_PROB, ctc_score
from speech2text.decoding.hypothesis import EMPTY, Hypothesis
from speech2text.decoding.protocols import BLANK, END, FloatArray, Memory, Speller


def ctc_greedy(ctc_log_probs: FloatArray) -> tuple[int, ...]:
    """The best label of each frame of ctc_log_probs (T, V), repeats merged, blanks and END dropped."""
    best = ctc_log_probs.argmax(axis=1).tolist()
    return tuple(label for label, _ in groupby(best) if label not in (BLANK, END))


def attention_greedy(memory: Memory, speller: Speller) -> Hypothesis:
    """The speller's best token at every step until END, or until there are as many as CTC can spell: one a frame.

    CTC has no say, so this may run on or repeat itself: to see what the speller does, not what users should read.
    """
    if len(memory) == 0:
        return EMPTY
    tokens: list[int] = []
    score = 0.0
    state = speller.start()
    last = END
    while True:
        log_probs, _, state = speller.step(memory, np.array([last]), state)
        choices = np.maximum(log_probs[0].astype(np.float64), LEAST_LOG_PROB)
        choices[BLANK] = -np.inf
        last = int(choices.argmax()) if len(tokens) < len(memory) else END
        score += float(choices[last])
        if last == END:
            return Hypothesis(tuple(tokens), score, ctc_score(memory.ctc_log_probs, tokens))
        tokens.append(last)
