import numpy as np
import pytest

from speech2text.evaluation import significance
from speech2text.evaluation.error_rate import Counts, total
from speech2text.evaluation.significance import bootstrap


def make_counts(errors, words=10):
    return [Counts(hits=words - wrong, substitutions=wrong) for wrong in errors]


def test_the_same_seed_gives_the_same_interval_and_another_seed_a_near_one():
    counts = make_counts(np.random.default_rng(5).integers(0, 4, 60))
    assert bootstrap(counts) == bootstrap(counts)
    first, second = bootstrap(counts), bootstrap(counts, seed=1)
    assert first != second
    assert first.low == pytest.approx(second.low, abs=0.01)
    assert first.high == pytest.approx(second.high, abs=0.01)


def test_the_interval_holds_the_rate_and_has_the_width_of_theory():
    generator = np.random.default_rng(0)
    counts = make_counts(generator.binomial(10, 0.2, 400))
    interval = bootstrap(counts)
    rate = total(counts).rate
    deviation = np.std([count.errors / 10 for count in counts]) / np.sqrt(400)
    assert interval.low == pytest.approx(rate - 1.96 * deviation, abs=0.2 * deviation)
    assert interval.high == pytest.approx(rate + 1.96 * deviation, abs=0.2 * deviation)
    assert (interval.units, interval.size) == ("utterances", 400)


def test_speakers_who_fail_as_a_whole_widen_the_interval():
    counts = make_counts([0] * 20 + [5] * 20)
    speakers = [f"s{index // 5}" for index in range(40)]
    by_utterance, by_speaker = bootstrap(counts), bootstrap(counts, speakers)
    assert (by_speaker.units, by_speaker.size) == ("speakers", 8)
    assert by_speaker.high - by_speaker.low > 1.5 * (by_utterance.high - by_utterance.low)


def test_an_utterance_of_an_unknown_speaker_is_a_unit_of_its_own():
    interval = bootstrap(make_counts([0, 1, 2, 3, 4]), ["a", "a", "b", "", ""])
    assert (interval.units, interval.size) == ("speakers", 4)


@pytest.mark.parametrize("speakers", [None, ["a", "a", "a"], ["a", "", ""], ["", "", ""]])
def test_without_two_known_speakers_utterances_are_drawn(speakers):
    counts = make_counts([0, 1, 2])
    assert bootstrap(counts, speakers) == bootstrap(counts)


@pytest.mark.parametrize(
    "counts", [[], make_counts([3]), [Counts(insertions=1), Counts(insertions=2)]], ids=["none", "one", "no words"]
)
def test_the_interval_is_undefined_where_nothing_can_be_drawn(counts):
    assert bootstrap(counts) is None


def test_draws_without_a_word_are_left_out():
    interval = bootstrap([Counts(insertions=1), Counts(hits=1, deletions=1)])
    assert np.isfinite([interval.low, interval.high]).all()
    assert (interval.low, interval.high) == (0.5, 1.0)


def test_a_perfect_result_has_an_interval_of_zero_width():
    interval = bootstrap(make_counts([0, 0, 0]))
    assert (interval.low, interval.high) == (0.0, 0.0)


def test_the_result_does_not_depend_on_how_many_draws_fit_into_memory(monkeypatch):
    counts = make_counts(np.random.default_rng(2).integers(0, 4, 50))
    whole = bootstrap(counts)
    monkeypatch.setattr(significance, "_DRAWS_AT_ONCE", 50 * 7)
    assert bootstrap(counts) == whole


def test_a_speaker_too_few_is_an_error_of_the_caller():
    with pytest.raises(ValueError, match="3 utterances but 2 speakers"):
        bootstrap(make_counts([0, 1, 2]), ["a", "b"])
