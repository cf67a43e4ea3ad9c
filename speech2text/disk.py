"""Files that are whole or not there, and folders to put them in; what cannot be written is told in one line."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from speech2text.errors import OutputError


def is_file(path: Path) -> bool:
    """Whether there is a file: not where its name is longer than any, nor in a folder that may not be looked into."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises OSError for those


def is_pipe(path: Path) -> bool:
    """Whether it can be read once only: a pipe, or a device such as standard input by its path."""
    return os.path.exists(path) and not is_file(path) and not os.path.isdir(path)  # noqa: PTH110, PTH112 - as above


def without_links(path: Path) -> Path:
    """Where a path leads; a link that leads to itself stays as it is, where Path.resolve may raise RuntimeError."""
    return Path(os.path.realpath(path))


def as_utf8(text: str) -> bytes:
    """The text in UTF-8; what of a file's name is no UTF-8 is escaped, as in JSON and Python."""
    return text.encode(errors="backslashreplace")


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing, and see that files can be put in it.

    Raises:
        OutputError: there is a file of that name, no right or space to make it, or no right to write in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); name another folder") from None
    _require_rights(folder)


def require_place(file: Path) -> None:
    """See that a file can be written, before the work whose result it is to hold.

    Raises:
        OutputError: its folder is not there, or no files can be put in it, or it is a folder itself.
    """
    try:
        if file.is_dir():
            raise OutputError(f"{file}: cannot be written (it is a folder); move it away, or choose another name")
        if not file.parent.is_dir():
            raise OutputError(f"{file}: its folder does not exist; make it or choose another")
        if file.is_file() or not file.exists():  # a device is written to, not replaced
            _require_rights(without_links(file).parent)
    except OSError as error:
        raise OutputError(f"{file}: cannot be written ({error.strerror}); {_remedy(error)}") from None


def _require_rights(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: nothing can be written there; check its permissions, or name another folder")


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a text as UTF-8, or bytes; a file of that name is replaced when all is written, and is never half written.

    Raises:
        OutputError: no space, no permission, no such folder, or the path is a folder.
    """
    draft = path
    try:
        if path.is_file() or not path.exists():  # a device or a pipe cannot be replaced; a folder is refused below
            # a thread writes one file at a time, so the name is free; it is short, as the path's may be the longest
            draft = without_links(path).with_name(f".{os.getpid()}-{threading.get_ident()}.part")
        with draft.open("wb") as file:
            if draft != path and path.exists():
                shutil.copymode(path, draft)  # what only its owner may read stays so
            file.write(as_utf8(content) if isinstance(content, str) else content)
        if draft != path:
            draft.replace(without_links(path))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); {_remedy(error)}") from None
    finally:
        if draft != path:  # whatever stopped it, Ctrl-C too
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write objects as JSON, one a line, as `write_atomically` does."""
    write_atomically(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _remedy(error: OSError) -> str:
    remedies = {
        errno.ENOSPC: "free some space or write to another disk",
        errno.EDQUOT: "free some space or write to another disk",
        errno.EISDIR: "give the name of a file",
        errno.ENOENT: "make the folder first",
        errno.ENAMETOOLONG: "choose a shorter name",
    }
    return remedies.get(error.errno or 0, "check the permissions, or write to another folder")


def read_whole_lines(file: Path, *, mend: bool = False) -> list[str]:
    """The lines of a file that is added to line by line, without a last one that a stop has cut short.

    With `mend` that is taken out of the file, so that more can be added, or kept where it is a whole object of JSON and
    only its end is missing; a file that is still to come has no lines.
    """
    if mend and not file.is_file():
        return []
    content = file.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    rest = content[len(whole) :]
    if mend and rest and _is_json(rest):
        whole = content + b"\n"
        with file.open("ab") as ended:
            ended.write(b"\n")
    elif mend and rest:
        os.truncate(file, len(whole))
    return whole.decode("utf-8").split("\n")[:-1]


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
