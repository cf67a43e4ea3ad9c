"""Token ids to timed words: where CTC hears each token says when its word is spoken."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from speech2text.decoding.alignment import TokenSpan, align
from speech2text.decoding.protocols import FloatArray
from speech2text.text.tokenizer import Tokenizer
from speech2text.text.transcript import Seconds, Word


def timed_words(
    tokenizer: Tokenizer, ctc_log_probs: FloatArray, tokens: Sequence[int], frame: Seconds, duration: Seconds
) -> tuple[Word, ...]:
    """The words of `tokens` with their times in an utterance of `duration`, heard as frames of `frame` seconds.

    A word lasts from the first frame of its first token to the last frame of its last one; its confidence is the mean
    posterior of its tokens there.
    """
    spans = align(ctc_log_probs, tokens)
    if spans is None:
        spans = _spread(len(tokens), len(ctc_log_probs))
    starts = [index for index, token in enumerate(tokens) if index == 0 or tokenizer.starts_word(token)]
    words = []
    for begin, end in pairwise([*starts, len(tokens)]):
        text = tokenizer.decode(tokens[begin:end])
        if text:
            word = spans[begin:end]
            start, stop = word[0].first_frame * frame, (word[-1].last_frame + 1) * frame
            confidence = sum(span.posterior for span in word) / len(word)
            words.append(Word(text, start, min(stop, duration), min(confidence, 1.0)))
    return tuple(words)


def _spread(tokens: int, frames: int) -> tuple[TokenSpan, ...]:
    """Even shares of the frames, for a text that is too long for CTC to have said it."""
    edges = [index * frames // tokens for index in range(tokens + 1)]
    return tuple(TokenSpan(first, max(after - 1, first), 0.0) for first, after in pairwise(edges))
