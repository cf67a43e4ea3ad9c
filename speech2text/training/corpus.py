"""The recordings of a run: found, split, and decoded once to 16-bit samples on disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import compress, groupby, islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech2text.audio.files import SAMPLE_RATE, probe, read_audio
from speech2text.audio.pcm import PCM_SCALE, encode_pcm
from speech2text.audio.utterances import Utterance, read_utterances
from speech2text.disk import is_file, write_atomically
from speech2text.errors import AudioError, AudioWarning, OutputError, damage_raised
from speech2text.text.normalization import normalize
from speech2text.training import layout
from speech2text.training.holding_out import draw, hold_out
from speech2text.training.recipe import DataSettings

DECODED_AHEAD = 2
"""Recordings for each processor that are held in memory at once: those of noise may take an hour each."""

OnDecoded = Callable[[int, int], None]
"""Called with (done, total)."""


@dataclass(frozen=True)
class Corpus:
    """Utterances with their samples in one file, and a hash of these; `left_out` says why others cannot be used."""

    utterances: tuple[Utterance, ...]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    pcm: NDArray[np.int16]
    left_out: tuple[str, ...] = ()
    sha256: str = ""

    def __len__(self) -> int:
        return len(self.utterances)

    def samples(self, index: int) -> NDArray[np.float32]:
        """The samples (N,) of an utterance in -1..1 at 16 kHz."""
        start = self.starts[index]
        return _to_float(self.pcm[start : start + self.lengths[index]])

    def cycle(self, index: int, begin: int, length: int) -> NDArray[np.float32]:
        """Samples (length,) of an utterance from `begin` on, which starts again where it ends."""
        return _to_float(self.pcm[self.starts[index] + (begin + np.arange(length)) % self.lengths[index]])

    def moved(self, old: Path, new: Path) -> Corpus:
        """The corpus after its recordings in the folder `old` have come to stand in `new`."""
        utterances = (
            replace(each, audio=new / each.audio.relative_to(old)) if each.audio.is_relative_to(old) else each
            for each in self.utterances
        )
        return replace(self, utterances=tuple(utterances))

    @property
    def seconds(self) -> float:
        """How long all recordings are together."""
        return float(self.lengths.sum()) / SAMPLE_RATE


def _to_float(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    return pcm.astype(np.float32) / PCM_SCALE


def find_utterances(data: Path, settings: DataSettings, language: str = "") -> tuple[list[Utterance], list[Utterance]]:
    """The training and the dev utterances of a data folder or manifest, with normalised texts.

    A recording of dev is not trained on, whatever rows of training name it, unless there is no other.

    Args:
        data: a folder that has what the settings name, or a manifest that it stands beside.
        settings: of the recipe.
        language: of the texts whose manifest names none, as a folder never does.

    Raises:
        ManifestError: something named is not there or cannot be used.

    Warns:
        AudioWarning: recordings without a word, or that are both to be trained on and measured.
    """
    train = _read_all(data, settings.train, language)
    if settings.dev:
        dev = _read_all(data, settings.dev, language)
    else:
        train, dev = split_by_speaker(train, settings.dev_share)
    return _without(train, dev, data), dev


def _without(train: list[Utterance], dev: list[Utterance], data: Path) -> list[Utterance]:
    """Those of train whose recording is none of dev's; all of them where that would leave none."""
    if not dev:
        return train
    measured = {_file_of(utterance) for utterance in dev}
    others = [utterance for utterance in train if _file_of(utterance) not in measured]
    if train and not others:
        problem = "every recording of train is one of dev too; its error rate tells nothing of other recordings"
    elif len(others) < len(train):
        problem = f"{len(train) - len(others)} recordings of train are of dev too, and are not trained on"
    else:
        return train
    warnings.warn(f"{data}: {problem}", AudioWarning, stacklevel=2)
    return others or train


def _file_of(utterance: Utterance) -> str:
    """The same for whatever path leads to the recording."""
    return os.path.realpath(utterance.audio)


