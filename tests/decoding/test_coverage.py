"""Coverage step by step; that the search as a whole is right is law 9."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.decoding.coverage import COVERED, Coverage
from tests.decoding.scripted import log_softmax

WEIGHT = 0.3


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 9), st.sampled_from([0.3, 2.0, 6.0]))
def test_its_sum_is_the_frames_covered_and_never_above_its_bound(seed, frames, tokens, spread):
    """A text of some tokens and END, each of which looks somewhere."""
    looks = np.exp(log_softmax(spread * np.random.default_rng(seed).standard_normal((tokens + 1, frames))))
    covered = WEIGHT * int((looks.sum(axis=0, dtype=np.float64) > COVERED).sum())
    term, added, bounds = Coverage(WEIGHT), 0.0, []
    for step, attention in enumerate(looks, start=1):
        gain, term = term.advance(np.array([2]), attention[None])
        assert gain.shape == (1, 1)
        added += float(gain[0, 0])
        bounds.append(added + float(term.prospects()[0]) + term.gains * (tokens - step))
    assert np.isclose(added, covered)
    assert min(bounds[:-1]) >= covered - 1e-5


def test_frames_looked_at_before_count_once():
    term = Coverage(1.0)
    gains = []
    for attention in ([0.9, 0.1, 0.0], [0.9, 0.1, 0.0], [0.0, 0.4, 0.6]):
        gain, term = term.advance(np.array([2]), np.array([attention], np.float32))
        gains.append(float(gain[0, 0]))
    assert gains == [1, 0, 2]


def test_hypotheses_of_a_beam_are_apart():
    looks = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    _, term = Coverage(1.0).select(np.array([0, 0])).advance(np.array([2, 3]), looks)
    gain, _ = term.select(np.array([1, 0])).advance(np.array([2, 2]), looks)
    assert gain.tolist() == [[1.0], [1.0]]
    gain, _ = term.advance(np.array([2, 2]), looks)
    assert gain.tolist() == [[0.0], [0.0]]
