"""Recordings as mono float32 samples at 16 kHz, -1 to 1: any file soundfile reads, any rate, any number of channels.

Files are read in blocks, in bounded memory; how they are cut changes no sample.
"""

from __future__ import annotations

import glob
import io
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, TypeVar

import numpy as np
import soundfile

from speech2text.audio.channels import CANCELLED, are_cancelled
from speech2text.audio.container import AudioFile, open_audio
from speech2text.audio.resampling import LOUDEST, SAMPLE_RATE, FloatArray, Resampler
from speech2text.audio.utterances import AUDIO_SUFFIXES, find_audio, is_audio
from speech2text.disk import without_links
from speech2text.errors import AudioError, AudioWarning, DamageWarning, damage_raised

__all__ = [
    "SAMPLE_RATE",
    "STANDARD_INPUT",
    "AudioInfo",
    "AudioWarning",
    "expand_paths",
    "is_seekable",
    "open_recording",
    "probe",
    "read_audio",
    "read_blocks",
    "read_whole",
]

SoundFile = Path | BinaryIO
T = TypeVar("T")

STANDARD_INPUT = Path("-")
EMPTY_NAME = "an empty name; give a recording"

_PIECE_SAMPLES = 1 << 20  # of all channels: a damaged header may promise any rate and any number of them
_PIECE_SECONDS = 0.1  # decoded at a time: what is lost at most where a decoder meets damage
_TOLERANCE_SECONDS = 0.1  # encoders pad; a recording this much shorter than promised is not called cut
_SPOOL_BYTES = 2**26  # of a pipe held in memory before it goes to a temporary file
_PIPE_BYTES = 2**20  # read from a pipe at a time


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of itself: seconds (None where unknown), samples a second, channels.

    is_guess: whether the seconds are libsndfile's guess, as for an MP3 without a table of contents.
    """

    seconds: float | None
    rate: int
    channels: int
    is_guess: bool = False

    @property
    def sure_seconds(self) -> float:
        """The seconds; 0 where they are unknown or a guess."""
        return 0.0 if self.is_guess else self.seconds or 0.0


def read_blocks(source: SoundFile, block_seconds: float = 30.0) -> Iterator[FloatArray]:
    """The samples of a file or an open binary stream (pipes too), block by block (N,); none for zero samples.

    Warns:
        DamageWarning: the recording is damaged or cut short, and the blocks hold what could be read; or its channels
            cancel each other out.

    Raises:
        AudioError: missing, a folder, empty, no audio, damaged before the first sample, or NaN or infinite samples.
    """
    with _opened(source) as stream, open_audio(stream, stream.name) as audio:
        resampler = Resampler(audio.samplerate)
        for block in _decode(audio, stream, max(1, round(block_seconds * audio.samplerate))):
            if len(ready := resampler.feed(block)):
                yield ready
        if len(ready := resampler.finish()):
            yield ready


def read_audio(source: SoundFile) -> FloatArray:
    """All samples (N,) of a recording; warns and raises as `read_blocks`."""
    return np.concatenate([np.zeros(0, np.float32), *read_blocks(source)])


def read_whole(source: SoundFile) -> FloatArray:
    """All samples (N,) of a recording that is whole.

    Not to be called in several threads at once: what Python does with warnings is of the process.

    Raises:
        AudioError: as `read_blocks`, and for what that warns of.
    """
    with damage_raised():
        try:
            return read_audio(source)
        except DamageWarning as damage:
            raise AudioError(str(damage)) from None


def probe(source: SoundFile) -> AudioInfo:
    """Length, rate and channels by the header alone.

    Raises:
        AudioError: missing, a folder, empty, or no audio.
    """
    with _opened(source) as stream, open_audio(stream, stream.name) as audio:
        return AudioInfo(audio.stated_seconds, audio.samplerate, audio.channels, audio.stretch > 1)


def expand_paths(arguments: Sequence[str]) -> list[Path]:
    """The files that are meant, each once: files as they are, folders with all within, patterns (`**` too), and `-`.

    A file that does not exist is kept: reading it tells what is wrong, and the other files are done.

    Raises:
        AudioError: a folder without audio, a pattern that no audio file matches, or a name of no letter.
    """
    return list(dict.fromkeys(path for argument in arguments for path in _expand(argument)))


def _expand(argument: str) -> list[Path]:
    if not argument:
        raise AudioError(f"{EMPTY_NAME}, or . for this folder")
    path = Path(argument)
    if path == STANDARD_INPUT and argument != str(STANDARD_INPUT):  # ./- is a file of that name
        path = path.absolute()
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except OSError:  # a name longer than any file's, or a folder that may not be looked into
        return [path]
    if is_folder:
        try:
            found = find_audio(path)
        except OSError as error:
            raise AudioError(f"{argument}: cannot be looked into ({error.strerror}); check its permissions") from None
        what = "no audio file in this folder"
    elif path != STANDARD_INPUT and glob.has_magic(argument) and not exists:
        found = _find_matches(argument)
        what = "no audio file matches this pattern"
    else:
        return [path]
    if not found:
        raise AudioError(f"{argument}: {what}; looked for {' '.join(AUDIO_SUFFIXES)}")
    return sorted(found)


def _find_matches(pattern: str) -> list[Path]:
    """The recordings that match, each by its shortest path: `**` goes round and round through links to folders."""
    matches = map(Path, glob.glob(pattern, recursive=True))  # noqa: PTH207 # Path.glob takes no absolute patterns
    found: dict[Path, Path] = {}
    for file in sorted(filter(is_audio, matches), key=lambda file: len(file.parts)):
        found.setdefault(true_place(file), file)
    return list(found.values())


def true_place(recording: Path) -> Path:
    """Where it is, by whatever folders it was named; a link to a recording is one of its own."""
    return without_links(recording.parent) / recording.name


class _Stream:
    """A seekable stream with its name in messages, which remembers what was raised in it.

    A decoder takes nothing that is raised while it reads, not even Ctrl-C: it would go on as if the file ended there.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._failure: BaseException | None = None
        self.name = name

    def read(self, size: int = -1) -> bytes:
        """The next bytes, none after a failure."""
        return self._attempt(b"", self._stream.read, size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place and tell it; 0 after a failure."""
        return self._attempt(0, self._stream.seek, offset, whence)

    def tell(self) -> int:
        """The place, 0 after a failure."""
        return self._attempt(0, self._stream.tell)

    def check(self) -> None:
        """Raise what could not be raised before, as an AudioError if it is an error."""
        if isinstance(self._failure, Exception):
            raise _unreadable(self.name, self._failure) from None
        if self._failure is not None:
            raise self._failure

    def _attempt(self, otherwise: T, act: Callable[..., T], *arguments: int) -> T:
        if self._failure is None:
            try:
                return act(*arguments)
            except BaseException as error:
                self._failure = error
        return otherwise


def _unreadable(name: str, error: Exception) -> AudioError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return AudioError(f"{name}: cannot be read ({reason}); check the disk, or copy it again")


@contextmanager
def _opened(source: SoundFile) -> Iterator[_Stream]:
    """A seekable stream of the source; a failure to read it is what is wrong, whatever the decoder makes of it."""
    with ExitStack() as stack:
        if isinstance(source, Path):
            name, binary = str(source), stack.enter_context(open_recording(source))
        else:
            name, binary = str(getattr(source, "name", "the stream")), source
            name = "standard input" if name == "<stdin>" else name
        if getattr(binary, "closed", False):
            raise AudioError(f"{name}: closed already; open it again")
        stream = _Stream(binary if is_seekable(binary) else stack.enter_context(_spooled(binary, name)), name)
        try:
            yield stream
        except AudioError:
            stream.check()
            raise
        stream.check()


def is_seekable(stream: BinaryIO) -> bool:
    """Whether a decoder can go back in it; on Windows pipes say that they can (python/cpython#86768)."""
    says_so = bool(getattr(stream, "seekable", bool)())
    if not (says_so and isinstance(stream, io.BufferedReader | io.FileIO)):  # others are in memory, or made to seek in
        return says_so
    try:
        return S_ISREG(os.fstat(stream.fileno()).st_mode)
    except OSError:  # a reader of something else than a file of the system
        return True


def open_recording(path: Path, flags: int = 0) -> BinaryIO:
    """A file opened to be read, with what `flags` of `os.open` adds to that.

    Raises:
        AudioError: missing, a folder, or not to be opened.
    """
    try:
        if path.is_dir():
            raise AudioError(f"{path}: a folder, not a recording; give an audio file")
        return open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags))
    except FileNotFoundError:
        raise AudioError(f"{path}: no such file; check the name") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", error)
        raise AudioError(f"{path}: cannot be opened ({reason}); check its name and permissions") from None


