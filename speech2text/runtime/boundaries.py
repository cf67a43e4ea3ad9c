"""When words begin and end: where CTC hears their tokens, and where the sound pauses. Samples are mono, 16 kHz.

CTC says each token in one frame or two, somewhere within its sound or even in the silence before, so its spans alone
are wrong by some hundred milliseconds. Silence tells the rest. Before, between and after the words lies a boundary
each: either a pause, in which case the word before ends where it begins and the next starts where it ends, or a single
moment just before the next word's first token. All boundaries together are chosen by dynamic programming, so that
pauses lie outside words, sound lies inside, pauses are near the tokens and every word has some length.

The figures of recipes/measurements/times.py are those of the constants below, which were chosen with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.decoding.protocols import FloatArray
from speech2text.text.transcript import Seconds

Levels = NDArray[np.float64]

STEP_SECONDS = 0.01
"""Of the levels; all constants below are in these steps."""
_STEP = round(SAMPLE_RATE * STEP_SECONDS)
_PREEMPHASIS = 0.97  # lifts "s" and "f", which are as quiet as the room without it
_LEAST_POWER = 1e-8  # -80 dB of full scale: what is quieter is silence

_SHARE_OF_RANGE = 0.2  # silent is what is nearer than this to the quietest, on the way to the loudest, in decibels
_LEAST_RANGE = 6.0  # decibels: as much as the level of steady noise moves
_SHORTEST_PAUSE = 3
_PAUSE_WORTH = 20  # a pause of 200 ms is certain to be one; longer is not better
_DISTANCE_COST = 0.2  # of each step between a pause and the token it should touch
_SOUND_COST = 0.3  # of each step of sound left out of all words, a cough between two pauses
_LONGEST_SOUND = 50  # longer costs no more: else two pauses, worth 40, could not outweigh a second of it
_LEAD = 8  # a word's first token is heard this long after its start
_TAIL = 40  # a word's last token is heard this long before its end
_LONGEST_TAIL = 100
_SHORTEST_WORD = 10
_SHORTNESS_COST = 10.0
_IMPOSSIBLE = 1e6
_MOST_PAUSES = 200  # that one boundary can be: each is compared with each of the next boundary's


@dataclass(frozen=True)
class Mark:
    """Where CTC hears a word: the first frames of its first and last tokens, in seconds."""

    first: Seconds
    last: Seconds


@dataclass(frozen=True)
class _Boundaries:
    """The places one boundary can be, as arrays (N,) of steps: the word before ends, the next one starts, and worth."""

    ends: NDArray[np.int64]
    starts: NDArray[np.int64]
    worth: NDArray[np.float64]


def place_words(samples: FloatArray, marks: Sequence[Mark]) -> list[tuple[Seconds, Seconds]] | None:
    """Start and end of each word in samples (N,): in order, without overlap, none empty or outside the samples.

    None when the marks leave no room for that: words at the same place, or none at all.
    """
    levels = _levels(samples)
    edges = _best(_candidates(levels, marks)) if marks and len(levels) else []
    if not edges or any(start >= end for start, end in edges):
        return None
    duration = len(samples) / SAMPLE_RATE
    return [(start * STEP_SECONDS, min(end * STEP_SECONDS, duration)) for start, end in edges]


def _levels(samples: FloatArray) -> Levels:
    """Power of the pre-emphasised samples around each step, in decibels of full scale (steps,)."""
    high = samples.astype(np.float64)
    high[1:] -= _PREEMPHASIS * samples[:-1]
    steps = -(-len(high) // _STEP)
    powers = np.square(np.pad(high, (0, steps * _STEP - len(high)))).reshape(steps, _STEP).mean(axis=1)
    padded = np.pad(powers, 1, "edge") if steps else np.zeros(2)
    levels: Levels = 10 * np.log10(np.maximum((padded[:-2] + padded[1:-1] + padded[2:]) / 3, _LEAST_POWER))
    return levels


def _pauses(levels: Levels) -> NDArray[np.int64]:
    """First and one past the last step of each stretch of silence, (pauses, 2)."""
    quietest, loudest = np.percentile(levels, [5, 95])
    silent = levels < quietest + max(_LEAST_RANGE, _SHARE_OF_RANGE * (loudest - quietest))
    turns = np.flatnonzero(np.diff(silent, prepend=False, append=False))
    pauses: NDArray[np.int64] = turns.reshape(-1, 2)
    return pauses[pauses[:, 1] - pauses[:, 0] >= _SHORTEST_PAUSE]


def _candidates(levels: Levels, marks: Sequence[Mark]) -> list[_Boundaries]:
    """Where the boundaries before, between and after the marked words can be."""
    pauses, steps = _pauses(levels), len(levels)
    first = [round(mark.first / STEP_SECONDS) for mark in marks]
    last = [min(round(mark.last / STEP_SECONDS), steps - 1) for mark in marks]
    found = [_between(pauses, -1, first[0] + 1, max(first[0] - _LEAD, 0))]
    for before, after in zip(last[:-1], first[1:], strict=True):
        found.append(_between(pauses, before, after + 1, max(after - _LEAD, before + 1)))
    found.append(_between(pauses, last[-1], steps, min(last[-1] + _TAIL, steps), is_last=True))
    return found


def _between(pauses: NDArray[np.int64], after: int, before: int, expected: int, is_last: bool = False) -> _Boundaries:
    """Every pause that touches the steps from `after` to `before`, every two with the sound between, and no pause.

    Of very many, as in rhythmic noise, those worth most. After the last word no start is expected, only an end.
    """
    no_pause = (min(expected, after + _LONGEST_TAIL) if after >= 0 else expected, expected, 0.0)
    options = []
    near = pauses[(pauses[:, 1] > after) & (pauses[:, 0] < before)].tolist()
    for index, (end, _) in enumerate(near):
        worth, sounded = 0.0, end
        for begin, start in near[index:]:
            worth += min(start - begin, _PAUSE_WORTH) - _SOUND_COST * min(begin - sounded, _LONGEST_SOUND)
            sounded = start
            distance = max(end - expected, 0) + (0 if is_last else max(expected - start, 0))
            value = worth - _DISTANCE_COST * distance
            if value > 0:
                options.append((end, start, value))
            elif worth < -_PAUSE_WORTH:
                break
    best = sorted(nlargest(_MOST_PAUSES, options, key=itemgetter(2)))  # by time: the first of equals is chosen
    ends, starts, values = zip(no_pause, *best, strict=True)
    return _Boundaries(np.array(ends), np.array(starts), np.array(values))


def _best(boundaries: Sequence[_Boundaries]) -> list[tuple[int, int]]:
    """Start and end of each word by the boundaries that are worth most together (Viterbi)."""
    total = boundaries[0].worth
    origins = []
    for left, right in pairwise(boundaries):
        lengths = right.ends[None, :] - left.starts[:, None]  # (left, right)
        cost = _SHORTNESS_COST * np.maximum(_SHORTEST_WORD - lengths, 0) + _IMPOSSIBLE * (lengths < 1)
        reached = total[:, None] - cost
        origins.append(reached.argmax(axis=0))
        total = reached.max(axis=0) + right.worth
    choice = [int(total.argmax())]
    for origin in reversed(origins):
        choice.append(int(origin[choice[-1]]))
    choice.reverse()
    chosen = list(zip(boundaries, choice, strict=True))
    starts = [int(each.starts[index]) for each, index in chosen[:-1]]
    ends = [int(each.ends[index]) for each, index in chosen[1:]]
    return list(zip(starts, ends, strict=True))
