"""The settings of a recogniser, of which nothing needs a bundle; those that are refused are in test_recognizer.py."""

from fractions import Fraction

import numpy as np
import pytest

import speech2text
from speech2text.bundle.manifest import Decoding
from speech2text.runtime.options import SEARCHES, SearchOptions
from speech2text.runtime.recognizer import Recognizer
from tests.tiny_bundle import tone


def test_what_is_impossible_is_told_before_a_bundle_is_looked_for():
    with pytest.raises(ValueError, match="n_best must be at least 1"):
        speech2text.load_model("no such folder", n_best=0)
    for threads in (0, 10**6):
        with pytest.raises(ValueError, match=f"threads must be 1 to 1024, not {threads}"):
            speech2text.load_model("no such folder", threads=threads)


@pytest.mark.parametrize(
    "given",
    [
        {"threads": None},
        {"threads": "2"},
        {"beam_size": 2.5},
        {"lm_weight": "1"},
        {"chunk_seconds": "1"},
        {"hotwords_score": None},
        {"other_speeds": 0.9},
        {"other_speeds": "0.9"},
        {"other_speeds": [0.9, None]},
        {"other_speeds": [True]},
        {"other_speeds": ""},
        {"other_speeds": b"\x01\x02"},
        {"hotwords": "one two"},
        {"hotwords": np.array(["one", "two"])},
    ],
)
def test_what_is_of_the_wrong_kind_is_named(given):
    with pytest.raises(TypeError, match=next(iter(given))):
        speech2text.load_model(**given)


def test_what_is_given_takes_the_place_of_what_a_bundle_was_tuned_for():
    tuned = Decoding(beam_size=8, ctc_weight=0.3, length_bonus=0.1, lm_weight=0.5)
    assert SearchOptions().applied_to(tuned) == tuned
    asked = SearchOptions(beam_size=1, lm_weight=0.0, other_speeds=[1.1]).applied_to(tuned)
    assert asked == Decoding(beam_size=1, ctc_weight=0.3, length_bonus=0.1, lm_weight=0.0, other_speeds=(1.1,))


@pytest.mark.parametrize("speed", [0.0, 0.49, 2.01, float("nan"), float("inf")])
def test_nobody_speaks_at_other_speeds(speed):
    with pytest.raises(ValueError, match=r"other_speeds must be 0\.5 to 2, not"):
        SearchOptions(other_speeds=(1.1, speed))


def test_other_speeds_are_few():
    with pytest.raises(ValueError, match="other_speeds must be 8 at most, not 9"):
        SearchOptions(other_speeds=[1.1] * 9)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 10**400])
def test_chunks_are_of_some_length(seconds):
    with pytest.raises(ValueError, match="chunk_seconds must be a number above 0"):
        SearchOptions(chunk_seconds=seconds)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, Fraction])
def test_any_number_is_a_length_of_chunks(bundle, kind):
    """Numbers of NumPy overflow, with a warning, where they meet larger ones."""
    recognizer = Recognizer(bundle, SearchOptions(chunk_seconds=kind(0.5)))
    assert recognizer.recognise(tone("one", "", "two")).text == "one two"


def test_any_number_is_a_weight():
    decoding = SearchOptions(lm_weight=Fraction(1, 2)).applied_to(
        Decoding(beam_size=8, ctc_weight=0.3, length_bonus=0.1)
    )
    assert isinstance(decoding.lm_weight, float)


@pytest.mark.parametrize("search", SEARCHES)
def test_another_search_is_given_what_it_has_a_use_for(search):
    options = SearchOptions(
        threads=2, chunk_seconds=0.5, lm_weight=0.5, hotwords=("one",), n_best=2, other_speeds=[0.9]
    )
    other = options.for_search(search)
    assert (other.search, other.threads, other.chunk_seconds) == (search, 2, 0.5)
    assert (other == options) == (search == "joint")
    assert other.for_search("joint").for_search(search) == other
