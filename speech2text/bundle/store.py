"""Bundles on disk: find one by name, and open it with every hash verified."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from speech2text.bundle.manifest import MANIFEST_NAME, FileRecord, Manifest
from speech2text.errors import BundleError

DEFAULT_NAME = "default"
DEFAULT_FOLDER = Path(__file__).parent.parent / "default_bundle"


@dataclass(frozen=True)
class Bundle:
    """An opened bundle. `files` are the very bytes that were verified, so nothing can change between check and use."""

    folder: Path
    manifest: Manifest
    files: Mapping[str, bytes]


def find_bundle(name_or_path: str | os.PathLike[str] | None = None) -> Path:
    """The folder of a bundle: None or "default" is the one inside the package, anything else is a folder's path.

    Raises:
        BundleError: there is no such folder, or no manifest in it.
    """
    if name_or_path is None or os.fspath(name_or_path) == DEFAULT_NAME:
        if not (DEFAULT_FOLDER / MANIFEST_NAME).is_file():
            raise BundleError(
                "this installation has no default model; reinstall speech2text, or name the folder of a bundle"
            )
        return DEFAULT_FOLDER
    if not os.fspath(name_or_path):
        raise BundleError(f"no name of a bundle; give {DEFAULT_NAME!r} or the folder that `speech2text export` wrote")
    folder = Path(name_or_path)
    try:
        exists, has_manifest = folder.exists(), (folder / MANIFEST_NAME).is_file()
    except PermissionError as error:
        raise BundleError(f"{folder}: cannot be looked into ({error.strerror}); check its permissions") from None
    except (OSError, ValueError):  # a name longer than any file's, or with a NUL
        exists = False
    if not exists:
        raise BundleError(
            f"{folder}: no such bundle; give {DEFAULT_NAME!r} or the folder that `speech2text export` wrote"
        )
    if not has_manifest:
        raise BundleError(f"{folder}: not a bundle, since it has no {MANIFEST_NAME}; give the folder of a bundle")
    return folder


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle's folder; no other file is looked at.

    Raises:
        BundleError: it cannot be read or is wrong; the message names the folder.
    """
    try:
        return Manifest.from_json((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{folder}: {MANIFEST_NAME} cannot be read ({error})") from None
    except BundleError as error:
        raise BundleError(f"{folder}: {error}") from None


def read_verified(folder: Path, name: str, record: FileRecord) -> bytes:
    """The bytes of one file of a bundle, which are as the manifest says.

    Raises:
        BundleError: the file is missing or differs.
    """
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise BundleError(f"{folder}: {name} cannot be read ({error.strerror}); copy the whole bundle again") from None
    if len(content) != record.bytes:
        raise BundleError(
            f"{folder}: {name} has {len(content)} bytes instead of {record.bytes}; copy the whole bundle again"
        )
    if hashlib.sha256(content).hexdigest() != record.sha256:
        raise BundleError(
            f"{folder}: {name} was changed after the export (its hash differs); copy the whole bundle again"
        )
    return content


def open_bundle(folder: Path) -> Bundle:
    """Read a bundle and verify all of its files.

    Raises:
        BundleError: no bundle, a format that is too new, or a file that is missing or differs from its hash.
    """
    manifest = read_manifest(folder)
    files = {name: read_verified(folder, name, record) for name, record in manifest.files.items()}
    return Bundle(folder, manifest, files)
