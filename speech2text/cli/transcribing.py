"""The work of `speech2text transcribe`: each recording through a recogniser, and its transcript to where it goes."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from select import select
from threading import Event
from typing import TYPE_CHECKING, BinaryIO

from speech2text.audio.files import STANDARD_INPUT, is_seekable, open_recording, probe
from speech2text.cli.console import print_error, print_note, print_output, progress_bar, sum_known
from speech2text.cli.interrupts import EXIT_AFTER_SIGNAL, interrupts_set
from speech2text.cli.parallel import StoppedError, map_in_order
from speech2text.disk import is_file, is_pipe, make_folder, require_place, without_links, write_atomically
from speech2text.errors import AudioError, OutputError
from speech2text.text.plain_line import in_a_line
from speech2text.text.subtitles import DEFAULT_LAYOUT, Layout
from speech2text.text.transcript import Segment, Transcript
from speech2text.text.writers import writers

if TYPE_CHECKING:
    from speech2text import Recognizer

_LOOK_SECONDS = 0.1
_NOW = getattr(os, "O_NONBLOCK", 0)  # a named pipe is opened, and then waited for, before anybody writes to it


@dataclass(frozen=True)
class Job:
    """One recording, and the name of its output files without their suffix."""

    recording: Path
    name: str

    @property
    def label(self) -> str:
        """What the recording is called where something is said of it."""
        return "standard input" if self.recording == STANDARD_INPUT else str(self.recording)


@dataclass(frozen=True)
class Result:
    """The transcript of a recording, as far as it could be read; and the error when that was not to its end.

    stopped: whether it is a part since the command was stopped.
    kept: a file of another format that was there before and was not replaced.
    """

    transcript: Transcript
    error: AudioError | OutputError | None = None
    stopped: bool = False
    kept: Path | None = None

    @property
    def is_part(self) -> bool:
        """Whether there is a transcript, but not of the whole recording."""
        ended_early = isinstance(self.error, AudioError) or (self.stopped and not self.error)
        return ended_early and bool(self.transcript.segments)


@dataclass(frozen=True)
class Output:
    """Where transcripts go, and how they look.

    Attributes:
        folder: of the files, one of each format for a recording; None for standard output, which takes one format.
        overwrite: replace files that are there.
        with_names: print the name of the recording before its text.
        read: files that the command reads, without links, and so never writes over.
    """

    folder: Path | None
    formats: Sequence[str]
    layout: Layout = DEFAULT_LAYOUT
    overwrite: bool = False
    with_names: bool = False
    read: frozenset[Path] = frozenset()

    def require_places(self, name: str) -> None:
        """See that the files of this name can be written, before the work whose result they are to hold.

        Raises:
            OutputError: they cannot, or one of them is read.
        """
        kept = self.find_kept(name)
        for file in self._files(name):
            if without_links(file) in self.read:
                raise OutputError(f"{file}: would be written over what is read; name another folder with --output-dir")
            if file not in kept:
                make_folder(file.parent)
                require_place(file)

    def find_kept(self, name: str) -> list[Path]:
        """The files of this name that are there and are not to be replaced."""
        return [] if self.overwrite else [file for file in self._files(name) if is_file(file)]

    def is_done(self, name: str) -> bool:
        """Whether there is nothing to be written, since all files of this name are kept."""
        return len(self.find_kept(name)) == len(self.formats)

    def write(self, name: str, transcript: Transcript, *, is_part: bool) -> None:
        """Write the files of this name that are not kept, if there is a folder for them.

        A part has an ending of its own until the whole is there, so that it neither passes for one nor takes its place.
        Where one format cannot be written the others that are new are taken back: with them there the recording would
        pass for done.

        Raises:
            OutputError: they cannot be written.
        """
        kept = self.find_kept(name)
        new: list[Path] = []
        try:
            for whole, suffix in self._files(name).items():
                if whole in kept:
                    continue
                file = _part_of(whole) if is_part else whole
                make_folder(file.parent)
                was_there = is_file(file)
                write_atomically(file, writers(self.layout)[suffix](transcript))
                if not was_there:
                    new.append(file)
        except OutputError:
            _remove(new)
            raise
        if not is_part:
            _remove(map(_part_of, self._files(name)))

    def say_where(self, name: str) -> str:
        """The first file of a part of this name, to be said after what was written; empty for standard output."""
        return next((f", in {part}" for part in map(_part_of, self._files(name)) if is_file(part)), "")

    def show(self, recording: Path, transcript: Transcript) -> None:
        """Print the transcript, if there is no folder for it."""
        if self.folder is not None:
            return
        (suffix,) = self.formats
        if suffix == "txt":
            print_output(f"{in_a_line(recording)}\t{transcript.text}" if self.with_names else transcript.text)
        else:
            print_output(writers(self.layout)[suffix](transcript), end="")

    def _files(self, name: str) -> dict[Path, str]:
        """The files of a transcript, each with its format."""
        return {self.folder / f"{name}.{suffix}": suffix for suffix in self.formats} if self.folder else {}


@dataclass(frozen=True)
class Worker:
    """Transcribes jobs in any thread; where the output is files it writes those of each as soon as it is done.

    Attributes:
        transcribe: that of a recogniser; `language` is what its transcripts tell.
        stop: ends the transcriptions at their next span when it is set.
        results: of all that have ended and nobody has taken, and of those that were stopped, if they had words by then.
    """

    transcribe: Callable[..., Transcript]
    output: Output
    advance: Callable[[float], None]
    language: str = ""
    stop: Event = field(default_factory=Event)
    results: dict[Job, Result] = field(default_factory=dict)

    def run(self, job: Job) -> Result:
        """The transcript, or what there is of it and why there is no more, or why it was not or could not be written.

        Raises:
            StoppedError: the stop event was set meanwhile; what there is of the transcript is written as a part.
        """
        if self.stop.is_set():  # its turn came after that
            raise StoppedError
        try:
            self.output.require_places(job.name)
            self._require_undone(job)
        except OutputError as error:
            return Result(self._part(), error)
        kept = next(iter(self.output.find_kept(job.name)), None)
        segments: list[Segment] = []
        done = 0.0

        def progress(seconds: float) -> None:
            nonlocal done
            if self.stop.is_set():
                raise StoppedError
            self.advance(seconds - done)
            done = seconds

        try:
            with _opened(job.recording, self.stop) as source:
                result = Result(self.transcribe(source, on_progress=progress, on_segment=segments.append), kept=kept)
        except AudioError as error:
            result = Result(self._part(segments, done), error)
        except StoppedError:
            if segments:
                self.results[job] = self._written(job, Result(self._part(segments, done), stopped=True))
            raise
        if not result.error or segments:
            result = self._written(job, result)
        self.results[job] = result
        return result

    def _part(self, segments: Sequence[Segment] = (), seconds: float = 0.0) -> Transcript:
        """A transcript that ends after so many seconds, or with its last segment."""
        return Transcript(tuple(segments), max([seconds, *(segment.end for segment in segments[-1:])]), self.language)

    def _require_undone(self, job: Job) -> None:
        if self.output.is_done(job.name):
            raise OutputError(_say_kept(job, self.output.find_kept(job.name)[0]))

    def _written(self, job: Job, result: Result) -> Result:
        """The result after its files were written, with the error if they could not be, or were there meanwhile."""
        try:
            if not result.is_part:
                self._require_undone(job)
            self.output.write(job.name, result.transcript, is_part=result.is_part)
        except OutputError as error:
            return replace(result, error=error)
        return result


@contextmanager
def _opened(recording: Path, stop: Event) -> Iterator[Path | _Pipe]:
    """What a recogniser is to read: a file by its name, and standard input or a named pipe as long as it may.

    Raises:
        AudioError: there is no standard input, or the pipe cannot be opened.
    """
    if recording == STANDARD_INPUT:
        if sys.stdin is None:
            raise AudioError("standard input: is closed; pipe a recording in, or name a file")
        yield _Pipe(sys.stdin.buffer, stop)
    elif is_pipe(recording):
        with open_recording(recording, _NOW) as pipe:
            yield _Pipe(pipe, stop)
    else:
        yield recording


def _part_of(file: Path) -> Path:
    """The name of a part until the whole file is there; no transcript's is like it."""
    return file.with_name(f"{file.name}.part")


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        with suppress(OSError):  # there is none, or it is harmless
            file.unlink()


