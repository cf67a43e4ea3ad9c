"""`speech2text transcribe`: recordings to text, on standard output or as files in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import click

from speech2text.cli.console import keep_libraries_quiet, print_error, show_warnings_as_lines
from speech2text.cli.options import NamedPath, given, model_option, search_options, threads_option
from speech2text.cli.outputs import name_outputs, place_output
from speech2text.disk import make_folder, without_links
from speech2text.errors import AudioError
from speech2text.runtime.options import SearchOptions
from speech2text.text.subtitles import Layout
from speech2text.text.writers import WRITERS

if TYPE_CHECKING:
    from speech2text.cli.transcribing import Job

FORMATS = tuple(WRITERS)
ALL_FORMATS = "all"
_WITH_READINGS = ("json", "jsonl", ALL_FORMATS)
_NEEDED_FOR_READINGS = "--format {}, {} or {}".format(*_WITH_READINGS)
_LARGEST_LAYOUT = 1_000_000
"""Characters of a line, or lines of a subtitle: more than any has."""


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILES...")
@model_option
@click.option("--output-dir", "-o", type=NamedPath(), help="Write DIR/<name>.<format> instead of printing.")
@click.option("--overwrite", is_flag=True, help="Replace transcripts that DIR has already; else they are kept.")
@click.option(
    "--format",
    "--output-format",
    "-f",
    "output_format",
    type=click.Choice((*FORMATS, ALL_FORMATS)),
    default="txt",
    help="What to write; all of them needs --output-dir.",
)
@click.option(
    "--max-line-width",
    type=click.IntRange(1, _LARGEST_LAYOUT),
    default=Layout.max_line_width,
    help="Characters in a line of srt and vtt.",
)
@click.option(
    "--max-line-count",
    type=click.IntRange(1, _LARGEST_LAYOUT),
    default=Layout.max_line_count,
    help="Lines of a subtitle in srt and vtt.",
)
@click.option("--highlight-words", is_flag=True, help="Underline words while they are spoken, in srt and vtt.")
@search_options
@click.option(
    "--n-best",
    type=click.IntRange(min=1),
    default=SearchOptions.n_best,
    help="Readings of each segment to write with their scores, fewer where the search finds fewer; "
    f"needs {_NEEDED_FOR_READINGS}.",
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
    options: SearchOptions,
    n_best: int,
    threads: int,
) -> None:
    """Print what is said in recordings, or write it to files.

    FILES are sound files, folders, patterns such as '*.mp3', or - for standard input. Each is one line: its text, or
    the file's name, a tab and its text when there are several. A file that cannot be read is reported, the others are
    transcribed, and the exit code is 1; so it is with one whose transcript is there already. Of one that cannot be read
    to its end, and of one that Ctrl-C interrupts, what was transcribed is kept.
    """
    from speech2text.cli.transcribing import Output, transcribe_all
    from speech2text.runtime.loading import open_recognizer

    keep_libraries_quiet()
    show_warnings_as_lines()
    jobs, failed = _find_jobs(files)
    total = len(jobs) + failed
    _check_use(output_format, n_best, output_dir, several=total > 1)
    recognizer = open_recognizer(model, replace(options, n_best=n_best))
    if output_dir is not None:
        make_folder(output_dir)
    formats = FORMATS if output_format == ALL_FORMATS else (output_format,)
    layout = Layout(max_line_width, max_line_count, highlight_words)
    hotwords = [options.hotwords] if isinstance(options.hotwords, Path) else []
    read = frozenset(without_links(file) for file in [*(job.recording for job in jobs), *hotwords])
    output = Output(output_dir, formats, layout, overwrite=overwrite, with_names=total > 1, read=read)
    failed += transcribe_all(recognizer, jobs, output, threads)
    if failed:
        if total > 1:
            print_error(f"{failed} of {total} files not transcribed")
        raise SystemExit(1)


def _find_jobs(arguments: Sequence[str]) -> tuple[list[Job], int]:
    """The recordings that the arguments name, and how many arguments name none; those are reported."""
    from speech2text.audio.files import STANDARD_INPUT, expand_paths, true_place
    from speech2text.cli.transcribing import Job

    places: dict[Path, PurePath] = {}  # each recording once, however it is spelled, in order
    found = set()
    failed = 0
    for argument in arguments:
        try:
            for recording in expand_paths([argument]):
                path = recording if recording == STANDARD_INPUT else true_place(recording)
                if path not in found:
                    found.add(path)
                    places[recording] = place_output(recording, argument)
        except AudioError as error:
            failed += 1
            print_error(str(error))
    return [Job(recording, name) for recording, name in zip(places, name_outputs(places), strict=True)], failed


def _check_use(output_format: str, n_best: int, output_dir: Path | None, *, several: bool) -> None:
    if output_dir is None and (output_format == ALL_FORMATS or (several and output_format != "txt")):
        raise click.UsageError(f"--format {output_format} of several files or formats needs --output-dir")
    if n_best > 1 and output_format not in _WITH_READINGS:
        raise click.UsageError(f"--n-best needs {_NEEDED_FOR_READINGS}: others hold one reading")
    if output_dir is None and given("overwrite"):
        raise click.UsageError("--overwrite is for files: it needs --output-dir")
    unused = given("max_line_width", "max_line_count", "highlight_words")
    if unused and output_format not in ("srt", "vtt", ALL_FORMATS):
        raise click.UsageError(f"{unused[0]} is for subtitles: it needs --format srt, vtt or {ALL_FORMATS}")
