"""The two cheapest readings: CTC's best label of every frame, and the speller's best token at every step."""

from __future__ import annotations

from itertools import groupby

import numpy as np

from speech2text.decoding.ctc import LEAST_LOG_PROB, ctc_score
from speech2text.decoding.hypothesis import EMPTY, Hypothesis
from speech2text.decoding.protocols import BLANK, END, FloatArray, Memory, Speller


def ctc_greedy(ctc_log_probs: FloatArray) -> tuple[int, ...]:
    """The best label of each frame of ctc_log_probs (T, V), repeats merged, blanks dropped."""
    best = ctc_log_probs.argmax(axis=1).tolist()
    return tuple(label for label, _ in groupby(best) if label not in (BLANK, END))


def attention_greedy(memory: Memory, speller: Speller, limit: int | None = None) -> Hypothesis:
    """The speller's best token at every step until END, after `limit` tokens at the latest.

    CTC has no say, so this may run on or repeat itself: a training figure, not what users should read.
    `limit` is the number of frames by default, which is as many tokens as CTC can spell.
    """
    if len(memory) == 0:
        return EMPTY
    limit = len(memory) if limit is None else limit
    tokens: list[int] = []
    score = 0.0
    state = speller.start()
    last = END
    while True:
        log_probs, _, state = speller.step(memory, np.array([last]), state)
        choices = np.maximum(log_probs[0].astype(np.float64), LEAST_LOG_PROB)
        choices[BLANK] = -np.inf
        last = int(choices.argmax()) if len(tokens) < limit else END
        score += float(choices[last])
        if last == END:
            return Hypothesis(tuple(tokens), score, ctc_score(memory.ctc_log_probs, tokens), score)
        tokens.append(last)
