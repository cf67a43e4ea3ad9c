from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.decoding.alignment import TokenSpan, align
from tests.decoding.scripted import alignments, planted, random_log_probs

VOCABULARY = 8


@st.composite
def paths(draw) -> list[int]:
    """A label for each frame: runs of tokens, with a blank run between equal neighbours at least."""
    path: list[int] = []
    for token in draw(st.lists(st.integers(2, VOCABULARY - 1), max_size=8)):
        path += [0] * draw(st.integers(1 if path and path[-1] == token else 0, 3))
        path += [token] * draw(st.integers(1, 3))
    return path + [0] * draw(st.integers(0 if path else 1, 3))


@settings(max_examples=100)
@given(paths(), st.integers(0, 1000))
def test_a_planted_path_is_found_again(path, seed):
    log_probs = planted(path, VOCABULARY, strength=12, seed=seed)
    runs = [(label, [frame for frame, _ in run]) for label, run in groupby(enumerate(path), key=lambda item: item[1])]
    spans = align(log_probs, [label for label, _ in runs if label])
    assert spans == tuple(
        TokenSpan(frames[0], frames[-1], pytest.approx(float(np.exp(log_probs[frames, label]).mean()), rel=1e-5))
        for label, frames in runs
        if label
    )


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.lists(st.integers(2, 3), min_size=1, max_size=3))
def test_the_path_is_the_likeliest_of_all(seed, frames, tokens):
    log_probs = random_log_probs(seed, frames, 4)
    spelling = [(score, path) for path, spelled, score in alignments(log_probs) if spelled == tuple(tokens)]
    spans = align(log_probs, tokens)
    if not spelling:
        assert spans is None
        return
    assert spans is not None
    found = [0] * frames
    for token, span in zip(tokens, spans, strict=True):
        found[span.first_frame : span.last_frame + 1] = [token] * (span.last_frame - span.first_frame + 1)
    assert tuple(found) == max(spelling)[1]


def test_spans_are_in_order_when_the_sound_says_something_else():
    spans = align(random_log_probs(1, 40, VOCABULARY), [2, 2, 3, 7, 7, 7, 4])
    assert spans is not None
    frames = [frame for span in spans for frame in range(span.first_frame, span.last_frame + 1)]
    assert frames == sorted(set(frames))
    assert all(0 <= span.posterior <= 1 for span in spans)


def test_equal_neighbours_have_a_blank_between_them_however_unlikely_it_is():
    first, second = align(planted([2] * 5, VOCABULARY, strength=12, seed=0), [2, 2])
    assert first.last_frame + 1 < second.first_frame


def test_tokens_that_do_not_fit_have_no_alignment():
    log_probs = random_log_probs(0, 3, VOCABULARY)
    assert align(log_probs, [2, 3, 4]) is not None
    assert align(log_probs, [2, 3, 3]) is None
    assert align(log_probs, [2, 3, 4, 5]) is None
    assert align(log_probs[:0], [2]) is None


def test_no_tokens_no_spans():
    assert align(random_log_probs(0, 3, VOCABULARY), []) == ()
    assert align(np.zeros((0, VOCABULARY), np.float32), []) == ()
