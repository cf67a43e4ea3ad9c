from statistics import NormalDist

import numpy as np
import pytest

from speech2text.evaluation import significance
from speech2text.evaluation.error_rate import Counts, total
from speech2text.evaluation.significance import bootstrap, compare


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


@pytest.mark.parametrize("wrong", [0, 3])
def test_where_all_have_one_rate_nothing_can_be_said_of_another_test_set(wrong):
    assert bootstrap(make_counts([wrong] * 3)) is None
    longer = Counts(hits=20 - 2 * wrong, substitutions=2 * wrong)
    assert bootstrap([*make_counts([wrong] * 20), longer]) is None, "however many they are, and however long"


def test_recordings_without_a_word_are_no_evidence():
    """They are drawn, since words that are heard in them are errors."""
    noise = [Counts()] * 20
    interval = bootstrap([*make_counts([1, 3]), *noise], ["one", "other", *[""] * len(noise)])
    assert (interval.units, interval.size) == ("speakers", 2)
    assert interval.doubt == "too few to trust: fewer than 10 speakers"


@pytest.mark.parametrize(("size", "doubt"), [(9, "too few to trust: fewer than 10 utterances"), (10, "")])
def test_fewer_than_ten_are_doubted(size, doubt):
    counts = make_counts(range(size))
    assert bootstrap(counts).doubt == doubt
    assert compare(counts, counts).interval.doubt == doubt


def test_a_doubt_names_what_was_drawn():
    assert bootstrap(make_counts(range(10)), ["ann", "bob"] * 5).doubt == "too few to trust: fewer than 10 speakers"


def test_the_result_does_not_depend_on_how_many_draws_fit_into_memory(monkeypatch):
    counts = make_counts(np.random.default_rng(2).integers(0, 4, 50))
    whole = bootstrap(counts)
    monkeypatch.setattr(significance, "_DRAWS_AT_ONCE", 50 * 7)
    assert bootstrap(counts) == whole


def test_a_speaker_too_few_is_an_error_of_the_caller():
    with pytest.raises(ValueError, match="3 utterances but 2 speakers"):
        bootstrap(make_counts([0, 1, 2]), ["a", "b"])


def test_a_system_against_itself_is_neither_better_nor_worse():
    counts = make_counts([0, 3, 1, 2])
    same = compare(counts, counts)
    assert (same.difference, same.interval.low, same.interval.high, same.probability) == (0.0, 0.0, 0.0, 0.5)


def test_a_small_difference_that_every_utterance_shows_is_found_where_intervals_overlap():
    hard = np.random.default_rng(3).integers(1, 9, 40)
    ours, theirs = make_counts(hard - 1), make_counts(hard)
    assert bootstrap(ours).high > bootstrap(theirs).low
    better = compare(ours, theirs)
    assert better.difference == pytest.approx(-0.1)
    assert (better.interval.low, better.interval.high) == pytest.approx((-0.1, -0.1))
    assert better.probability == 1.0


def test_the_difference_has_the_interval_and_probability_of_theory():
    generator = np.random.default_rng(1)
    ours, theirs = (generator.binomial(10, rate, 400) for rate in (0.2, 0.21))
    better = compare(make_counts(ours), make_counts(theirs))
    differences = (ours - theirs) / 10
    mean, deviation = differences.mean(), differences.std() / np.sqrt(400)
    assert better.difference == pytest.approx(mean)
    assert better.interval.low == pytest.approx(mean - 1.96 * deviation, abs=0.2 * deviation)
    assert better.interval.high == pytest.approx(mean + 1.96 * deviation, abs=0.2 * deviation)
    assert better.probability == pytest.approx(NormalDist().cdf(-mean / deviation), abs=0.03)


def test_the_other_way_round_everything_is_turned():
    generator = np.random.default_rng(7)
    ours, theirs = (make_counts(generator.integers(0, 5, 40)) for _ in range(2))
    speakers = [f"s{index // 4}" for index in range(40)]
    first, second = compare(ours, theirs, speakers), compare(theirs, ours, speakers)
    assert (first.interval.units, first.interval.size) == ("speakers", 10)
    assert first.difference == pytest.approx(-second.difference)
    assert first.interval.low == pytest.approx(-second.interval.high)
    assert first.probability == pytest.approx(1 - second.probability)


def test_a_difference_is_undefined_where_nothing_can_be_drawn():
    assert compare(make_counts([3]), make_counts([2])) is None


def test_two_systems_must_have_heard_the_same():
    with pytest.raises(ValueError, match="different references"):
        compare(make_counts([1, 2]), make_counts([1, 2], words=9))
