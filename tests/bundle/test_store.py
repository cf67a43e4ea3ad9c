"""Finding, opening and writing bundles."""

import re
from pathlib import Path

import pytest

from speech2text.bundle import store
from speech2text.bundle.store import find_bundle, open_bundle
from speech2text.bundle.writer import check_destination, write_bundle
from speech2text.errors import BundleError, OutputError
from tests.tiny_bundle import tiny_files, tiny_manifest, write_tiny_bundle


@pytest.fixture
def folder(tmp_path):
    return write_tiny_bundle(tmp_path / "tiny").folder


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_what_was_written_is_what_opens(tmp_path):
    written = write_tiny_bundle(tmp_path / "new" / "tiny")
    assert open_bundle(tmp_path / "new" / "tiny") == written


def test_writing_replaces_a_bundle_and_leaves_nothing_else(folder):
    write_bundle(folder, tiny_manifest(), {**tiny_files(), "README.md": b"new"})
    assert (folder / "README.md").read_bytes() == b"new"
    assert [file.name for file in folder.parent.iterdir()] == [folder.name]


def test_writing_to_a_link_replaces_the_bundle_it_points_to(folder):
    link = folder.parent / "newest"
    link.symlink_to(folder.name)
    write_bundle(link, tiny_manifest(), {**tiny_files(), "README.md": b"new"})
    assert link.is_symlink()
    assert (folder / "README.md").read_bytes() == b"new"


def test_writing_spares_a_folder_of_other_things(tmp_path):
    (tmp_path / "thesis.txt").write_text("all I have")
    with pytest.raises(OutputError, match="is not a bundle"):
        write_tiny_bundle(tmp_path)
    assert contents(tmp_path) == {"thesis.txt": b"all I have"}


def test_writing_spares_a_folder_whose_manifest_is_of_something_else(tmp_path):
    before = {"manifest.json": b'{"name": "my web page"}', "thesis.txt": b"all I have"}
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(OutputError, match="is not a bundle"):
        write_tiny_bundle(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
def test_writing_spares_what_was_put_into_a_bundle(folder, make):
    make(folder / "notes")
    with pytest.raises(OutputError, match=r"'notes' in it is no part of the bundle; move that away"):
        write_tiny_bundle(folder)
    assert (folder / "notes").exists()
    assert open_bundle(folder)


def test_writing_replaces_a_damaged_bundle(folder):
    (folder / "listener.onnx").unlink()
    (folder / "manifest.json").write_text(
        '{"format": "speech2text-bundle", "files": {"pieces.json": {}, '
        '"speller.onnx": {}, "sample.flac": {}, "README.md": {}}}'
    )
    write_tiny_bundle(folder)
    assert open_bundle(folder)


def test_a_place_where_nothing_can_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/x: cannot be made \(Not a directory\)"):
        check_destination(tmp_path / "file" / "x")


def test_the_root_of_a_disk_is_no_place_for_a_bundle(tmp_path):
    root = tmp_path.anchor
    with pytest.raises(OutputError, match=rf"^{re.escape(root)}: .*; name a(nother| new)? folder"):
        check_destination(Path(root))


def test_the_folder_one_is_in_is_no_place_for_a_bundle(folder, monkeypatch):
    check_destination(folder)
    monkeypatch.chdir(folder)
    with pytest.raises(OutputError, match=r"^\.: cannot be replaced, being where you are or a disk; name a folder"):
        check_destination(Path())


def test_a_folder_that_may_not_be_looked_into_is_one_line(tmp_path):
    with pytest.raises(OutputError, match=r"cannot be looked into \(File name too long\)"):
        check_destination(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("failure", "seen"), [(OSError(5, "I/O error"), OutputError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_a_bundle_that_cannot_be_replaced_stays(folder, monkeypatch, failure, seen):
    before = contents(folder)
    rename = Path.rename

    def fail_for_the_new(path, target):
        if path.name == "fresh":
            raise failure
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(seen):
        write_bundle(folder, tiny_manifest(), {**tiny_files(), "README.md": b"new"})
    assert contents(folder) == before
    assert [each.name for each in folder.parent.iterdir()] == [folder.name]


def test_writing_needs_the_files_that_every_bundle_has(tmp_path):
    with pytest.raises(BundleError, match=r"'listener\.onnx' is missing"):
        write_bundle(tmp_path / "tiny", tiny_manifest(), {"README.md": b""})


@pytest.mark.parametrize("name", sorted(tiny_files()))
def test_a_changed_byte_in_any_file_is_noticed(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BundleError, match=rf"{name} was changed"):
        open_bundle(folder)


def test_a_shortened_file_is_noticed(folder):
    (folder / "listener.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match=r"listener\.onnx has 0 bytes instead of"):
        open_bundle(folder)


def test_a_missing_file_is_noticed(folder):
    (folder / "pieces.json").unlink()
    with pytest.raises(BundleError, match=r"pieces\.json cannot be read"):
        open_bundle(folder)


@pytest.mark.parametrize("name", [None, "default", Path("default")])
def test_the_default_is_the_bundle_in_the_package(name, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "DEFAULT_FOLDER", folder)
    assert find_bundle(name) == folder
    monkeypatch.setattr(store, "DEFAULT_FOLDER", tmp_path / "absent")
    with pytest.raises(BundleError, match="no default model; reinstall speech2text, or name the folder"):
        find_bundle(name)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text("x")])
def test_what_is_no_bundle_is_refused(tmp_path, make):
    make(tmp_path / "thing")
    with pytest.raises(BundleError, match="bundle"):
        find_bundle(tmp_path / "thing")


def test_a_manifest_that_is_no_text_is_refused(folder):
    (folder / "manifest.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BundleError, match=r"manifest\.json cannot be read"):
        open_bundle(folder)