@contextmanager
def _spooled(pipe: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """A seekable copy of what comes through a pipe, in memory or in a temporary file."""
    import tempfile

    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        try:
            while block := _read_pipe(pipe, name):
                spool.write(block)
            spool.seek(0)  # writes what is still buffered
        except OSError as error:
            with suppress(OSError):  # closing tries to write once more
                spool.close()
            problem = f"a pipe needs a temporary file, which cannot be written ({error.strerror})"
            raise AudioError(f"{name}: {problem}; free space or set TMPDIR to another folder") from None
        yield spool  # type: ignore[misc]  # has all of BinaryIO that is used here


def _read_pipe(pipe: BinaryIO, name: str) -> bytes:
    try:
        return pipe.read(_PIPE_BYTES)
    except OSError as error:
        raise _unreadable(name, error) from None


def _decode(audio: AudioFile, stream: _Stream, block_frames: int) -> Iterator[FloatArray]:
    """Mono blocks (N,) at the file's own rate, checked; warns at the end when something is missing or was cancelled."""
    frames = 0
    ended = damaged = False
    mixed_peak = channel_peak = 0.0
    while not ended:
        block, peak, damaged = _read_block(audio, block_frames)
        stream.check()
        sound = np.abs(block) <= LOUDEST  # NaN is not
        if not sound.all():
            first = int(sound.argmin())
            if first:
                yield block[:first]
            seconds = (frames + first) / audio.samplerate
            loud = f"samples of {block[first]:.0e}, where 1 is full scale"
            found = f"{loud if np.isfinite(block[first]) else 'NaN or infinite samples'}, the first at {seconds:.2f} s"
            raise AudioError(f"{stream.name}: {found}; export the recording again as 16-bit WAV")
        frames += len(block)
        ended = damaged or len(block) < block_frames
        mixed_peak, channel_peak = max(mixed_peak, np.abs(block).max(initial=0.0)), max(channel_peak, peak)
        yield block
    _check_end(audio, stream.name, frames / audio.samplerate, damaged)
    if are_cancelled(mixed_peak, channel_peak, audio.channels):
        warnings.warn(f"{stream.name}: its {CANCELLED}; make a file of one of them", DamageWarning, stacklevel=2)


def _read_block(audio: AudioFile, frames: int) -> tuple[FloatArray, float, bool]:
    """The mean of the channels of the next frames (N,), fewer at the end, their peak, and whether there was damage."""
    pieces = [np.zeros(0, np.float32)]
    peak = 0.0
    piece_frames = max(1, min(round(_PIECE_SECONDS * audio.samplerate), _PIECE_SAMPLES // audio.channels))
    while frames:
        try:
            piece = audio.read(min(frames, piece_frames), dtype="float32", always_2d=True)  # (N, channels)
        except soundfile.LibsndfileError:
            return np.concatenate(pieces), peak, True
        if not len(piece):
            break
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is reported with its place
            pieces.append(piece.mean(axis=1))
        peak = max(peak, float(np.abs(piece).max()))
        frames -= len(piece)
    return np.concatenate(pieces), peak, False


def _check_end(audio: AudioFile, name: str, seconds: float, damaged: bool) -> None:
    """Say so when less was read than the file holds or once held."""
    promised = audio.promised_seconds
    if promised is not None and promised > seconds + _TOLERANCE_SECONDS:
        problem = f"damaged or cut short: read {seconds:.1f} s of the {promised:.1f} s its header promises"
        remedy = "copy or download it again"
    elif damaged or audio.lacks_end:
        problem = f"damaged or cut short: read {seconds:.1f} s, and its end is missing"
        remedy = "copy or download it again"
    elif audio.another_follows:
        problem = f"several recordings in one file: read the first, {seconds:.1f} s"
        remedy = "convert it to have all: ffmpeg -i INPUT output.wav"
    elif audio.was_closed_early:
        problem = f"its header says {seconds:.1f} s, but more follows: its recorder was stopped before the end"
        remedy = "repair it to have all: ffmpeg -ignore_length 1 -i INPUT output.wav"
    else:
        return
    if not seconds:
        raise AudioError(f"{name}: damaged or cut short: no sound can be read; {remedy}")
    warnings.warn(f"{name}: {problem}; {remedy}", DamageWarning, stacklevel=2)
