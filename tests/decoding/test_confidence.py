import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from speech2text.decoding.confidence import LEAST_EVIDENCE, fit_scaling, log_odds, word_confidence

posteriors = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(posteriors)
def test_unscaled_it_is_the_geometric_mean(values):
    expected = np.clip(np.prod(values) ** (1 / len(values)), LEAST_EVIDENCE, 1 - LEAST_EVIDENCE)
    assert word_confidence(values) == pytest.approx(expected)


@given(posteriors, st.floats(0, 1), st.floats(0.01, 5), st.floats(-5, 5))
@example([0.0], 0.0, 5.0, -5.0)
def test_a_surer_token_never_makes_a_word_less_sure(values, surer, slope, bias):
    better = [max(value, surer) for value in values]
    low, high = (word_confidence(each, slope, bias) for each in (values, better))
    assert low <= high + 1e-12
    assert 0 <= low <= 1  # 0 is what float64 makes of less than 1e-16
    assert 0 <= high <= 1


@pytest.mark.parametrize(("posterior", "bias", "limit"), [(0.0, -100, 0), (1.0, 100, 1)])
def test_no_scaling_that_a_manifest_may_hold_is_too_much(posterior, bias, limit):
    assert word_confidence([posterior], 100, bias) == pytest.approx(limit)


def test_the_fit_finds_what_made_the_words_right():
    rng = np.random.default_rng(0)
    found = rng.uniform(0.02, 0.98, 20_000)
    truth = [word_confidence([value], 0.6, -0.4) for value in found]
    slope, bias = fit_scaling(found.tolist(), (rng.random(len(found)) < truth).tolist())
    assert (slope, bias) == pytest.approx((0.6, -0.4), abs=0.06)


def test_a_model_that_is_sure_and_wrong_is_fitted_too():
    slope, bias = fit_scaling([0.9999] * 44, [True] * 40 + [False] * 4)
    assert word_confidence([0.9999], slope, bias) == pytest.approx(40 / 44, abs=0.01)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=300))
def test_no_other_numbers_are_likelier(words):
    """The likelihood is flat where it is greatest: its slopes are what holds the numbers towards 1 and 0."""
    confidences, right = zip(*words, strict=True)
    try:
        slope, bias = fit_scaling(confidences, right)
    except ValueError:
        return
    missing = np.array(right) - [word_confidence([value], slope, bias) for value in confidences]
    odds = np.array([log_odds(value) for value in confidences])
    assert (missing @ odds, missing.sum()) == pytest.approx((slope - 1, bias), abs=1e-6)


def test_few_words_move_it_little():
    slope, bias = fit_scaling([0.9, 0.8], [True, True])
    assert 0.5 < slope < 2
    assert 0 < bias < 1


@pytest.mark.parametrize(
    ("confidences", "right", "message"),
    [([], [], "no words"), ([0.9] * 50 + [0.1] * 50, [False] * 50 + [True] * 50, "nothing to calibrate")],
)
def test_what_cannot_be_fitted(confidences, right, message):
    with pytest.raises(ValueError, match=message):
        fit_scaling(confidences, right)
