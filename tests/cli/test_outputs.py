"""The names of output files."""

from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.cli.outputs import name_outputs, place_output


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (["x", "y"], ["x", "y"]),
        (["x", "x", "x"], ["x", "x-2", "x-3"]),
        (["x", "x", "x-2"], ["x", "x-3", "x-2"]),
        (["X", "x"], ["X", "x-2"]),
        (["a/x", "b/x", "a/x"], ["a/x", "b/x", "a/x-2"]),
    ],
)
def test_names(places, names):
    assert name_outputs([PurePath(place) for place in places]) == names


@pytest.mark.parametrize(
    ("recording", "argument", "place"),
    [
        ("a/x.wav", "a/x.wav", "x"),
        ("a/b/x.wav", "a", "b/x"),
        ("a/x.wav", "a/", "x"),
        ("a/x.wav", "a/*.wav", "x"),
        ("x.wav", ".", "x"),
        ("b/x.wav", ".", "b/x"),
        ("/a/b/talk.v1.wav", "/a", "b/talk.v1"),
        ("-", "-", "stdin"),
    ],
)
def test_places(recording, argument, place):
    assert place_output(Path(recording), argument) == PurePath(place)


@given(st.lists(st.sampled_from(["x", "x-2", "x-3", "X", "x-2-2", "y"])))
def test_no_two_are_alike_and_the_first_keeps_its_stem(stems):
    names = name_outputs([PurePath(stem) for stem in stems])
    assert len({name.casefold() for name in names}) == len(stems)
    for stem, name in zip(stems, names, strict=True):
        first = next(other for other in stems if other.casefold() == stem.casefold())
        assert first in names
        assert name.casefold().startswith(stem.casefold())
