"""The names of output files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.cli.outputs import name_outputs


@pytest.mark.parametrize(
    ("recordings", "names"),
    [
        (["a/x.wav", "b/y.wav"], ["x", "y"]),
        (["a/x.wav", "b/x.wav", "b/x.mp3"], ["x", "x-2", "x-3"]),
        (["x.wav", "b/x.wav", "x-2.wav"], ["x", "x-3", "x-2"]),
        (["X.wav", "x.wav"], ["X", "x-2"]),
        (["-"], ["stdin"]),
        (["talk.v1.wav"], ["talk.v1"]),
    ],
)
def test_names(recordings, names):
    assert name_outputs([Path(recording) for recording in recordings]) == names


@given(st.lists(st.sampled_from(["x", "x-2", "x-3", "X", "x-2-2", "y"])))
def test_no_two_are_alike_and_the_first_keeps_its_stem(stems):
    names = name_outputs([Path(f"{index}/{stem}.wav") for index, stem in enumerate(stems)])
    assert len({name.casefold() for name in names}) == len(stems)
    for stem, name in zip(stems, names, strict=True):
        first = next(other for other in stems if other.casefold() == stem.casefold())
        assert first in names
        assert name.casefold().startswith(stem.casefold())
