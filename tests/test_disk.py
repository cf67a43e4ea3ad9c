"""Files are written whole or not at all."""

import os
import sys
from pathlib import Path

import pytest

from speech2text.disk import make_folder, read_whole_lines, require_place, write_atomically
from speech2text.errors import OutputError


def test_writing_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "x.txt"
    for text in ("first\n", "été\n"):
        write_atomically(path, text)
        assert path.read_bytes() == text.encode()
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_name_a_folder_takes_can_be_written(tmp_path):
    path = tmp_path / ("x" * 251 + ".txt")
    write_atomically(path, "text")
    assert path.read_text() == "text"


@pytest.mark.skipif(os.name == "nt", reason="modes are others there")
def test_what_only_its_owner_may_read_stays_so(tmp_path):
    path = tmp_path / "x.txt"
    path.touch(mode=0o600)
    write_atomically(path, "text")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege there")
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "target.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("target.txt")
    write_atomically(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "target.txt").read_text() == "new"


def test_a_folder_of_that_name_is_an_error(tmp_path):
    (tmp_path / "x.txt").mkdir()
    with pytest.raises(OutputError, match=r"x\.txt: cannot be written .*; give the name of a file"):
        write_atomically(tmp_path / "x.txt", "text")


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(OutputError, match=r"x\.txt: cannot be written .*; make the folder first"):
        write_atomically(tmp_path / "missing" / "x.txt", "text")


def test_a_name_that_is_too_long_is_an_error(tmp_path):
    with pytest.raises(OutputError, match=r"cannot be written .*; choose a shorter name"):
        write_atomically(tmp_path / ("x" * 300), "text")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_is_an_error():
    with pytest.raises(OutputError, match=r"/dev/full: cannot be written .*; free some space"):
        write_atomically(Path("/dev/full"), "text")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the size of files")
def test_a_failure_midway_leaves_the_old_file_alone(tmp_path):
    import resource
    import signal

    path = tmp_path / "x.txt"
    write_atomically(path, "old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            write_atomically(path, "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


class Interrupted(str):
    """A text whose writing is stopped by Ctrl-C."""

    __slots__ = ()

    def encode(self, *_: str, **__: str) -> bytes:
        raise KeyboardInterrupt


def test_ctrl_c_midway_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "x.txt"
    write_atomically(path, "old")
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, Interrupted("new"))
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


def test_a_line_that_a_stop_cut_short_is_taken_out(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("one\ntwo\nthr")
    assert read_whole_lines(path) == ["one", "two"]
    assert path.read_text() == "one\ntwo\nthr"
    assert read_whole_lines(path, mend=True) == ["one", "two"]
    assert path.read_text() == "one\ntwo\n"


def test_a_last_row_that_only_lacks_its_end_is_kept(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"n": 1}\n{"n": 2}')
    assert read_whole_lines(path, mend=True) == ['{"n": 1}', '{"n": 2}']
    assert path.read_text() == '{"n": 1}\n{"n": 2}\n'


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_seen_before_the_work(tmp_path):
    tmp_path.chmod(0o555)
    for check in (lambda: make_folder(tmp_path), lambda: require_place(tmp_path / "x")):
        with pytest.raises(OutputError, match="nothing can be written there"):
            check()


def test_a_device_is_a_place():
    require_place(Path(os.devnull))


def test_a_place_in_no_folder(tmp_path):
    with pytest.raises(OutputError, match="its folder does not exist"):
        require_place(tmp_path / "missing" / "x")