def split_by_speaker(utterances: Sequence[Utterance], share: float) -> tuple[list[Utterance], list[Utterance]]:
    """Hold out about `share` of the speakers, the same on every machine.

    Where the share is less than one speaker, recordings are held out instead, with all rows that name them. Unless it
    is 0 or there is nothing to choose from, neither part is empty.
    """
    several = share * len({utterance.speaker for utterance in utterances}) >= 1
    files = [_file_of(utterance) for utterance in utterances]
    ids: dict[str, str] = {}  # of each recording the least of its rows, so that their order does not matter
    for file, utterance in zip(files, utterances, strict=True):
        ids[file] = min(utterance.id, ids.get(file, utterance.id))
    names = [(several and utterance.speaker) or ids[file] for file, utterance in zip(files, utterances, strict=True)]
    held_out = hold_out(np.array([draw(name, size=4) for name in names]), share)
    return list(compress(utterances, ~held_out)), list(compress(utterances, held_out))


def place_of(name: str, data: Path) -> Path:
    """What a recipe names: in the folder of the data, or beside their manifest; "." is the data themselves."""
    return data if name == "." else (data.parent if is_file(data) else data) / name


def _read_all(data: Path, names: Iterable[str], language: str) -> list[Utterance]:
    """Utterances with normalised texts; those without a word are left out, and how many is told."""
    found = [utterance for name in names for utterance in read_utterances(place_of(name, data))]
    normalised = [replace(each, text=normalize(each.text, each.language or language)) for each in found]
    spoken = [utterance for utterance in normalised if utterance.text]
    if len(spoken) < len(found):
        first = next(utterance for utterance in normalised if not utterance.text)
        count = f"{len(found) - len(spoken)} of {len(found)} recordings have a text without a word"
        warnings.warn(f"{data}: {count} and are left out, the first is {first.id}", AudioWarning, stacklevel=2)
    return spoken


def load_corpus(
    utterances: Sequence[Utterance],
    cache: Path,
    longest_seconds: float,
    on_progress: OnDecoded | None = None,
    *,
    prepared: Path | None = None,
    draft: Path | None = None,
) -> Corpus:
    """Decode recordings to the files `cache`.pcm and .json, or take them from there if that was done before.

    Where `draft` is given they are decoded to that instead, and the cache stays as it is.

    Recordings that are empty, longer than `longest_seconds`, cut short or unreadable are left out; the .json says which
    and why. A corpus of which nothing is usable is empty. Those in the folder `prepared` are known by their content,
    since they are made anew each time, others by size and time of change.

    Raises:
        OutputError: the cache cannot be written.
    """
    key = _fingerprint(utterances, longest_seconds, prepared)
    index = _read_index(cache, key)
    if index is None:
        cache = draft or cache
        index = _decode(utterances, cache, key, longest_seconds, on_progress)
    lengths = np.array(index["lengths"], np.int64)  # 0 where left out
    used = lengths > 0
    pcm_file = cache.with_suffix(".pcm")
    return Corpus(
        utterances=tuple(utterance for utterance, use in zip(utterances, used, strict=True) if use),
        starts=(np.cumsum(lengths) - lengths)[used],
        lengths=lengths[used],
        pcm=np.memmap(pcm_file, np.int16, mode="r") if used.any() else np.empty(0, np.int16),
        left_out=tuple(index["left_out"]),
        sha256=index["sha256"],
    )


def find_example(run: Path) -> NDArray[np.float32] | None:
    """The samples (N,) at 16 kHz of the first usable dev recording of a run, else of its training recordings.

    None when the run's cache was deleted, or is damaged.
    """
    for cache in (run / layout.CACHE / "dev", run / layout.CACHE / "train"):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            lengths = json.loads(cache.with_suffix(".json").read_text(encoding="utf-8"))["lengths"]
            first = next((length for length in lengths if length), 0)  # those left out have no samples
            if first:
                return _to_float(np.fromfile(cache.with_suffix(".pcm"), np.int16, first))
    return None


