"""Token ids to timed words: where CTC hears each token, and where the sound pauses, say when its word is spoken."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.bundle.manifest import Confidence
from speech2text.decoding.alignment import align
from speech2text.decoding.confidence import word_confidence
from speech2text.decoding.protocols import FloatArray
from speech2text.runtime.boundaries import Mark, place_words
from speech2text.text.tokenizer import Tokenizer
from speech2text.text.transcript import Seconds, Word

UNSCALED = Confidence()


def timed_words(
    tokenizer: Tokenizer,
    ctc_log_probs: FloatArray,
    tokens: Sequence[int],
    frame: Seconds,
    samples: FloatArray,
    *,
    confidence: Confidence = UNSCALED,
) -> tuple[Word, ...]:
    """The words of `tokens` with their times in samples (N,), 16 kHz mono, heard as frames of `frame` seconds.

    A word's confidence comes from the posteriors of its tokens where CTC hears them, scaled as the bundle says; it is 0
    where CTC cannot have said the text.
    """
    parts = split_words(tokenizer, tokens)
    duration = len(samples) / SAMPLE_RATE
    spans = align(ctc_log_probs, tokens)
    if spans is None:  # each token gets an even share of the recording
        share = duration / len(tokens)
        return tuple(Word(text, part.start * share, min(part.stop * share, duration), 0.0) for text, part in parts)
    words = [(text, spans[part]) for text, part in parts]
    marks = [Mark(word[0].first_frame * frame, word[-1].first_frame * frame) for _, word in words]
    times = place_words(samples, marks)
    if times is None:
        times = [(word[0].first_frame * frame, min((word[-1].last_frame + 1) * frame, duration)) for _, word in words]
    return tuple(
        Word(text, start, end, scaled_confidence([span.posterior for span in word], confidence))
        for (text, word), (start, end) in zip(words, times, strict=True)
    )


def split_words(tokenizer: Tokenizer, tokens: Sequence[int]) -> list[tuple[str, slice]]:
    """The words that the tokens spell, each with where its tokens are."""
    starts = [index for index, token in enumerate(tokens) if index == 0 or tokenizer.starts_word(token)]
    parts = [slice(begin, end) for begin, end in pairwise([*starts, len(tokens)])]
    found = [(tokenizer.decode(tokens[part]), part) for part in parts]
    return [(text, part) for text, part in found if text]


def scaled_confidence(posteriors: Sequence[float], scaling: Confidence) -> float:
    """The confidence of a word with these posteriors of its tokens, as a bundle scales it."""
    return word_confidence(posteriors, scaling.slope, scaling.bias)
