"""Writes a bundle's folder with the hash of every file in its manifest."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from speech2text.bundle.manifest import MANIFEST_NAME, FileRecord, Manifest
from speech2text.bundle.store import Bundle
from speech2text.errors import OutputError


def write_bundle(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Bundle:
    """Write `files` and the manifest, with their hashes filled in, as a bundle that appears whole or not at all.

    An older bundle in `folder` is replaced; any other folder that is not empty is refused.

    Raises:
        BundleError: the manifest is not valid together with these files.
        OutputError: the folder holds something else, or cannot be written.
    """
    records = {name: FileRecord(hashlib.sha256(content).hexdigest(), len(content)) for name, content in files.items()}
    manifest = replace(manifest, files=records)
    manifest.validate()
    if folder.exists() and not (folder / MANIFEST_NAME).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: exists and is not a bundle; name a new folder")
    try:
        _write_folder(folder, {**files, MANIFEST_NAME: manifest.to_json().encode()})
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror}); free space or name another folder"
        ) from None
    return Bundle(folder, manifest, files)


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        fresh = Path(temporary, "fresh")
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        if folder.exists():
            folder.rename(Path(temporary, "old"))
        fresh.rename(folder)
        shutil.rmtree(Path(temporary, "old"), ignore_errors=True)
