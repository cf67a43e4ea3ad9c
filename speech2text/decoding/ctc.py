"""CTC prefix scores: how likely the sound begins with given tokens (Watanabe et al. 2017, Hori et al. 2017).

The prefix score of tokens `g` followed by `c` sums over the frame t at which `c` begins (Watanabe et al. 2017,
algorithm 2; γ(n), γ(b) are the probabilities that the frames before t spell g and end in its last label or in blank):

    ψ(g·c) = Σ_t φ_t(c) · p_t(c),    φ_t(c) = γ_t(b)(g) + γ_t(n)(g) · [c ≠ last(g)]

φ does not depend on c but for the repeated label, so the scores of all V tokens are one matrix product of φ (H, T)
with the posteriors (T, V). The recursion over time is needed only for the few prefixes the search keeps, and it is
linear: γ_t(n)(g·c) = p_t(c) · (γ_{t-1}(n)(g·c) + φ_t(c)). Dividing by the running product of p turns it into a
cumulative sum, done in log space in one call. Nothing is pruned and nothing is approximate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from speech2text.decoding.protocols import BLANK, END, FloatArray, IntArray, ScoreArray

LOG_ZERO = -1e30
"""The logarithm of an impossible event: finite, so that a weight of zero takes it away (0 · -inf is not a number)."""
LEAST_LOG_PROB = -700.0
"""Smaller log-probabilities count as this one, the smallest whose exponential a float64 holds in full precision."""

_MOST_ON_ONE_THREAD = 1 << 18
"""Multiplications up to which OpenBLAS, which numpy brings, keeps a product of matrices on the calling thread."""


@dataclass(frozen=True)
class Prefixes:
    """What CTC remembers of H token prefixes over T frames; all log-probabilities.

    ready[t]: the frames before t spell the prefix, (T + 1, H); so ready[T] is the probability of the tokens as a whole.
    after_blank[t]: the same, the frame before t being blank, (T + 1, H): only then may the last token begin once more.
    last: the last token of each prefix, (H,); BLANK for the prefix without tokens.
    """

    ready: ScoreArray
    after_blank: ScoreArray
    last: IntArray

    def select(self, prefixes: IntArray) -> Prefixes:
        """The given prefixes (indices (N,), repeats allowed), in that order."""
        return Prefixes(self.ready[:, prefixes], self.after_blank[:, prefixes], self.last[prefixes])


class PrefixScorer:
    """Scores prefixes of tokens against the CTC posteriors of one utterance.

    Args:
        ctc_log_probs: (T, V), T at least 1.
    """

    def __init__(self, ctc_log_probs: FloatArray) -> None:
        log_probs = np.maximum(ctc_log_probs.astype(np.float64), LEAST_LOG_PROB)
        self._probs: ScoreArray = np.exp(log_probs)  # (T, V)
        self._held: ScoreArray = np.zeros((len(log_probs) + 1, log_probs.shape[1]))
        np.cumsum(log_probs, axis=0, out=self._held[1:])  # (T + 1, V): frames 0..t-1 are all this one label
        self._blank = log_probs[:, BLANK]  # (T,)
        self._label = np.logaddexp.reduce(log_probs[:, BLANK + 1 :], axis=1)  # (T,): any but blank

    def start(self) -> Prefixes:
        """The one prefix without tokens: all frames so far are blank."""
        silence = self._held[:, BLANK : BLANK + 1]
        return Prefixes(silence, silence, np.array([BLANK]))

    def score(self, prefixes: Prefixes) -> ScoreArray:
        """Log-probability (H, V) that the utterance begins with each prefix and then each token.

        In the column END: that it is the prefix and nothing more. BLANK is no token: LOG_ZERO.
        """
        rows = np.arange(len(prefixes.last))
        ready, after_blank = prefixes.ready[:-1], prefixes.after_blank[:-1]  # (T, H): room for one more token
        peak = ready.max(axis=0)
        scores: ScoreArray = peak[:, None] + np.log(_product_on_this_thread(np.exp(ready - peak).T, self._probs))
        peak = after_blank.max(axis=0)
        repeated = (np.exp(after_blank - peak) * self._probs[:, prefixes.last]).sum(axis=0)
        scores[rows, prefixes.last] = peak + np.log(repeated)
        scores[:, END] = prefixes.ready[-1]
        scores[:, BLANK] = LOG_ZERO
        return scores

    def extend(self, prefixes: Prefixes, origins: IntArray, tokens: IntArray) -> Prefixes:
        """The prefixes `origins` (N,) each followed by one of `tokens` (N,), neither BLANK nor END."""
        repeats = prefixes.last[origins] == tokens
        begins = np.where(repeats, prefixes.after_blank[:-1, origins], prefixes.ready[:-1, origins])  # (T, N)
        on_label = _stay(begins, self._held[:, tokens])
        after_blank = _stay(on_label[:-1], self._held[:, BLANK, None])
        return Prefixes(np.logaddexp(on_label, after_blank), after_blank, tokens)

    def ahead(self, gains: ScoreArray | float) -> ScoreArray:
        """Upper bound (T,), for `outlook`, of what is said from frame t on by a next token that begins there.

        gains: what a further token adds to the score, at least 0: one number, or one of each token (V,). Every later
        label is taken for a new token, so the bound is near where the rest of the utterance is blank, which is where
        the search asks whether it may stop.
        """
        new_token = self._label + gains if np.ndim(gains) == 0 else self._label_and(np.asarray(gains))  # (T,)
        onward = np.logaddexp(self._blank, new_token)  # a frame is blank or a token with its gain
        bound: ScoreArray = new_token + onward[::-1].cumsum()[::-1] - onward  # it begins at t, anything follows
        return bound

    def outlook(self, prefixes: Prefixes, ahead: ScoreArray) -> ScoreArray:
        """Upper bound (H,) of `log P(tokens) + gains of the further tokens` over all ways to complete each prefix."""
        continued = np.logaddexp.reduce(prefixes.ready[:-1] + ahead[:, None], axis=0)
        bound: ScoreArray = np.logaddexp(prefixes.ready[-1], continued)
        return bound

    def _label_and(self, gains: ScoreArray) -> ScoreArray:
        """The logarithm (T,) of the posteriors of all labels but blank, each times the exponential of its gain."""
        most = gains.max()
        raised = self._probs[:, BLANK + 1 :] @ np.exp(gains[BLANK + 1 :] - most)
        logarithm: ScoreArray = most + np.log(np.maximum(raised, np.exp(LEAST_LOG_PROB)))
        return logarithm


def ctc_score(ctc_log_probs: FloatArray, tokens: Iterable[int]) -> float:
    """Log-probability of exactly these tokens under CTC, summed over all alignments; ctc_log_probs (T, V), T >= 1.

    -inf when they need more frames than there are.
    """
    scorer = PrefixScorer(ctc_log_probs)
    prefixes = scorer.start()
    for token in tokens:
        prefixes = scorer.extend(prefixes, np.array([0]), np.array([token]))
    return as_log_prob(prefixes.ready[-1, 0])


def as_log_prob(score: float) -> float:
    """`score` with what stands for an impossible event turned into -inf."""
    return float(score) if score > LOG_ZERO / 2 else -np.inf


def _product_on_this_thread(left: ScoreArray, right: ScoreArray) -> ScoreArray:
    """The product (H, V) of (H, T) and (T, V), in blocks of T too small for BLAS to share among threads.

    Its threads wait by spinning, so a search in each of several threads would be slower than one after the other.
    """
    block = max(1, _MOST_ON_ONE_THREAD // (len(left) * right.shape[1]))
    total: ScoreArray = np.zeros((len(left), right.shape[1]))
    for begin in range(0, len(right), block):
        total += left[:, begin : begin + block] @ right[begin : begin + block]
    return total


def _stay(begins: ScoreArray, held: ScoreArray) -> ScoreArray:
    """Log-probability (T + 1, N) to have begun a label at some frame s < t and to have stayed on it up to t - 1.

    begins: (T, N), log-probability to begin at s, without the posterior of s; held: (T + 1, N or 1), the label's
    log-probability to last from frame 0 to t - 1, so staying from s costs held[t] - held[s].
    """
    stayed = np.full((len(held), begins.shape[1]), LOG_ZERO)
    np.logaddexp.accumulate(begins - held[:-1], axis=0, out=stayed[1:])
    stayed[1:] += held[1:]
    return stayed
