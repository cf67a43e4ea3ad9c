"""Joint CTC/attention beam search: the reading that speller and CTC together find likeliest (Hori et al. 2017).

Hypotheses grow token by token, all of them in one call of the speller, and are ranked by

    ctc_weight · log p_ctc(tokens…) + (1 - ctc_weight) · log p_speller(tokens) + length_bonus · number of tokens

where p_ctc(tokens…) is the probability that the utterance begins with the tokens (ctc.py). All V tokens compete, END
among them; a hypothesis that takes END is finished. Neither probability grows when a token is added, so an open
hypothesis that can no longer beat the finished ones is dropped, and the search ends when none is open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speech2text.decoding.ctc import LEAST_LOG_PROB, LOG_ZERO, Prefixes, PrefixScorer, ScoreArray, as_log_prob
from speech2text.decoding.hypothesis import EMPTY, Hypothesis
from speech2text.decoding.protocols import BLANK, END, IntArray, Memory, Speller, SpellerState

_IMPOSSIBLE = LOG_ZERO * 1e-20  # even a tiny ctc_weight leaves LOG_ZERO below this, and no real score comes near


def beam_search(
    memory: Memory,
    speller: Speller,
    beam_size: int,
    ctc_weight: float,
    length_bonus: float = 0.0,
    *,
    n_best: int = 1,
) -> list[Hypothesis]:
    """The best `n_best` readings of an utterance, best first; fewer when the search finishes fewer, never none.

    Args:
        memory: what the listener heard, T frames; without frames the only reading is the empty one.
        speller: one step serves all hypotheses.
        beam_size: hypotheses kept at each step, at least 1. 1 with ctc_weight 0 is the greedy search.
        ctc_weight: 0 (the speller alone) to 1 (CTC alone).
        length_bonus: added for each token but END.
        n_best: the search goes on until these are certain within the beam, so more of them cost more steps.

    Hypotheses have at most T tokens, one a frame: CTC can spell no more.

    Raises:
        ValueError: beam_size or n_best below 1, or ctc_weight outside 0..1.
    """
    if beam_size < 1 or n_best < 1:
        raise ValueError(f"beam_size and n_best must be at least 1, not {beam_size} and {n_best}")
    if not 0 <= ctc_weight <= 1:
        raise ValueError(f"ctc_weight must be between 0 and 1, not {ctc_weight}")
    if len(memory) == 0:
        return [EMPTY]
    search = _JointSearch(memory, speller, PrefixScorer(memory.ctc_log_probs), beam_size, ctc_weight, length_bonus)
    finished: list[Hypothesis] = []
    beam = search.start()
    while len(beam):
        beam, ended = search.step(beam)
        finished = sorted(finished + ended, key=lambda hypothesis: -hypothesis.score)[:n_best]
        if len(beam) and len(finished) == n_best:
            beam = beam.select(np.flatnonzero(search.prospects(beam) > finished[-1].score))
    return finished


@dataclass(frozen=True)
class _Beam:
    """H open hypotheses of L tokens each.

    tokens: (H, L); attention: (H,), the speller's log-probability of the tokens; state: the speller's, before it has
    read the last token.
    """

    tokens: IntArray
    attention: ScoreArray
    prefixes: Prefixes
    state: SpellerState

    def __len__(self) -> int:
        return len(self.tokens)

    def select(self, hypotheses: IntArray) -> _Beam:
        return _Beam(
            self.tokens[hypotheses],
            self.attention[hypotheses],
            self.prefixes.select(hypotheses),
            self.state.select(hypotheses),
        )


@dataclass(frozen=True)
class _JointSearch:
    """One utterance being searched: grows a beam by a token and says how far it can still get."""

    memory: Memory
    speller: Speller
    ctc: PrefixScorer
    beam_size: int
    ctc_weight: float
    length_bonus: float

    def start(self) -> _Beam:
        return _Beam(np.empty((1, 0), dtype=np.int64), np.zeros(1), self.ctc.start(), self.speller.start())

    def step(self, beam: _Beam) -> tuple[_Beam, list[Hypothesis]]:
        """The best hypotheses one token longer, and those among the best that took END."""
        length = beam.tokens.shape[1]
        last = beam.tokens[:, -1] if length else np.array([END])
        log_probs, _, state = self.speller.step(self.memory, last, beam.state)
        attention = beam.attention[:, None] + np.maximum(log_probs, LEAST_LOG_PROB)  # (H, V)
        ctc = self.ctc.score(beam.prefixes)  # (H, V)
        scores = self.joint(ctc, attention) + self.length_bonus * (length + 1)
        scores[:, END] -= self.length_bonus
        scores[:, BLANK] = LOG_ZERO
        if length == len(self.memory):
            scores[:, END + 1 :] = LOG_ZERO

        origins, tokens = _best(scores, self.beam_size)
        ended = [
            Hypothesis(
                tuple(beam.tokens[origin].tolist()),
                float(scores[origin, END]),
                as_log_prob(ctc[origin, END]),
                float(attention[origin, END]),
            )
            for origin in origins[tokens == END].tolist()
        ]
        origins, tokens = origins[tokens != END], tokens[tokens != END]
        longer = _Beam(
            np.concatenate([beam.tokens[origins], tokens[:, None]], axis=1),
            attention[origins, tokens],
            self.ctc.extend(beam.prefixes, origins, tokens),
            state.select(origins),
        )
        return longer, ended

    def prospects(self, beam: _Beam) -> ScoreArray:
        """Upper bound (H,) of the score any completion of each hypothesis can have."""
        length = beam.tokens.shape[1]
        bonus = max(self.length_bonus, 0.0)
        if self.ctc_weight > 0:
            bound = self.joint(self.ctc.outlook(beam.prefixes, bonus / self.ctc_weight), beam.attention)
        else:
            bound = beam.attention + bonus * (len(self.memory) - length)
        bound += self.length_bonus * length
        return bound

    def joint(self, ctc: ScoreArray, attention: ScoreArray) -> ScoreArray:
        score: ScoreArray = self.ctc_weight * ctc + (1 - self.ctc_weight) * attention
        return score


def _best(scores: ScoreArray, count: int) -> tuple[IntArray, IntArray]:
    """Rows and columns of at most `count` best entries of scores (H, V), best first, without the impossible ones."""
    flat = scores.ravel()
    count = min(count, len(flat))
    best = np.argpartition(flat, -count)[-count:]
    best = best[flat[best] > _IMPOSSIBLE]
    best = best[np.argsort(-flat[best], kind="stable")]
    return np.divmod(best, scores.shape[1])
