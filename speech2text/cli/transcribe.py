"""`speech2text transcribe`: recordings to text, on standard output or as files in a folder."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePath
from threading import Event
from typing import TYPE_CHECKING

import click

from speech2text.cli.console import (
    keep_libraries_quiet,
    print_error,
    print_note,
    print_output,
    progress_bar,
    show_warnings_as_lines,
)
from speech2text.cli.interrupts import EXIT_AFTER_SIGNAL, interrupts_set
from speech2text.cli.options import (
    beam_size_option,
    hotwords_file_option,
    hotwords_score_option,
    lm_weight_option,
    model_option,
    threads_option,
)
from speech2text.cli.outputs import name_outputs, place_output
from speech2text.cli.parallel import StoppedError, map_in_order
from speech2text.disk import is_file, make_folder
from speech2text.errors import AudioError, OutputError

if TYPE_CHECKING:
    from speech2text import Segment, Transcript
    from speech2text.text.subtitles import Layout


FORMATS = ("txt", "srt", "vtt", "tsv", "json", "jsonl")
ALL_FORMATS = "all"


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILES...")
@model_option
@click.option(
    "--output-dir", "-o", type=click.Path(path_type=Path), help="Write DIR/<name>.<format> instead of printing."
)
@click.option("--overwrite", is_flag=True, help="Replace transcripts that DIR has already; else they are kept.")
@click.option(
    "--format",
    "--output-format",
    "-f",
    "output_format",
    type=click.Choice((*FORMATS, ALL_FORMATS)),
    default="txt",
    show_default=True,
    help="What to write; all of them needs --output-dir.",
)
@click.option(
    "--max-line-width",
    type=click.IntRange(min=1),
    default=42,
    show_default=True,
    help="Characters in a line of srt and vtt.",
)
@click.option(
    "--max-line-count",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Lines of a subtitle in srt and vtt.",
)
@click.option("--highlight-words", is_flag=True, help="Underline words while they are spoken, in srt and vtt.")
@beam_size_option
@lm_weight_option
@hotwords_file_option
@hotwords_score_option
@click.option(
    "--n-best",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Readings of each segment to write with their scores; needs --format json, jsonl or all.",
)
@threads_option
def transcribe(
    files: tuple[str, ...],
    *,
    model: str,
    output_dir: Path | None,
    overwrite: bool,
    output_format: str,
    max_line_width: int,
    max_line_count: int,
    highlight_words: bool,
    beam_size: int | None,
    lm_weight: float | None,
    hotwords_file: Path | None,
    hotwords_score: float,
    n_best: int,
    threads: int,
) -> None:
    """Print what is said in recordings, or write it to files.

    FILES are sound files, folders, patterns such as '*.mp3', or - for standard input. Each is one line: its text, or
    the file's name, a tab and its text when there are several. A file that cannot be read is reported, the others are
    transcribed, and the exit code is 1; so it is with one whose transcript is there already. Of one that cannot be read
    to its end, and of one that Ctrl-C interrupts, what was transcribed is kept.
    """
    from speech2text import load_model
    from speech2text.runtime.pool import RecognizerPool
    from speech2text.text.subtitles import Layout

    keep_libraries_quiet()
    show_warnings_as_lines()
    places, failed = _expand(files)
    recordings = list(places)
    total = len(recordings) + failed
    several = total > 1
    if output_dir is None and (output_format == ALL_FORMATS or (several and output_format != "txt")):
        raise click.UsageError(f"--format {output_format} of several files or formats needs --output-dir")
    if n_best > 1 and output_format not in ("json", "jsonl", ALL_FORMATS):
        raise click.UsageError(f"--n-best needs --format json, jsonl or {ALL_FORMATS}: others hold one reading")
    layout = Layout(max_line_width, max_line_count, highlight_words)
    recognizer = load_model(
        model,
        beam_size=beam_size,
        lm_weight=lm_weight,
        hotwords=hotwords_file or (),
        hotwords_score=hotwords_score,
        n_best=n_best,
    )
    if output_dir is not None:
        make_folder(output_dir)
    jobs = [Job(*pair) for pair in zip(recordings, name_outputs(list(places.values())), strict=True)]
    with progress_bar(lambda: _total_seconds(recordings)) as advance, RecognizerPool([recognizer], threads) as pool:
        worker = Worker(partial(pool.transcribe, recognizer), output_dir, output_format, layout, advance, overwrite)
        failed += _transcribe_all(worker, jobs, threads, with_names=several)
    if failed:
        if several:
            print_error(f"{failed} of {total} files could not be transcribed")
        raise SystemExit(1)


@dataclass(frozen=True)
class Job:
    """One recording, and the name of its output files without their suffix."""

    recording: Path
    name: str


@dataclass(frozen=True)
class Result:
    """The transcript of a recording, as far as it could be read; and the error when that was not to its end.

    stopped: whether it is a part since the command was stopped.
    """

    transcript: Transcript
    error: AudioError | OutputError | None = None
    stopped: bool = False

    @property
    def reach(self) -> str:
        """How far a transcript goes that is not whole."""
        return f"the first {self.transcript.duration:.0f} s are transcribed"

    @property
    def problem(self) -> str:
        """What to say of the error."""
        is_part = isinstance(self.error, AudioError) and self.transcript.segments
        return f"{self.error}; {self.reach}" if is_part else str(self.error)


@dataclass(frozen=True)
class Worker:
    """Transcribes jobs in any thread; with an output folder it writes each as soon as it is done.

    Attributes:
        transcribe: that of a recogniser.
        stop: ends the transcriptions at their next span when it is set.
        results: of all that have ended, and of those that were stopped, where they had words by then.
    """

    transcribe: Callable[..., Transcript]
    output_dir: Path | None
    output_format: str
    layout: Layout
    advance: Callable[[float], None]
    overwrite: bool = False
    stop: Event = field(default_factory=Event)
    results: dict[Job, Result] = field(default_factory=dict)

    def run(self, job: Job) -> Result:
        """The transcript, or what there is of it and why there is no more, or why it was not or could not be written.

        Raises:
            StoppedError: the stop event was set meanwhile; what there is of the transcript is written all the same.
        """
        from speech2text.audio.files import STANDARD_INPUT

        kept = [] if self.overwrite else [file for file in self._files(job.name) if is_file(file)]
        if kept:
            return Result(_transcript(), OutputError(f"{kept[0]}: is kept as it is; --overwrite replaces it"))
        from_pipe = job.recording == STANDARD_INPUT
        if from_pipe and sys.stdin is None:
            return Result(_transcript(), AudioError("standard input: is closed; pipe a recording in, or name a file"))
        source = sys.stdin.buffer if from_pipe else job.recording
        segments: list[Segment] = []
        done = 0.0

        def progress(seconds: float) -> None:
            nonlocal done
            if self.stop.is_set():
                raise StoppedError
            self.advance(seconds - done)
            done = seconds

        try:
            transcript = self.transcribe(source, on_progress=progress, on_segment=segments.append)
            result = Result(transcript)
        except AudioError as error:
            result = Result(_transcript(segments, done), error)
        except StoppedError:
            if segments:
                self.results[job] = self._written(job.name, Result(_transcript(segments, done), stopped=True))
            raise
        if not result.error or segments:
            result = self._written(job.name, result)
        self.results[job] = result
        return result

    def _written(self, name: str, result: Result) -> Result:
        """The result after its files were written; with the error where they could not be."""
        try:
            self._write(name, result.transcript)
        except OutputError as error:
            return replace(result, error=error)
        return result

    def _files(self, name: str) -> dict[Path, str]:
        """The files of a transcript in the output folder, each with its format."""
        if self.output_dir is None:
            return {}
        formats = FORMATS if self.output_format == ALL_FORMATS else (self.output_format,)
        return {self.output_dir / f"{name}.{suffix}": suffix for suffix in formats}

    def _write(self, name: str, transcript: Transcript) -> None:
        from speech2text.disk import write_atomically
        from speech2text.text.writers import writers

        for file, suffix in self._files(name).items():
            make_folder(file.parent)
            write_atomically(file, writers(self.layout)[suffix](transcript))


def _transcribe_all(worker: Worker, jobs: Sequence[Job], threads: int, *, with_names: bool) -> int:
    """Transcribe every job, tell of each in its turn, and count those that failed."""

    def show(job: Job, result: Result) -> None:
        if worker.output_dir is None and (not result.error or result.transcript.segments):
            _print(job.recording if with_names else None, result.transcript, worker.output_format, worker.layout)
        if result.error:
            print_error(result.problem)
        elif result.stopped:
            remedy = "; --overwrite begins it anew" if worker.output_dir else ""
            print_note(f"{job.recording}: {result.reach}{remedy}")

    failed = 0
    left = deque(jobs)
    with interrupts_set(worker.stop) as interruption:
        try:
            with closing(map_in_order(worker.run, jobs, threads, worker.stop)) as results:
                for result in results:
                    show(left.popleft(), result)
                    failed += bool(result.error)
        except StoppedError:
            for job in left:  # others may have ended before the one that was awaited
                if job in worker.results:
                    show(job, worker.results[job])
            raise SystemExit(EXIT_AFTER_SIGNAL + (interruption.signal or 0)) from None
    return failed


def _transcript(segments: Sequence[Segment] = (), seconds: float = 0.0) -> Transcript:
    """A transcript that ends after so many seconds, or with its last segment."""
    from speech2text import Transcript

    return Transcript(tuple(segments), max([seconds, *(segment.end for segment in segments[-1:])]))


def _expand(arguments: Sequence[str]) -> tuple[dict[Path, PurePath], int]:
    """The recordings that the arguments name, with their places, and how many name none; those are reported."""
    from speech2text.audio.files import expand_paths

    recordings: dict[Path, PurePath] = {}  # each once, in order
    failed = 0
    for argument in arguments:
        try:
            for recording in expand_paths([argument]):
                recordings.setdefault(recording, place_output(recording, argument))
        except AudioError as error:
            failed += 1
            print_error(str(error))
    return recordings, failed


def _total_seconds(recordings: list[Path]) -> float | None:
    """How long the recordings are together; None when only hearing them can tell."""
    from speech2text.audio.files import STANDARD_INPUT, probe

    total = 0.0
    for recording in recordings:
        if recording == STANDARD_INPUT:
            return None
        try:
            seconds = probe(recording).seconds
        except AudioError:
            continue  # reported when its turn comes
        if seconds is None:
            return None
        total += seconds
    return total


def _in_a_line(path: Path) -> str:
    """The path, with what would break a line or a column written as in Python."""
    return "".join(repr(letter)[1:-1] if letter in "\t\n\r\v\f" else letter for letter in str(path))


def _print(recording: Path | None, transcript: Transcript, output_format: str, layout: Layout) -> None:
    if output_format == "txt":
        print_output(transcript.text if recording is None else f"{_in_a_line(recording)}\t{transcript.text}")
    else:
        from speech2text.text.writers import writers

        print_output(writers(layout)[output_format](transcript), end="")