def _fingerprint(utterances: Sequence[Utterance], longest_seconds: float, prepared: Path | None) -> str:
    """What a cache is made from: the files and the limit."""

    @lru_cache(maxsize=1)  # a recording that is heard several times in an epoch stands in following rows
    def version(file: Path) -> tuple[object, ...]:
        if not is_file(file):
            return (str(file),)
        if prepared and file.is_relative_to(prepared):
            return str(file.relative_to(prepared)), hashlib.sha256(file.read_bytes()).hexdigest()
        return str(file), file.stat().st_size, file.stat().st_mtime_ns

    rows = [version(utterance.audio) for utterance in utterances]
    return hashlib.sha256(json.dumps([rows, longest_seconds]).encode()).hexdigest()


def _read_index(cache: Path, key: str) -> dict[str, Any] | None:
    """What a cache says of itself; None unless it was made for this key and is whole, by this version."""
    try:
        index: dict[str, Any] = json.loads(cache.with_suffix(".json").read_text(encoding="utf-8"))
        samples = cache.with_suffix(".pcm").stat().st_size / np.dtype(np.int16).itemsize
        whole = (index["key"], sum(index["lengths"])) == (key, samples) and "sha256" in index
        return index if whole else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _decode(
    utterances: Sequence[Utterance],
    cache: Path,
    key: str,
    longest_seconds: float,
    on_progress: OnDecoded | None,
) -> dict[str, Any]:
    """Make the files of a cache; what its .json says."""
    lengths: list[int] = []
    left_out: list[str] = []
    digest = hashlib.sha256()
    index_file, pcm_file, draft = cache.with_suffix(".json"), cache.with_suffix(".pcm"), cache.with_suffix(".draft")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        index_file.unlink(missing_ok=True)  # what it says is true of the old samples only
        with draft.open("wb") as pcm, damage_raised():  # of what is cut short the text says more than is heard
            for samples, reason in _decoded(utterances, longest_seconds):
                content = samples.tobytes()
                pcm.write(content)
                digest.update(content)
                lengths.append(len(samples))
                if reason:
                    left_out.append(reason)
                if on_progress:
                    on_progress(len(lengths), len(utterances))
        draft.replace(pcm_file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OutputError(f"{cache}: cannot be written ({error.strerror}); free space or name another --run") from None
    index = {"key": key, "sha256": digest.hexdigest(), "lengths": lengths, "left_out": left_out}
    write_atomically(index_file, json.dumps(index, indent=1))
    return index


def _decoded(utterances: Sequence[Utterance], longest_seconds: float) -> Iterator[tuple[NDArray[np.int16], str]]:
    """The samples of each recording in order, and why there are none where there are none; on all processors."""
    processors = os.cpu_count() or 1
    # recipes name a recording several times, one after the other, to have it heard more often
    files = ((file, len(list(rows))) for file, rows in groupby(utterance.audio for utterance in utterances))
    with ThreadPoolExecutor(processors) as pool:
        begun = ((pool.submit(_usable_samples, file, longest_seconds), times) for file, times in files)
        ahead = deque(islice(begun, DECODED_AHEAD * processors))
        while ahead:
            decoding, times = ahead.popleft()
            yield from repeat(decoding.result(), times)
            ahead.extend(islice(begun, 1))


def _usable_samples(file: Path, longest_seconds: float) -> tuple[NDArray[np.int16], str]:
    """The samples of a recording, or none and the reason where it cannot be used."""
    nothing = np.empty(0, np.int16)
    try:
        seconds = probe(file).sure_seconds
        if seconds <= longest_seconds:
            samples = read_audio(file)
            seconds = len(samples) / SAMPLE_RATE
    except (AudioError, AudioWarning) as error:
        return nothing, str(error)
    if seconds > longest_seconds:
        cure = f"data.longest_seconds is {longest_seconds:g}: cut it, or raise that"
        return nothing, f"{file}: {seconds:.1f} s long, and {cure}"
    if not seconds:
        return nothing, f"{file}: no sound in it"
    return encode_pcm(samples), ""