class _Pipe:
    """Standard input or a named pipe, whose reader waits for no more once `stop` is set; a file is read as one."""

    def __init__(self, stream: BinaryIO, stop: Event) -> None:
        self._stream = stream
        self._stop = stop
        self.name = stream.name
        self.seek = stream.seek
        self.tell = stream.tell
        self._can_wait = sys.platform != "win32" and not self.seekable()  # there only sockets can be waited for

    def seekable(self) -> bool:
        """Whether it is a file."""
        return is_seekable(self._stream)

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes as soon as there are some, none at the end.

        Raises:
            StoppedError: none come, and the stop event is set.
        """
        if not self._can_wait:
            return self._stream.read(size)
        while not select([self._stream], [], [], _LOOK_SECONDS)[0]:
            if self._stop.is_set():
                raise StoppedError
        return os.read(self._stream.fileno(), size)


def transcribe_all(recognizer: Recognizer, jobs: Sequence[Job], output: Output, threads: int) -> int:
    """Transcribe every job, tell of each in its turn, and count those that failed.

    Raises:
        SystemExit: it was interrupted; what was transcribed is where it should go.
    """
    from speech2text.runtime.pool import RecognizerPool

    with (
        progress_bar(lambda: sum_known(_seconds(job) for job in jobs if not output.is_done(job.name))) as advance,
        RecognizerPool([recognizer], min(threads, len(jobs))) as pool,
    ):
        worker = Worker(partial(pool.transcribe, recognizer), output, advance, recognizer.manifest.language)
        return _work(worker, jobs, threads)


def _work(worker: Worker, jobs: Sequence[Job], threads: int) -> int:
    failed = 0
    left = deque(jobs)
    with interrupts_set(worker.stop) as interruption:
        try:
            with closing(map_in_order(worker.run, jobs, threads, worker.stop)) as results:
                for result in results:
                    job = left.popleft()
                    _tell(job, result, worker.output)
                    worker.results.pop(job, None)  # all of a batch may be more than fits into memory
                    failed += bool(result.error)
        except StoppedError:
            for job in left:  # others may have ended before the one that was awaited
                if job in worker.results:
                    _tell(job, worker.results[job], worker.output)
            raise SystemExit(EXIT_AFTER_SIGNAL + (interruption.signal or 0)) from None
    return failed


def _tell(job: Job, result: Result, output: Output) -> None:
    """Print the transcript, if that is where it goes, and what is to be said of it."""
    if not result.error or result.transcript.segments:
        output.show(job.recording, result.transcript)
    reach = f"the first {result.transcript.duration:.0f} s are transcribed{output.say_where(job.name)}"
    if result.error:
        print_error(f"{result.error}; {reach}" if result.is_part else str(result.error))
    elif result.is_part:
        print_note(f"{job.label}: {reach}")
    elif result.kept:
        print_note(_say_kept(job, result.kept))


def _say_kept(job: Job, file: Path) -> str:
    return f"{job.label}: {file} is there already and is kept; --overwrite replaces it"


def _seconds(job: Job) -> float | None:
    """How long the recording is; None when only hearing it can tell."""
    if job.recording == STANDARD_INPUT or is_pipe(job.recording):
        return None
    try:
        return probe(job.recording).seconds
    except AudioError:
        return 0.0  # reported when its turn comes
