"""Make the manifests of AN4: `python recipes/an4/prepare.py SOURCE OUT`.

SOURCE is one of
  - the original archive, an4_sphere.tar.gz or an4_raw.bigendian.tar.gz, or a folder that holds one of them;
  - the folder it unpacks to (`an4`), or the folder around that;
  - a folder with en_train.jsonl, en_dev.jsonl and en_test.jsonl, in which AN4 is the rows of corpus "an4".

OUT receives four manifests, with the same utterances from every source:
  train.jsonl  the official 948 training utterances
  fit.jsonl    those of them to train on while choosing
  dev.jsonl    the others, of eight speakers whom fit.jsonl does not have, to choose by
  test.jsonl   the official 130 test utterances

Sound that soundfile can read where it lies is not copied: the manifests have its absolute path. What comes out of an
archive, and headerless .raw sound (written as FLAC), goes to OUT/an4 and is named relative to OUT.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np
import soundfile

from speech2text.audio.utterances import Utterance, read_utterances
from speech2text.disk import make_folder, write_atomically, write_rows
from speech2text.errors import ManifestError, Speech2TextError

ARCHIVES = ("an4_sphere.tar.gz", "an4_raw.bigendian.tar.gz")
OFFICIAL_SIZES = {"train": 948, "test": 130}
DEV_SPEAKERS = frozenset({"an4-" + name for name in ("fjam", "fmjc", "mbmg", "mewl", "mjdr", "mmtm", "msmn", "mtcv")})
"""Two women and six men of the official training set: 99 utterances, about the tenth part of it."""
RAW_RATE = 16_000
TRANSCRIPT = re.compile(r"(?:<s>)?(?P<text>.*?)(?:</s>)?\s*\((?P<id>[^\s()]+)\)")


def prepare(source: Path, out: Path) -> None:
    """Write train, fit, dev and test manifests of AN4 into the folder `out`, in the order of the ids.

    Raises:
        ManifestError: `source` is nothing that is known, a file of it is missing or damaged, or a set is not complete.
        OutputError: `out` cannot be written.
    """
    sets = _read_source(source, out)
    for name, expected in OFFICIAL_SIZES.items():
        if len(sets[name]) != expected:
            raise ManifestError(
                f"{source}: AN4's {name} set has {expected} utterances, but {len(sets[name])} are here; "
                f"take the whole archive, {ARCHIVES[0]}"
            )
    sets["fit"] = [utterance for utterance in sets["train"] if utterance.speaker not in DEV_SPEAKERS]
    sets["dev"] = [utterance for utterance in sets["train"] if utterance.speaker in DEV_SPEAKERS]
    make_folder(out)
    for name, utterances in sets.items():
        rows = (_to_row(utterance, out) for utterance in sorted(utterances, key=lambda utterance: utterance.id))
        write_rows(out / f"{name}.jsonl", rows)


def _read_source(source: Path, out: Path) -> dict[str, list[Utterance]]:
    """The official train and test sets."""
    if (source / "en_train.jsonl").is_file():
        return _read_manifests(source)
    archives = [source, *(source / name for name in ARCHIVES)]
    archive = next((path for path in archives if path.is_file()), None)
    if archive:
        _unpack(archive, out)
        folders = [out / "an4"]
    else:
        folders = [source, source / "an4"]
    for folder in folders:
        if (folder / "etc" / "an4_train.transcription").is_file():
            return {name: _read_layout(folder, name, out) for name in OFFICIAL_SIZES}
    raise ManifestError(
        f"{source}: no AN4 found; give {' or '.join(ARCHIVES)}, the folder an4 that it unpacks to, "
        "or a folder with en_train.jsonl, en_dev.jsonl and en_test.jsonl"
    )


def _read_manifests(folder: Path) -> dict[str, list[Utterance]]:
    files = {"train": ("en_train.jsonl", "en_dev.jsonl"), "test": ("en_test.jsonl",)}
    return {
        name: [row for file in names for row in read_utterances(folder / file) if row.corpus == "an4"]
        for name, names in files.items()
    }


def _read_layout(folder: Path, name: str, out: Path) -> list[Utterance]:
    """One official set of the unpacked archive: etc has the list of its files (.fileids) and what is said in them."""
    texts = _read_transcription(folder / "etc" / f"an4_{name}.transcription")
    fileids = folder / "etc" / f"an4_{name}.fileids"
    utterances = []
    for line in _read_text(fileids).split():
        file = PurePosixPath(line)
        if file.name not in texts:
            raise ManifestError(f"{fileids}: {file.name} has no line in an4_{name}.transcription; unpack it again")
        audio = _find_audio(folder, file, out)
        utterances.append(
            Utterance(
                id=f"an4-{file.name}",
                audio=audio,
                text=texts[file.name],
                speaker=f"an4-{file.parent.name}",
                corpus="an4",
                duration=_measure(audio),
                language="en",
            )
        )
    return utterances


def _read_transcription(path: Path) -> dict[str, str]:
    """Lower-case text by utterance, from lines such as `<s> YES </s> (an251-fash-b)`."""
    texts = {}
    for number, line in enumerate(_read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        match = TRANSCRIPT.fullmatch(line.strip())
        if not match:
            raise ManifestError(f"{path}:{number}: {line.strip()!r} does not end in an utterance's id in brackets")
        texts[match["id"]] = " ".join(match["text"].lower().split())
    return texts


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: cannot be read ({error}); unpack the archive again") from None


def _find_audio(folder: Path, file: PurePosixPath, out: Path) -> Path:
    """The sound of an entry of fileids, where soundfile can read it."""
    stem = folder / "wav" / file
    for suffix in (".sph", ".flac"):
        if (path := stem.with_name(file.name + suffix)).is_file():
            return path
    raw = stem.with_name(file.name + ".raw")
    if not raw.is_file():
        raise ManifestError(f"{stem}: neither a .sph nor a .raw file is there; unpack the archive again")
    flac = out / "an4" / "wav" / f"{file}.flac"
    if not flac.exists():
        make_folder(flac.parent)
        write_atomically(flac, _encode_flac(raw.read_bytes(), str(raw)))
    return flac


def _measure(audio: Path) -> float:
    """Seconds."""
    try:
        return round(float(soundfile.info(audio).duration), 3)
    except soundfile.LibsndfileError as error:
        raise ManifestError(f"{audio}: not readable as sound ({error.error_string}); unpack it again") from None


def _unpack(archive: Path, out: Path) -> None:
    """Bring an4/etc and an4/wav of the archive to out/an4, .raw sound as FLAC; sound already there is kept."""
    if "littleendian" in archive.name:
        raise ManifestError(f"{archive}: its byte order is not supported; take {' or '.join(ARCHIVES)}")
    try:
        with tarfile.open(archive) as members:
            for member in members:
                target = _choose_target(member, out)
                content = members.extractfile(member) if target and not target.exists() else None
                if target and content:
                    data = content.read()
                    make_folder(target.parent)
                    sound = _encode_flac(data, member.name) if member.name.endswith(".raw") else data
                    write_atomically(target, sound)
    except (tarfile.TarError, zlib.error, EOFError, OSError):
        raise ManifestError(f"{archive}: damaged, not readable, or no tar archive; download it again") from None


def _choose_target(member: tarfile.TarInfo, out: Path) -> Path | None:
    """Where a member goes; None for what is not needed, and for names that would lead out of the folder."""
    parts = PurePosixPath(member.name).parts
    if not member.isfile() or ".." in parts or "an4" not in parts:
        return None
    inside = PurePosixPath(*parts[parts.index("an4") :])
    if inside.suffix == ".raw":
        inside = inside.with_suffix(".flac")
    return out / inside if inside.suffix in {".flac", ".sph", ".transcription", ".fileids"} else None


def _encode_flac(raw: bytes, name: str) -> bytes:
    """FLAC of headerless sound: 16-bit big-endian integers, 16 kHz, mono."""
    if len(raw) % 2:
        raise ManifestError(f"{name}: {len(raw)} bytes are no 16-bit samples; unpack the archive again")
    samples = np.frombuffer(raw, dtype=">i2").astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RAW_RATE, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _to_row(utterance: Utterance, out: Path) -> dict[str, str | float | None]:
    audio, home = utterance.audio.resolve(), out.resolve()
    return {
        "id": utterance.id,
        "audio": (audio.relative_to(home) if audio.is_relative_to(home) else audio).as_posix(),
        "text": utterance.text,
        "speaker": utterance.speaker,
        "corpus": utterance.corpus,
        "duration": utterance.duration,
        "lang": utterance.language,
    }


def main(arguments: Iterable[str] | None = None) -> int:
    """Run as a command: 0, 1 after an error message on standard error, or 130 where it was interrupted."""
    parser = argparse.ArgumentParser(description="Make the manifests of AN4.")
    parser.add_argument("source", type=Path, help="the archive, its folder, or a folder with en_train.jsonl")
    parser.add_argument("out", type=Path, help="the folder for train, fit, dev and test.jsonl")
    options = parser.parse_args(None if arguments is None else list(arguments))
    try:
        prepare(options.source, options.out)
    except Speech2TextError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"wrote train, fit, dev and test.jsonl to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
