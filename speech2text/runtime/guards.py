"""What keeps words out that nobody said: attention recognisers invent text on noise, and repeat themselves.

Two guards, asked by `Recognizer.recognise`; a segment says which of them took words away:

    silence   the sound is too quiet to hold speech, or what was read has too little evidence against silence
    loop      words were repeated that the CTC head, which cannot loop, did not hear as often

`python -m recipes.measurements.silence` prints what they do, and chooses the threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from speech2text.decoding.ctc import ctc_score
from speech2text.decoding.greedy import ctc_greedy
from speech2text.decoding.hypothesis import Hypothesis
from speech2text.decoding.protocols import BLANK, FloatArray
from speech2text.text.ngrams import count_ngrams

SILENCE = "silence"
LOOP = "loop"

_LEAST_PEAK = 2e-4  # -74 decibels of full scale: seven steps of 16 bits, which hold no speech


def is_silent(samples: FloatArray) -> bool:
    """Whether samples (N,) are too quiet to hold speech, whatever a model hears in them."""
    return len(samples) == 0 or max(float(samples.max()), -float(samples.min())) < _LEAST_PEAK


def guard(
    readings: Sequence[Hypothesis],
    ctc_log_probs: FloatArray,
    speech_threshold: float | None,
    as_text: Callable[[Sequence[int]], str],
) -> tuple[Sequence[Hypothesis], str | None]:
    """The readings of a span that pass, best first, and the guard that took the best one away, if one did.

    Args:
        readings: one at least, best first.
        ctc_log_probs: (T, V), from which they were read.
        speech_threshold: the least evidence of a reading; where the best has less, none passes. None lets all pass.
        as_text: turns tokens into words with spaces between them.

    Where the best loops, the CTC head's own reading takes its place, however many others there are that do not: these
    follow, without those of the same text.
    """
    best = readings[0]
    if not best.tokens:
        return readings, None

    def has_evidence(reading: Hypothesis) -> bool:
        return speech_threshold is None or not reading.tokens or evidence(reading, ctc_log_probs) >= speech_threshold

    if not has_evidence(best):
        return (), SILENCE
    heard = as_text(ctc_greedy(ctc_log_probs)).split()
    passed = [each for each in readings if has_evidence(each) and not has_loop(as_text(each.tokens).split(), heard)]
    if passed and passed[0] is best:
        return passed, None
    others = [reading for reading in passed if as_text(reading.tokens).split() != heard]
    return [ctc_reading(ctc_log_probs), *others], LOOP


def ctc_reading(ctc_log_probs: FloatArray) -> Hypothesis:
    """What CTC hears alone; ctc_log_probs (T, V)."""
    tokens = ctc_greedy(ctc_log_probs)
    score = ctc_score(ctc_log_probs, tokens)
    return Hypothesis(tokens, score, score)


def evidence(reading: Hypothesis, ctc_log_probs: FloatArray) -> float:
    """How much likelier the reading is than silence, in nats a token; the reading has one token at least.

    Both are weighed by CTC: silence is blank in every frame of ctc_log_probs (T, V). Noise that resembles speech for a
    moment gives it little reason to leave blank. The speller is not asked, though it tells short noises from speech:
    it is unsure as well of speech longer than what it was trained on, and nothing of that may be lost.
    """
    silence = float(ctc_log_probs[:, BLANK].sum(dtype=np.float64))
    return (reading.ctc_score - silence) / len(reading.tokens)


def has_loop(words: Sequence[str], heard: Sequence[str]) -> bool:
    """Whether a row of words occurs in `words` more often than in `heard` and once more."""
    for length in range(1, len(words) + 1):
        counts = count_ngrams(words, length)
        if max(counts.values()) == 1:
            return False  # and no longer row can occur twice
        known = count_ngrams(heard, length)
        if any(count > known[ngram] + 1 for ngram, count in counts.items()):
            return True
    return False
