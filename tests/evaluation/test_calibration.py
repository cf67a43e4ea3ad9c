import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.evaluation.calibration import Bin, calibrate


def test_the_error_is_the_mean_distance_weighed_by_words():
    result = calibrate([0.95, 0.95, 0.95, 0.25], [True, True, False, True])
    assert result.error == pytest.approx(3 / 4 * (0.95 - 2 / 3) + 1 / 4 * 0.75)
    assert result.words == 4
    assert [row.words for row in result.bins] == [0, 0, 1, 0, 0, 0, 0, 0, 0, 3]
    assert result.bins[9].accuracy == pytest.approx(2 / 3)
    assert result.bins[0] == Bin(0.0, 0.1, 0, None, None)


def test_the_edges_of_a_bin_belong_to_the_bin_above_but_for_one():
    result = calibrate([0.0, 0.5, 1.0], [True] * 3)
    assert [row.words for row in result.bins] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 1]


def test_confidences_that_mean_what_they_say_have_a_small_error():
    generator = np.random.default_rng(0)
    confidences = generator.uniform(size=20_000)
    right = generator.uniform(size=20_000) < confidences
    assert calibrate(confidences.tolist(), right.tolist()).error < 0.02
    assert calibrate([1.0] * 20_000, right.tolist()).error == pytest.approx(1 - right.mean())


def test_without_words_there_is_nothing_to_say():
    assert calibrate([], []) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
def test_bins_hold_every_word_once(words):
    confidences, right = map(list, zip(*words, strict=True))
    result = calibrate(confidences, right)
    assert sum(row.words for row in result.bins) == len(words)
    assert sum(row.words * row.accuracy for row in result.bins if row.words) == pytest.approx(sum(right))
    assert sum(row.words * row.confidence for row in result.bins if row.words) == pytest.approx(sum(confidences))
    assert 0 <= result.error <= 1
