"""Joint CTC/attention beam search: the reading that speller and CTC together find likeliest (Hori et al. 2017).

Hypotheses grow token by token, all of them in one call of the speller, and are ranked by

    ctc_weight · log p_ctc(tokens…) + (1 - ctc_weight) · log p_speller(tokens) + length_bonus · number of tokens + terms

where p_ctc(tokens…) is the probability that the utterance begins with the tokens (ctc.py) and terms are any of a
language model (fusion.py), hot words (hotwords.py) and coverage (coverage.py). All V tokens compete, END among them; a
hypothesis that takes END is finished. An open hypothesis that can no longer beat the finished ones is dropped, and the
search ends when none is open. What it can still reach is an upper bound: probabilities do not grow when a token is
added, and what a token can add otherwise is known. So nothing is lost but by the beam: by how many hypotheses it has,
and by how far behind the best they may fall.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from speech2text.decoding.ctc import LEAST_LOG_PROB, LOG_ZERO, Prefixes, PrefixScorer, as_log_prob
from speech2text.decoding.hypothesis import EMPTY, Hypothesis
from speech2text.decoding.protocols import (
    BLANK,
    END,
    FloatArray,
    IntArray,
    Memory,
    ScoreArray,
    Speller,
    SpellerState,
    Term,
)

_IMPOSSIBLE = LOG_ZERO * 1e-20  # even a tiny ctc_weight leaves LOG_ZERO below this, and no real score comes near


def beam_search(
    memory: Memory,
    speller: Speller,
    beam_size: int,
    ctc_weight: float,
    length_bonus: float = 0.0,
    *,
    beam_threshold: float = math.inf,
    least_beam: int = 1,
    length_normalization: float = 0.0,
    end_threshold: float = 0.0,
    terms: Sequence[Term] = (),
    n_best: int = 1,
) -> list[Hypothesis]:
    """The best `n_best` readings of an utterance, best first; fewer when the search finishes fewer, never none.

    Args:
        memory: what the listener heard, T frames; without frames the only reading is the empty one.
        speller: one step serves all hypotheses.
        beam_size: hypotheses kept at each step, at least 1. 1 with ctc_weight 0 is the greedy search.
        ctc_weight: 0 (the speller alone) to 1 (CTC alone).
        length_bonus: added for each token but END.
        beam_threshold: how far, in the score, a hypothesis may be behind the best as long as it before it is dropped;
            and, once `n_best` are finished, how far behind the best of them an open one may be sure to end.
        least_beam: hypotheses that are not dropped for being behind the best as long as they.
        length_normalization: scores of finished hypotheses are divided by (tokens + 1) to this power; 0 leaves them,
            1 is the mean over the tokens and END (Wu et al. 2016 divide likewise).
        end_threshold: END may follow only where its log-probability under the speller is greater than this many times
            that of the likeliest other token (Kahn et al. 2020 take 1.5), or where nothing else can; 0 is no threshold.
        terms: what else hypotheses are ranked by, each as that of one hypothesis without a token.
        n_best: the search goes on until these are certain within the beam and its threshold, so more of them cost more
            steps.

    Hypotheses have at most T tokens, one a frame: CTC can spell no more.

    Raises:
        ValueError: beam_size or n_best below 1, ctc_weight outside 0..1, or a negative power or threshold.
    """
    search = _JointSearch(
        memory=memory,
        speller=speller,
        beam_size=beam_size,
        ctc_weight=ctc_weight,
        length_bonus=length_bonus,
        beam_threshold=beam_threshold,
        least_beam=least_beam,
        length_normalization=length_normalization,
        end_threshold=end_threshold,
        terms=tuple(terms),
        n_best=n_best,
    )
    return search.run() if len(memory) else [EMPTY]


@dataclass(frozen=True)
class _Beam:
    """H open hypotheses of L tokens each.

    tokens: (H, L); attention: (H,), the speller's log-probability of the tokens; state: the speller's, and terms,
    before they have read the last token; added: (H,), what the terms have added to the score.
    """

    tokens: IntArray
    attention: ScoreArray
    prefixes: Prefixes
    state: SpellerState
    terms: tuple[Term, ...]
    added: ScoreArray

    def __len__(self) -> int:
        return len(self.tokens)

    def select(self, hypotheses: IntArray) -> _Beam:
        return _Beam(
            self.tokens[hypotheses],
            self.attention[hypotheses],
            self.prefixes.select(hypotheses),
            self.state.select(hypotheses),
            tuple(term.select(hypotheses) for term in self.terms),
            self.added[hypotheses],
        )


@dataclass(frozen=True)
class _JointSearch:
    """One utterance being searched: grows a beam by a token and says how far it can still get.

    Raises:
        ValueError: a setting is outside its range.
    """

    memory: Memory
    speller: Speller
    beam_size: int
    ctc_weight: float
    length_bonus: float
    beam_threshold: float
    least_beam: int
    length_normalization: float
    end_threshold: float
    terms: tuple[Term, ...]
    n_best: int

    def __post_init__(self) -> None:
        if self.beam_size < 1 or self.n_best < 1:
            raise ValueError(f"beam_size and n_best must be at least 1, not {self.beam_size} and {self.n_best}")
        if not 0 <= self.ctc_weight <= 1:
            raise ValueError(f"ctc_weight must be between 0 and 1, not {self.ctc_weight}")
        for name in ("beam_threshold", "length_normalization", "end_threshold"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")

    @cached_property
    def ctc(self) -> PrefixScorer:
        return PrefixScorer(self.memory.ctc_log_probs)

    def run(self) -> list[Hypothesis]:
        """The best readings of a memory that has frames."""
        finished: list[Hypothesis] = []
        beam = self.start()
        while len(beam):
            beam, ended = self.step(beam)
            finished = sorted(finished + ended, key=lambda hypothesis: -hypothesis.score)[: self.n_best]
            if len(beam) and len(finished) == self.n_best:
                bar = max(finished[-1].score, finished[0].score - self.beam_threshold)
                beam = beam.select(np.flatnonzero(self.prospects(beam) > bar))
        return finished

    def start(self) -> _Beam:
        nothing = np.empty((1, 0), dtype=np.int64)
        return _Beam(nothing, np.zeros(1), self.ctc.start(), self.speller.start(), self.terms, np.zeros(1))

    def step(self, beam: _Beam) -> tuple[_Beam, list[Hypothesis]]:
        """The best hypotheses one token longer, and those among the best that took END."""
        length = beam.tokens.shape[1]
        last = beam.tokens[:, -1] if length else np.array([END])
        log_probs, weights, state = self.speller.step(self.memory, last, beam.state)
        attention = beam.attention[:, None] + np.maximum(log_probs, LEAST_LOG_PROB)  # (H, V)
        ctc = self.ctc.score(beam.prefixes)  # (H, V)
        scores = self.joint(ctc, attention) + self.length_bonus * (length + 1)
        scores[:, END] -= self.length_bonus
        advanced = [term.advance(last, weights) for term in beam.terms]
        added = sum((more for more, _ in advanced), beam.added[:, None])  # (H, V) or (H, 1)
        scores = scores + added
        self._forbid(scores, length, log_probs)

        origins, tokens = self.choose(scores)
        ended = [
            Hypothesis(
                tuple(beam.tokens[origin].tolist()),
                float(self.normalized(scores[origin, END], length)),
                as_log_prob(ctc[origin, END]),
            )
            for origin in origins[tokens == END]
        ]
        goes_on = tokens != END
        origins, tokens = origins[goes_on], tokens[goes_on]
        longer = _Beam(
            np.concatenate([beam.tokens[origins], tokens[:, None]], axis=1),
            attention[origins, tokens],
            self.ctc.extend(beam.prefixes, origins, tokens),
            state.select(origins),
            tuple(term.select(origins) for _, term in advanced),
            np.broadcast_to(added, scores.shape)[origins, tokens],
        )
        return longer, ended

    def choose(self, scores: ScoreArray) -> tuple[IntArray, IntArray]:
        """Which hypotheses go on, or end, with which tokens, best first, given scores (H, V): both (N,)."""
        origins, tokens = _best(scores, self.beam_size)
        near = scores[origins, tokens] >= scores[origins[:1], tokens[:1]] - self.beam_threshold
        near[: self.least_beam] = True
        return origins[near], tokens[near]

    def prospects(self, beam: _Beam) -> ScoreArray:
        """Upper bound (H,) of the score any completion of each hypothesis can have."""
        length = beam.tokens.shape[1]
        if self.ctc_weight > 0:
            bound = self.joint(self.ctc.outlook(beam.prefixes, self._ahead), beam.attention)
        else:
            bound = beam.attention + np.max(self._gains) * (len(self.memory) - length)
        bound += self.length_bonus * length + beam.added
        for term in beam.terms:
            bound += term.prospects()
        if self.length_normalization:  # a negative score is the better the longer the text, a positive one the worse
            bound = np.maximum(self.normalized(bound, length), self.normalized(bound, len(self.memory)))
        return bound

    def joint(self, ctc: ScoreArray, attention: ScoreArray) -> ScoreArray:
        score: ScoreArray = self.ctc_weight * ctc + (1 - self.ctc_weight) * attention
        return score

    def normalized(self, scores: ScoreArray, length: int) -> ScoreArray:
        """Scores of texts of `length` tokens and END as finished hypotheses are compared by them."""
        score: ScoreArray = scores / (length + 1) ** self.length_normalization
        return score

    def _forbid(self, scores: ScoreArray, length: int, log_probs: FloatArray) -> None:
        """Mark in scores (H, V) what may not follow `length` tokens; log_probs (H, V) are the speller's."""
        scores[:, BLANK] = LOG_ZERO
        if length == len(self.memory):
            scores[:, END + 1 :] = LOG_ZERO
        if self.end_threshold:
            early = log_probs[:, END] <= self.end_threshold * log_probs[:, END + 1 :].max(axis=1)
            can_go_on = scores[:, END + 1 :].max(axis=1) > _IMPOSSIBLE
            scores[early & can_go_on, END] = LOG_ZERO

    @cached_property
    def _gains(self) -> ScoreArray | float:
        """The most that a further token can add to a score: one number, or one of each token (V,)."""
        gains: ScoreArray | float = np.maximum(sum((term.gains for term in self.terms), self.length_bonus), 0.0)
        return gains

    @cached_property
    def _ahead(self) -> ScoreArray:
        return self.ctc.ahead(self._gains / self.ctc_weight)


def _best(scores: ScoreArray, count: int) -> tuple[IntArray, IntArray]:
    """Rows and columns of at most `count` best entries of scores (H, V), best first, without the impossible ones."""
    flat = scores.ravel()
    count = min(count, len(flat))
    best = np.argpartition(flat, -count)[-count:]
    best = best[flat[best] > _IMPOSSIBLE]
    best = best[np.argsort(-flat[best], kind="stable")]
    return np.divmod(best, scores.shape[1])
