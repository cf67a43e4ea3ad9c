"""`speech2text evaluate`: error rates of a recogniser on recordings whose text is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
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
    sum_known,
)
from speech2text.cli.options import beam_size_option, model_option, require_finite, threads_option
from speech2text.cli.parallel import map_in_order
from speech2text.errors import AudioError, OutputError

if TYPE_CHECKING:
    from speech2text import Recognizer
    from speech2text.audio.manifest import Utterance
    from speech2text.evaluation.report import Report
    from speech2text.evaluation.scoring import Recognised
    from speech2text.runtime.recognizer import Search


@click.command(short_help="Print error rates on recordings with texts.")
@click.argument("manifest", type=click.Path(path_type=Path))
@model_option
@click.option(
    "--format",
    "-f",
    "report_format",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="A report to read, or one JSON object with every utterance.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write text, hypothesis and errors of each utterance here.",
)
@beam_size_option
@click.option(
    "--search",
    type=click.Choice(("joint", "ctc", "attention")),
    default="joint",
    show_default=True,
    help="Both heads together, or greedily by one of them.",
)
@click.option(
    "--chunk",
    type=click.FloatRange(min=0, min_open=True),
    callback=require_finite,
    metavar="SECONDS",
    help="Hear in chunks of this length, as a stream does; each recording whole if not given.",
)
@threads_option
@click.option(
    "--worst",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="How many of the worst utterances the report to read shows.",
)
def evaluate(
    manifest: Path,
    *,
    model: str,
    report_format: str,
    output: Path | None,
    beam_size: int | None,
    search: Search,
    chunk: float | None,
    threads: int,
    worst: int,
) -> None:
    """Print word and character error rates on recordings with known text.

    MANIFEST is a .jsonl file, or a folder of audio with a .txt beside each file. References and hypotheses are
    normalised alike before they are compared. A file that cannot be read is reported and left out of the figures, and
    the exit code is 1.
    """
    from speech2text import load_model
    from speech2text.audio.manifest import read_utterances
    from speech2text.evaluation.json_report import to_dict
    from speech2text.evaluation.report import make_report
    from speech2text.evaluation.scoring import score

    keep_libraries_quiet()
    show_warnings_as_lines()
    utterances = read_utterances(manifest)
    if output and not output.parent.is_dir():  # now, not after the work
        raise OutputError(f"{output}: its folder does not exist; make it or choose another")
    recognizer = load_model(model, beam_size=beam_size, search=search, chunk_seconds=chunk)
    recognised, excluded = _recognise(recognizer, utterances, threads)
    report = make_report(score(recognised), excluded)
    if output:
        _write_rows(output, report)
    if report_format == "json":
        origin = {
            "manifest": str(manifest),
            "model": recognizer.manifest.name,
            "beam_size": recognizer.decoding.beam_size,
            "search": search,
            "chunk_seconds": chunk,
        }
        print_output(json.dumps(origin | to_dict(report), ensure_ascii=False))
    else:
        _print_text(report, worst)
    if excluded:
        print_note(f"{len(excluded)} of {len(utterances)} utterances could not be read and are not in the figures")
        raise SystemExit(1)


def _recognise(
    recognizer: Recognizer, utterances: Sequence[Utterance], threads: int
) -> tuple[list[Recognised], list[tuple[str, str]]]:
    """What was recognised, and the ids of the unreadable with the reasons, both in the order of the manifest."""

    from speech2text.evaluation.scoring import pair

    def work(utterance: Utterance) -> Recognised | AudioError:
        try:
            return pair(utterance, recognizer.transcribe(utterance.audio))
        except AudioError as error:
            return error

    recognised: list[Recognised] = []
    excluded: list[tuple[str, str]] = []
    never_stopped = Event()  # utterances are short: an interruption may wait for those at work
    with (
        progress_bar(lambda: sum_known(each.duration for each in utterances)) as advance,
        closing(map_in_order(work, utterances, threads, never_stopped)) as results,
    ):
        for utterance, result in zip(utterances, results, strict=True):
            if isinstance(result, AudioError):
                print_error(str(result))
                excluded.append((utterance.id, str(result)))
            else:
                recognised.append(result)
            advance(utterance.duration or 0.0)
    return recognised, excluded


def _write_rows(output: Path, report: Report) -> None:
    from speech2text.evaluation.json_report import row_to_dict
    from speech2text.text.writers import write_atomically

    rows = (json.dumps(row_to_dict(row), ensure_ascii=False) for row in report.scored)
    write_atomically(output, "".join(f"{row}\n" for row in rows))


def _print_text(report: Report, worst: int) -> None:
    from rich.console import Console

    from speech2text.evaluation.text_report import render

    console = Console(highlight=False)
    with console.capture() as capture:
        console.print(render(report, worst))
    print_output(capture.get(), end="")
