"""Recordings with their texts: JSON-lines manifests and folders of audio with a .txt beside each file."""

from __future__ import annotations

import difflib
import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speech2text.disk import as_utf8, is_file, is_pipe
from speech2text.errors import AudioWarning, ManifestError

AUDIO_SUFFIXES = (
    ".wav",
    ".wave",
    ".flac",
    ".mp3",
    ".ogg",
    ".opus",
    ".oga",
    ".aiff",
    ".aif",
    ".aifc",
    ".au",
    ".snd",
    ".caf",
    ".w64",
    ".rf64",
    ".sph",
    ".nist",
)
FOREIGN_SUFFIXES = (".m4a", ".mp4", ".aac", ".webm", ".weba", ".wma", ".amr", ".3gp", ".mkv", ".mov")
"""Of recordings that libsndfile cannot read."""


@dataclass(frozen=True)
class Utterance:
    """One recording and what is said in it, as its author wrote it; `duration` in seconds, None where unknown.

    `row` is all that its manifest says of it, further columns too; empty where there is no manifest.
    """

    id: str
    audio: Path
    text: str
    speaker: str = ""
    corpus: str = ""
    duration: float | None = None
    language: str = ""
    row: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


def is_audio(file: Path) -> bool:
    """Whether a file found in a folder is meant as a recording, by its name."""
    # hidden files: macOS leaves a "._talk.wav" that holds no sound beside each file on foreign disks
    return file.suffix.lower() in AUDIO_SUFFIXES and not file.name.startswith(".") and is_file(file)


def find_audio(folder: Path) -> list[Path]:
    """The recordings in a folder and those below it, in order; not those of hidden folders: they hold what was deleted.

    Links to folders are followed, but none is looked into twice.

    Warns:
        AudioWarning: there are some of a kind that cannot be read, in a folder that may not be looked into, or linked
            and no longer there.

    Raises:
        OSError: the folder itself may not be looked into.
    """
    files = [file for file in _walk(folder) if not file.name.startswith(".")]
    if foreign := sorted(file for file in files if file.suffix.lower() in FOREIGN_SUFFIXES and is_file(file)):
        rest = f"{len(foreign)} of its recordings are of a kind that cannot be read, as {foreign[0].name}"
        warnings.warn(f"{folder}: {rest}; convert them to WAV, with ffmpeg for example", AudioWarning, stacklevel=2)
    recordings = [file for file in files if file.suffix.lower() in AUDIO_SUFFIXES]
    if broken := sorted(file for file in recordings if file.is_symlink() and not is_file(file)):
        rest = f"{len(broken)} of its recordings are links to files that are not there, as {broken[0].name}"
        warnings.warn(f"{folder}: {rest}; link them anew, or connect their disk", AudioWarning, stacklevel=2)
    return sorted(filter(is_audio, recordings))


