"""Writes a bundle's folder with the hash of every file in its manifest."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from speech2text.bundle.manifest import FORMAT, MANIFEST_NAME, FileRecord, Manifest
from speech2text.bundle.store import Bundle
from speech2text.disk import as_utf8
from speech2text.errors import OutputError


def write_bundle(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Bundle:
    """Write `files` and the manifest, with their hashes filled in, as a bundle that appears whole or not at all.

    An older bundle in `folder` is replaced; see `check_destination`.

    Raises:
        BundleError: the manifest is not valid together with these files.
        OutputError: the folder holds something else, or cannot be written; what stood there stays.
    """
    records = {name: FileRecord(hashlib.sha256(content).hexdigest(), len(content)) for name, content in files.items()}
    manifest = replace(manifest, files=records)
    manifest.validate()
    check_destination(folder)
    try:
        _write_folder(folder, {**files, MANIFEST_NAME: as_utf8(manifest.to_json())})
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror}); free space or name another folder"
        ) from None
    return Bundle(folder, manifest, files)


def check_destination(folder: Path) -> None:
    """Make sure that a bundle may be written to `folder`: it is not there, or empty, or a bundle and nothing else.

    Raises:
        OutputError: something would be lost, or the folder cannot be looked into or written.
    """
    try:
        parents = Path(os.path.realpath(folder)).parents  # none of a disk's root
        above = next((parent for parent in parents if parent.exists()), folder)
        with tempfile.TemporaryDirectory(dir=above):  # a bundle is made beside its place
            pass
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); name another folder") from None
    try:
        if not folder.exists():
            return
        if not folder.is_dir():
            raise OutputError(f"{folder}: exists and is not a bundle; name a new folder")
        if not os.access(folder, os.W_OK):
            raise OutputError(f"{folder}: may not be replaced; check its permissions, or name another folder")
        if folder.samefile(Path.cwd()) or os.path.ismount(folder):
            raise OutputError(f"{folder}: cannot be replaced, being where you are or a disk; name a folder inside it")
        entries = sorted(folder.iterdir())
        own = _own_names(folder) if entries else set()
        strangers = [entry.name for entry in entries if entry.name not in own or not entry.is_file()]
    except OSError as error:
        raise OutputError(f"{folder}: cannot be looked into ({error.strerror}); name another folder") from None
    if entries and not own:
        raise OutputError(f"{folder}: exists and is not a bundle; name a new folder")
    if strangers:
        raise OutputError(
            f"{folder}: would be replaced, and {strangers[0]!r} in it is no part of the bundle; "
            "move that away or name a new folder"
        )


def _own_names(folder: Path) -> set[str]:
    """The names of a bundle's files, of any version and however damaged they are; none for what is no bundle."""
    try:
        manifest = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, ValueError):  # JSON and UTF-8 errors are ValueErrors
        return set()
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        return set()
    files = manifest.get("files")
    return {MANIFEST_NAME, *(files if isinstance(files, dict) else ())}


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    folder = Path(os.path.realpath(folder))  # a link stays, and what it points to is replaced
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bundle-", ignore_cleanup_errors=True) as temporary:
        fresh, old = Path(temporary, "fresh"), Path(temporary, "old")
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        try:
            if folder.exists():
                folder.rename(old)
            fresh.rename(folder)
        except BaseException:  # Ctrl-C as well: the old bundle must not go with the temporary folder
            if old.exists() and not folder.exists():
                old.rename(folder)
            raise
