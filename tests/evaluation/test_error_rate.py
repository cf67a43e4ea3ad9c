import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.evaluation.error_rate import (
    Counts,
    Difference,
    compare_words,
    count_characters,
    count_words,
    total,
)

texts = st.lists(st.sampled_from(["one", "two", "three", "oh"]), max_size=6).map(" ".join)


def test_each_kind_of_error_is_counted_for_its_utterance():
    references = ["call me now", "one two three", "yes", "stop"]
    hypotheses = ["call me now", "one too three", "oh yes", ""]
    assert count_words(references, hypotheses) == [
        Counts(hits=3),
        Counts(2, 1, 0, 0),
        Counts(1, 0, 0, 1),
        Counts(0, 0, 1),
    ]


def test_the_rate_of_a_corpus_weighs_every_word_alike():
    counts = count_words(["a b c d e f g h", "x y"], ["a b c d e f g h", "x z"])
    assert total(counts).rate == pytest.approx(1 / 10)


def test_the_rate_can_exceed_one():
    assert total(count_words(["yes"], ["no no no"])).rate == pytest.approx(3.0)


def test_words_for_an_empty_reference_are_insertions_and_its_rate_is_undefined():
    (counts,) = count_words([""], ["oh two"])
    assert counts == Counts(insertions=2)
    assert counts.rate is None
    assert total([counts, Counts(hits=4)]).rate == pytest.approx(2 / 4)


def test_nothing_said_and_nothing_heard_is_no_error():
    assert count_words([""], [""]) == [Counts()]
    assert count_words([], []) == []
    assert total([]).rate is None


def test_whitespace_around_and_between_words_does_not_count():
    assert count_words([" one\ttwo "], ["one  two\n"]) == [Counts(hits=2)]
    assert count_characters([" one\ttwo "], ["one  two\n"]) == [Counts(hits=7)]


def test_a_missing_space_is_one_character_error():
    assert count_characters(["one two"], ["onetwo"]) == [Counts(hits=6, deletions=1)]


@pytest.mark.parametrize("count", [count_words, count_characters])
def test_a_hypothesis_too_few_is_an_error_of_the_caller(count):
    with pytest.raises(ValueError, match="2 references but 1 hypotheses"):
        count(["a", "b"], ["a"])


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5))
def test_the_sum_of_the_utterances_is_the_rate_of_jiwer(pairs):
    references, hypotheses = map(list, zip(*pairs, strict=True))
    counts = total(count_words(references, hypotheses))
    if counts.reference:
        assert counts.rate == pytest.approx(jiwer.wer(references, hypotheses))


@given(texts, texts)
def test_differences_hold_both_texts_in_order(reference, hypothesis):
    differences = compare_words(reference, hypothesis)
    assert [word for difference in differences for word in difference.reference] == reference.split()
    assert [word for difference in differences for word in difference.hypothesis] == hypothesis.split()


def test_differences_are_cut_where_the_texts_part_and_meet():
    assert compare_words("call me now", "call be now please") == [
        Difference(("call",), ("call",)),
        Difference(("me",), ("be",)),
        Difference(("now",), ("now",)),
        Difference((), ("please",)),
    ]
    assert [difference.is_equal for difference in compare_words("a b", "a")] == [True, False]