def _walk(folder: Path) -> Iterator[Path]:
    """The files in a folder and those below it that are not hidden, once each, whatever links lead to them."""

    def tell(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise error
        problem = f"{error.filename}: cannot be looked into ({error.strerror}), its recordings are left out"
        warnings.warn(f"{problem}; check its permissions", AudioWarning, stacklevel=2)

    seen = set()
    pending = [folder]
    for start in pending:  # grows by links to folders: a file's own path comes before one through links
        for inner, folders, names in os.walk(start, onerror=tell):
            true_folder = os.path.realpath(inner)
            if true_folder in seen:
                folders.clear()
                continue
            seen.add(true_folder)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            pending += [linked for name in folders if (linked := Path(inner, name)).is_symlink()]
            yield from (Path(inner, name) for name in names)


def set_name(path: Path) -> str:
    """What figures of a manifest or a folder are called: its name, without the suffix of a file."""
    return path.resolve().name if path.is_dir() else path.stem


def read_utterances(path: Path, with_texts: bool = True) -> list[Utterance]:
    """The utterances of a manifest (.jsonl), or of a folder that has a .txt beside each audio file.

    Without texts, as for recordings of noise, rows need no `text`, files no .txt, and every text is empty.

    Raises:
        ManifestError: nothing there or not readable, a text that is not UTF-8 or that two recordings of a folder share,
            a row without `audio` or `text`, or an id that stands twice.
    """
    try:
        if path.is_dir():
            return _read_folder(path, with_texts)
        if is_audio(path):
            raise ManifestError(f"{path}: a recording; give the folder it is in, or a manifest that names it")
        if path.is_file():
            return _read_manifest(path, with_texts)
    except OSError as error:
        where = error.filename or path
        raise ManifestError(f"{where}: cannot be read ({error.strerror}); check its name and permissions") from None
    if is_pipe(path):
        raise ManifestError(f"{path}: a pipe; save what comes out of it as a .jsonl file and give that")
    raise ManifestError(f"{path}: no such manifest or folder; give a .jsonl file or a folder of audio with texts")


def _read_manifest(path: Path, with_texts: bool) -> list[Utterance]:
    utterances: dict[str, Utterance] = {}
    # not splitlines: the texts within may hold U+2028 and others that it cuts at
    lines = _read_text(path, "a manifest is one JSON object a line, in UTF-8").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        utterance = _parse_row(path, number, line, with_texts)
        if utterance.id in utterances:
            raise ManifestError(f"{path}:{number}: the id {utterance.id!r} stands twice; ids must be unique")
        utterances[utterance.id] = utterance
    if not utterances:
        raise ManifestError(f"{path}: no utterance in it; a manifest is one JSON object a line")
    return list(utterances.values())


def _parse_row(path: Path, number: int, line: str, with_texts: bool) -> Utterance:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        reason = getattr(error, "msg", error)
        raise ManifestError(f"{path}:{number}: not JSON ({reason}); a manifest is one JSON object a line") from None
    if not isinstance(row, dict):
        raise ManifestError(f'{path}:{number}: not a JSON object; write {{"audio": …, "text": …}}')
    for key in ("audio", "text") if with_texts else ("audio",):
        if not isinstance(row.get(key), str):
            near = difflib.get_close_matches(key, row, n=1)
            hint = f"; is it {near[0]!r}?" if near and near[0] != key else ""
            raise ManifestError(f"{path}:{number}: {key!r} is missing or no text{hint}")
    if not _names_a_file(row["audio"]):
        raise ManifestError(f"{path}:{number}: 'audio' is no name of a file: {row['audio']!r}")
    duration = row.get("duration")
    if duration is not None and not _is_duration(duration):
        raise ManifestError(f"{path}:{number}: 'duration' must be a number of seconds, not {duration!r}")
    return Utterance(
        id=_label(row, "id") or row["audio"],
        audio=path.parent / row["audio"],
        text=row["text"] if with_texts else "",
        speaker=_label(row, "speaker"),
        corpus=_label(row, "corpus"),
        duration=duration,
        language=_label(row, "lang"),
        row=row,
    )


def _names_a_file(name: str) -> bool:
    try:
        return bool(name) and b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= sys.float_info.max


def _label(row: dict[str, Any], key: str) -> str:
    """The text of a key, as it can be printed; 0 is a label as good as any."""
    value = row.get(key)
    return "" if value is None else as_utf8(str(value)).decode()


def _read_folder(folder: Path, with_texts: bool) -> list[Utterance]:
    files = find_audio(folder)
    if not files:
        raise ManifestError(f"{folder}: no audio file in it; looked for {' '.join(AUDIO_SUFFIXES)}")
    if not with_texts:
        return [Utterance(id=file.relative_to(folder).as_posix(), audio=file, text="") for file in files]
    transcribed = [file for file in files if file.with_suffix(".txt").is_file()]
    if not transcribed:
        raise ManifestError(
            f"{folder}: none of its {len(files)} audio files has a text; put {files[0].stem}.txt beside {files[0].name}"
        )
    owners: dict[Path, Path] = {}
    for file in transcribed:
        if (owner := owners.setdefault(file.with_suffix(".txt"), file)) != file:
            raise ManifestError(f"{file}: shares {file.stem}.txt with {owner.name}; rename one of the recordings")
    if len(transcribed) < len(files):
        first = next(file for file in files if not file.with_suffix(".txt").is_file())
        found = f"{len(files) - len(transcribed)} of {len(files)} audio files have no text and are left out"
        warnings.warn(f"{folder}: {found}; the first needs {first.stem}.txt", AudioWarning, stacklevel=2)
    return [
        Utterance(
            id=file.relative_to(folder).as_posix(),
            audio=file,
            text=" ".join(_read_text(file.with_suffix(".txt"), "save it as UTF-8").split()),
        )
        for file in transcribed
    ]


def _read_text(path: Path, remedy: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors put a byte order mark first
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: no text in UTF-8 ({error.reason}); {remedy}") from None
