"""`speech2text evaluate`: error rates of a recogniser on recordings whose text is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from speech2text.cli.console import keep_libraries_quiet, lay_out, print_note, print_output, show_warnings_as_lines
from speech2text.cli.options import (
    NamedPath,
    given,
    model_option,
    require_finite,
    require_name,
    search_options,
    threads_option,
)
from speech2text.disk import is_file, require_place, without_links, write_rows
from speech2text.errors import OutputError
from speech2text.runtime.options import SEARCHES, Search, SearchOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from speech2text import Recognizer
    from speech2text.audio.utterances import Utterance
    from speech2text.cli.comparisons import EvaluationPlan
    from speech2text.evaluation.report import Report

LEAST_LEVEL, LARGEST_LEVEL = -30.0, 100.0
"""Decibels: beyond them one of the two cannot be heard at all."""


def _read_levels(_: click.Context, __: click.Parameter, value: str | None) -> tuple[float, ...]:
    """The numbers of "20,10,0"."""
    try:
        levels = tuple(float(part) for part in value.split(",")) if value is not None else ()
    except ValueError:
        levels = (float("nan"),)
    if not all(LEAST_LEVEL <= level <= LARGEST_LEVEL for level in levels):
        span = f"from {LEAST_LEVEL:g} to {LARGEST_LEVEL:g}"
        raise click.BadParameter(f"{value!r} is no list of decibels such as 20,10,0, {span}.")
    return tuple(dict.fromkeys(float(f"{level:g}") for level in levels))  # as they are printed


@click.command(short_help="Print error rates on recordings with texts.")
@click.argument("manifest", type=NamedPath())
@model_option
@click.option(
    "--format",
    "-f",
    "report_format",
    type=click.Choice(("text", "json")),
    default="text",
    help="A report to read, or one JSON object with every utterance.",
)
@click.option(
    "--output",
    "-o",
    type=NamedPath(dir_okay=False),
    help="Write text, hypothesis and errors of each utterance here.",
)
@click.option(
    "--search",
    type=click.Choice(SEARCHES),
    default=SearchOptions.search,
    help="Both heads together, or greedily by one of them.",
)
@search_options
@click.option(
    "--chunk",
    type=click.FloatRange(min=0, min_open=True),
    callback=require_finite,
    metavar="SECONDS",
    show_default="each recording whole",
    help="Hear in separate chunks of this length.",
)
@threads_option
@click.option(
    "--worst",
    type=click.IntRange(min=0),
    default=5,
    help="How many of the worst utterances the report to read shows.",
)
@click.option(
    "--against",
    metavar="MODEL|FILE",
    callback=require_name,
    help="Another bundle, or the .jsonl file that --output wrote for it: is this model better, and how surely?",
)
@click.option(
    "--compare-searches",
    is_flag=True,
    help="A column for each search: CTC and attention, heard once, joint, and with LM.",
)
@click.option(
    "--snr",
    metavar="DB,DB,…",
    callback=_read_levels,
    help="Mix noise in at these signal-to-noise ratios, as 20,10,0, and print the error rate at each.",
)
@click.option(
    "--noise",
    type=NamedPath(),
    show_default="pink noise, generated",
    help="Manifest or folder of the noise for --snr.",
)
@click.option(
    "--html",
    type=NamedPath(dir_okay=False),
    help="Write a page with all figures and every utterance, the worst first, to be seen and heard.",
)
@click.option(
    "--html-players",
    type=click.IntRange(min=0),
    default=50,
    help="How many of the worst utterances get player and picture in the page, some 60 kB each.",
)
def evaluate(
    manifest: Path,
    *,
    model: str,
    report_format: str,
    output: Path | None,
    search: Search,
    options: SearchOptions,
    chunk: float | None,
    threads: int,
    worst: int,
    against: str | None,
    compare_searches: bool,
    snr: tuple[float, ...],
    noise: Path | None,
    html: Path | None,
    html_players: int,
) -> None:
    """Print word and character error rates on recordings with known text.

    MANIFEST is a .jsonl file, or a folder of audio with a .txt beside each file. References and hypotheses are
    normalised alike before they are compared. A file that cannot be read is reported and left out of the figures, and
    the exit code is 1.

    The model named by --against hears with the same options, but for --lm-weight: it keeps the weight of its own.
    For --snr, the level of speech is that of its active parts, without the pauses, and noise is the same each time.
    """
    _check_use(search, options, snr=snr, noise=noise, html=html, report_format=report_format)
    from speech2text.audio.utterances import read_utterances
    from speech2text.cli.evaluating import hear_all

    keep_libraries_quiet()
    show_warnings_as_lines()
    utterances = read_utterances(manifest)
    if output or html:
        read = [manifest, against, noise, options.hotwords, *_files_of(utterances, model, against)]
        _check_outputs(read, output, html)
    options = replace(options, chunk_seconds=chunk).for_search(search)
    plan = _make_plan(model, options, utterances, against, compare_searches=compare_searches, snr=snr, noise=noise)
    report = plan.report(*hear_all(utterances, plan.ways, plan.noise, threads))
    recognizer = plan.main.recognizer
    origin = _describe_origin(manifest, options, recognizer)
    try:  # files first: whoever reads the report may have gone
        if output and report.scored:  # an earlier file is worth more than an empty one
            _write_rows(output, report)
        if html:
            from speech2text.cli.pictures import write_page

            write_page(html, report, recognizer, utterances, origin=origin, players=html_players)
    finally:
        _print_report(report, origin, report_format, worst)
    if report.excluded:
        print_note(
            f"{len(report.excluded)} of {len(utterances)} utterances could not be used and are not in the figures"
        )
        raise SystemExit(1)


def _check_use(
    search: Search,
    options: SearchOptions,
    *,
    snr: tuple[float, ...],
    noise: Path | None,
    html: Path | None,
    report_format: str,
) -> None:
    if noise and not snr:
        raise click.UsageError("--noise is for --snr; say at which ratios, as in --snr 20,10,0")
    if not html and given("html_players"):
        raise click.UsageError("--html-players is for the page: it needs --html")
    if report_format != "text" and given("worst"):
        raise click.UsageError(f"--worst is for the report to read, and --format {report_format} has every utterance")
    once = options.other_speeds is not None
    if search != "joint" and (options.beam_size or once or options.lm_weight or options.hotwords):
        joint = "--beam-size, --once, --lm-weight and --hotwords-file"
        raise click.UsageError(f"{joint} are for the joint search, not for --search {search}")


def _files_of(utterances: Sequence[Utterance], *bundles: str | None) -> Iterator[Path]:
    """The recordings, the texts that may stand beside them, and what the bundles hold."""
    for utterance in utterances:
        yield from (utterance.audio, utterance.audio.parent / f"{utterance.audio.stem}.txt")
    for folder in filter(None, bundles):
        yield from Path(folder).glob("*")


def _check_outputs(read: Sequence[object], output: Path | None, html: Path | None) -> None:
    """See now, not after the work, that what is asked for can be written, and over nothing that is read (but noise)."""
    others = {without_links(Path(each)) for each in read if isinstance(each, (str, Path)) and each}
    for path, suffix in ((output, ".jsonl"), (html, ".html")):
        if path is None:
            continue
        if str(path) == "-":
            raise click.UsageError("standard output has the report; name a file instead of -")
        require_place(path)
        if without_links(path) in others:
            raise OutputError(f"{path}: would be written over what this command reads or writes; choose another name")
        if is_file(path) and path.suffix.lower() != suffix:
            raise OutputError(f"{path}: is there, and only a {suffix} file would be replaced; choose another name")
        others.add(without_links(path))
    if html:
        from speech2text.cli.pictures import require_libraries

        require_libraries()


def _make_plan(
    model: str,
    options: SearchOptions,
    utterances: Sequence[Utterance],
    against: str | None,
    *,
    compare_searches: bool,
    snr: tuple[float, ...],
    noise: Path | None,
) -> EvaluationPlan:
    """Open everything that hears."""
    from speech2text.cli.comparisons import EvaluationPlan, open_rival, open_searches
    from speech2text.cli.evaluating import Way, read_noise
    from speech2text.runtime.loading import open_recognizer

    main = Way(open_recognizer(model, options))
    options = main.recognizer.options  # a file of hot words is read once: it may be a pipe
    return EvaluationPlan(
        main=main,
        noise=read_noise(noise),
        noisy={f"{level:g} dB": Way(main.recognizer, level) for level in snr},
        searches=open_searches(model, options, main) if compare_searches else {},
        rival=open_rival(against, options, utterances, main.recognizer.manifest.language) if against else None,
    )


def _describe_origin(manifest: Path, options: SearchOptions, recognizer: Recognizer) -> dict[str, Any]:
    """Of which recordings the figures are, and how they were heard."""
    is_joint = options.search == "joint"
    return {
        "manifest": str(manifest),
        "model": recognizer.manifest.name,
        "beam_size": recognizer.decoding.beam_size if is_joint else None,
        "search": options.search,
        "other_speeds": list(recognizer.speeds[1:]),
        "lm_weight": recognizer.decoding.lm_weight if is_joint else None,
        "hotwords": str(options.hotwords) if options.hotwords else None,
        "chunk_seconds": options.chunk_seconds,
    }


def _write_rows(output: Path, report: Report) -> None:
    from speech2text.evaluation.json_report import row_to_dict

    write_rows(output, map(row_to_dict, report.scored))


def _print_report(report: Report, origin: dict[str, Any], report_format: str, worst: int) -> None:
    if report_format == "json":
        from speech2text.evaluation.json_report import to_dict

        print_output(json.dumps(origin | to_dict(report), ensure_ascii=False))
        return
    from speech2text.evaluation.text_report import render

    print_output(lay_out(render(report, worst)), end="")
