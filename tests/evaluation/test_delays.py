"""How late words are shown is told by hand-made updates."""

import math

import pytest

from speech2text.evaluation.delays import Delays, percentile
from speech2text.text.transcript import Segment, Word


def segment(text: str) -> Segment:
    """A word ends every second."""
    words = tuple(Word(word, index + 0.2, index + 1.0, 1.0) for index, word in enumerate(text.split()))
    return Segment(text, 0.2, float(len(words)), words)


def collect(*updates: tuple[str, float]) -> Delays:
    """Of one segment: texts with the moment at which each was shown, the last one final."""
    delays = Delays()
    for text, at in updates[:-1]:
        delays.add(segment(text), False, at)
    text, at = updates[-1]
    delays.add(segment(text), True, at, 0.1)
    return delays


def settled(delays: Delays, early: bool) -> list[float]:
    return [word.settled for word in delays.words if word.early == early]


def test_words_count_from_when_they_were_first_shown_where_they_stayed():
    delays = collect(("a", 1.3), ("a b", 2.4), ("a b c", 3.5), ("a b c", 4.0))
    assert settled(delays, early=True) == pytest.approx([0.3, 0.4, 0.5])
    assert settled(delays, early=False) == []


def test_a_word_that_went_away_counts_from_when_it_came_back():
    delays = collect(("a", 1.3), ("x", 1.6), ("a", 1.9), ("a", 4.0))
    assert settled(delays, early=True) == pytest.approx([0.9])


def test_words_that_only_the_final_text_has_right_are_told_apart():
    delays = collect(("a x", 2.3), ("a b", 4.0))
    assert settled(delays, early=True) == pytest.approx([1.3])
    assert settled(delays, early=False) == pytest.approx([2.0])


def test_a_word_is_shown_when_any_is_at_its_place():
    delays = collect(("x", 1.3), ("x", 2.2), ("a b", 4.0))
    assert [word.shown for word in delays.words] == pytest.approx([0.3, 2.0])


@pytest.mark.parametrize(
    ("start", "end", "shown"), [(0.0, 3.0, 0.5), (0.5, 0.7, 0.5), (0.7, 1.5, 3.0), (1.1, 1.4, 3.0)]
)
def test_a_word_is_at_the_place_of_another_when_the_middle_of_either_lies_in_it(start, end, shown):
    delays = Delays()
    delays.add(Segment("x", start, end, (Word("x", start, end, 1.0),)), False, 1.5)
    delays.add(segment("a"), True, 4.0)
    assert [word.shown for word in delays.words] == pytest.approx([shown])


def test_a_segment_without_partial_text_comes_with_its_final_text():
    delays = collect(("a", 3.0))
    assert [(word.shown, word.settled, word.early) for word in delays.words] == [(2.0, 2.0, False)]
    assert delays.first_partials == []
    assert delays.finals == [0.1]


def test_first_words_count_from_the_start_of_the_segment():
    assert collect(("a", 1.3), ("a b", 2.5), ("a b c", 4.0)).first_partials == pytest.approx([1.1])


def test_changes_are_words_that_the_next_text_does_not_have():
    delays = collect(("a", 1.0), ("x b", 2.0), ("a b", 3.0))
    assert (delays.shown, delays.changed) == (3, 2)


def test_segments_are_apart():
    delays = collect(("a", 1.3), ("a", 2.0))
    delays.add(segment("a"), True, 3.0)
    assert settled(delays, early=True) == pytest.approx([0.3])
    assert settled(delays, early=False) == [2.0]


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, math.nan), ([3.0], 50, 3.0), ([1.0, 2.0, 4.0], 50, 2.0), ([1.0, 2.0], 0, 1.0), ([1.0, 2.0], 100, 2.0)],
)
def test_percentiles_of_few_values(values, percent, expected):
    assert percentile(values, percent) == pytest.approx(expected, nan_ok=True)
