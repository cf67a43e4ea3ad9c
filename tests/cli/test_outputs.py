"""The names of output files."""

from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.cli.outputs import name_outputs, place_output


def names_of(recordings, folder=None):
    """The names of the recordings' outputs, as they are given one by one or as those of one folder."""
    return name_outputs({Path(each): place_output(Path(each), folder or each) for each in recordings})


@pytest.mark.parametrize(
    ("recordings", "names"),
    [
        (["/d/x.wav", "/d/y.wav"], ["x", "y"]),
        (["/d/x.wav", "/d/x.mp3"], ["x.wav", "x.mp3"]),
        (["/d/monday/x.wav", "/d/tuesday/X.wav"], ["monday-x.wav", "tuesday-X.wav"]),
        (["/d/a/c/x.wav", "/d/b/c/x.wav", "/d/x.mp3"], ["a-c-x.wav", "b-c-x.wav", "x.mp3"]),
        (["/d/x.wav", "/d/x.wav.mp3", "/d/x.mp3"], ["d-x.wav", "x.wav.mp3", "x.mp3"]),
        (["/d/x.wav", "/d/X.wav"], ["d-x.wav", "d-X.wav-2"]),
        (["-", "stdin.wav"], ["stdin", "stdin.wav"]),
    ],
)
def test_names(recordings, names):
    assert names_of(recordings) == names


def test_recordings_of_a_folder_are_told_apart_in_their_places():
    assert names_of(["/d/a/x.wav", "/d/b/x.wav", "/d/b/x.mp3"], "/d") == ["a/x", "b/x.wav", "b/x.mp3"]
    assert names_of(["/d/a/x.wav", "/e/a/x.wav"], "/d") == ["a/x", "x"]


def test_what_the_names_are_told_apart_by_is_no_way_out_of_the_output_folder():
    names = names_of(["../x.wav", "x.wav"])
    assert len(set(names)) == 2
    assert all(PurePath(name).name == name for name in names)


@pytest.mark.parametrize(
    ("recording", "argument", "place"),
    [
        ("a/x.wav", "a/x.wav", "x.wav"),
        ("a/b/x.wav", "a", "b/x.wav"),
        ("a/x.wav", "a/", "x.wav"),
        ("a/x.wav", "a/*.wav", "x.wav"),
        ("x.wav", ".", "x.wav"),
        ("b/x.wav", ".", "b/x.wav"),
        ("/a/b/talk.v1.wav", "/a", "b/talk.v1.wav"),
        ("-", "-", "stdin"),
    ],
)
def test_places(recording, argument, place):
    assert place_output(Path(recording), argument) == PurePath(place)


recordings = st.lists(
    st.builds("/{}/{}{}".format, *map(st.sampled_from, (["r/a", "r/b", "s/a"], "xXy", [".wav", ".mp3", "-2.wav"]))),
    unique=True,
)


@given(recordings)
def test_no_two_are_alike(files):
    names = names_of(files)
    assert len({name.casefold() for name in names}) == len(files)
    for file, name in zip(files, names, strict=True):
        assert PurePath(file).stem in PurePath(name).name


@given(recordings, st.data())
def test_in_any_order_and_with_more_recordings_no_name_becomes_another_recordings(files, data):
    files = list({file.casefold(): file for file in files}.values())
    names = dict(zip(names_of(files), files, strict=True))
    some = data.draw(st.lists(st.sampled_from(files), unique=True)) if files else []
    for name, file in zip(names_of(some), some, strict=True):
        assert names.get(name, file) == file


def test_links_are_told_apart_by_the_folders_they_are_in(tmp_path):
    places = {}
    for folder, target in (("a", "x1.flac"), ("b", "x2.flac")):
        (tmp_path / folder).mkdir()
        link = tmp_path / folder / "talk.flac"
        link.symlink_to(tmp_path / "store" / target)
        places[link] = place_output(link, str(link))
    assert name_outputs(places) == ["a-talk.flac", "b-talk.flac"]
