"""Which frames speak which token: the likeliest CTC alignment of a given text (Viterbi)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from speech2text.decoding.ctc import LEAST_LOG_PROB
from speech2text.decoding.protocols import BLANK, FloatArray


@dataclass(frozen=True)
class TokenSpan:
    """The frames of one token, first to last, both included, and its mean posterior over them (0 to 1).

    CTC needs a token in one frame only and says blank in the rest, so spans mark where a token is recognised
    and are mostly shorter than its sound.
    """

    first_frame: int
    last_frame: int
    posterior: float


def align(ctc_log_probs: FloatArray, tokens: Sequence[int]) -> tuple[TokenSpan, ...] | None:
    """The span of each token on the likeliest path through ctc_log_probs (T, V) that spells exactly `tokens`.

    Spans are in order and never overlap. None when the tokens need more frames than there are (`least_frames`).
    """
    labels = np.full(2 * len(tokens) + 1, BLANK)  # blank, token, blank, token, ..., blank
    labels[1::2] = tokens
    skips = np.zeros(len(labels), dtype=bool)  # a token may follow another token directly when it differs
    skips[3::2] = labels[3::2] != labels[1:-2:2]
    if len(ctc_log_probs) < least_frames(tokens):
        return None
    if len(tokens) == 0:
        return ()
    path = _likeliest_path(ctc_log_probs, labels, skips)
    posteriors = np.exp(_scores(ctc_log_probs[np.arange(len(path)), labels[path]]))
    spans = []
    for state in range(1, len(labels), 2):
        frames = np.flatnonzero(path == state)
        spans.append(TokenSpan(int(frames[0]), int(frames[-1]), float(posteriors[frames].mean())))
    return tuple(spans)


def least_frames(tokens: Sequence[int]) -> int:
    """The frames that CTC needs for tokens: one each, and one blank between equal neighbours."""
    return len(tokens) + sum(left == right for left, right in pairwise(tokens))


def _likeliest_path(
    ctc_log_probs: FloatArray, labels: NDArray[np.int64], skips: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The state of each frame (T,): from the first two states to the last two, 0, 1 or (where `skips`) 2 on a frame.

    labels, skips: (states,); the last states must be within reach.
    """
    frames, states = len(ctc_log_probs), len(labels)
    moves = np.zeros((frames, states), dtype=np.uint8)  # all that grows with both, a gigabyte for an hour of speech
    scores = np.full(states + 2, -np.inf)  # two impossible states in front, so that every state has predecessors
    scores[2:4] = _scores(ctc_log_probs[0, labels[:2]])
    skip_penalty = np.where(skips, 0.0, -np.inf)
    for frame in range(1, frames):
        arrivals = np.stack([scores[2:], scores[1:-1], scores[:-2] + skip_penalty])  # (3, states)
        moves[frame] = arrivals.argmax(axis=0)
        scores[2:] = arrivals.max(axis=0) + _scores(ctc_log_probs[frame, labels])
    path = np.empty(frames, dtype=np.int64)
    path[-1] = states - 1 if scores[-1] >= scores[-2] else states - 2
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = path[frame] - moves[frame, path[frame]]
    return path


def _scores(log_probs: FloatArray) -> NDArray[np.float64]:
    return np.maximum(log_probs.astype(np.float64), LEAST_LOG_PROB)
