"""`speech2text export`: a training run in, a bundle out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speech2text.cli.console import print_note, print_output, progress_bar, show_warnings_as_lines, sum_known
from speech2text.cli.dependencies import packages_of
from speech2text.cli.options import NamedPath, given, require_finite, require_name
from speech2text.errors import ExportError

if TYPE_CHECKING:
    from speech2text.audio.utterances import Utterance
    from speech2text.bundle.manifest import ErrorRate
    from speech2text.bundle.store import Bundle
    from speech2text.decoding.protocols import FloatArray
    from speech2text.training.checkpoint import Run
    from speech2text_export.bundling import Facts
    from speech2text_export.comparison import Figures

SAMPLE_SECONDS = 15
"""A longer recording is cut here before it goes into the bundle."""


@click.command(short_help="Write a trained model as a folder for ONNX Runtime.")
@click.argument("run", type=NamedPath())
@click.argument("bundle", type=NamedPath())
@click.option("--int8", is_flag=True, help="Write 8-bit weights, if --manifest shows that they cost few words.")
@click.option("--manifest", type=NamedPath(), help="Recordings with texts to measure error rates on.")
@click.option(
    "--max-loss",
    type=click.FloatRange(min=0),
    callback=require_finite,
    default=0.5,
    help="Percent of the word error rate that --int8 may cost (absolute).",
)
@click.option(
    "--sample",
    type=NamedPath(),
    show_default="the first of --manifest, else one of the run's data",
    help="The recording that goes into the bundle.",
)
@click.option(
    "--lm", callback=require_name, help="A bundle with the same pieces whose language model goes into the new one."
)
def export(
    run: Path,
    bundle: Path,
    *,
    int8: bool,
    manifest: Path | None,
    max_loss: float,
    sample: Path | None,
    lm: str | None,
) -> None:
    """Write the model of RUN, a folder of `speech2text train`, as BUNDLE, a folder that runs without torch.

    The graphs are compared with the model first, and nothing is written when they differ. A bundle that stands at
    BUNDLE already is replaced; a folder with anything else in it is refused.
    """
    from speech2text.audio.utterances import set_name
    from speech2text.bundle.store import find_bundle, open_bundle
    from speech2text.bundle.writer import check_destination

    with packages_of("train", needed_by="exporting"):
        from speech2text.runtime.recognizer import Recognizer
        from speech2text.training.checkpoint import load_run
        from speech2text_export.bundling import quantize_bundle, save_bundle
    if int8 and manifest is None:
        raise click.UsageError("--int8 needs --manifest: recordings with texts that show what it costs")
    if not int8 and given("max_loss"):
        raise click.UsageError("--max-loss is what --int8 may cost: give that too")
    check_destination(bundle)  # now, not after the work
    show_warnings_as_lines()
    utterances = _read(manifest)
    lm_source = open_bundle(find_bundle(lm)) if lm else None
    if lm_source:
        Recognizer(lm_source)  # a damaged one is told by its own name
    trained = load_run(run)
    if lm_source is None:
        _refuse_lm_weight(run, trained)
    if trained.step < (steps := trained.recipe.training.steps):
        print_note(f"{run} has done {trained.step} of {steps} steps: the model is as it was then")
    recording = _choose_sample(run, sample, utterances)
    exported = _make(trained, lm_source, recording, bundle)
    candidates = [exported, quantize_bundle(exported, trained.model.config.listener_bits)] if int8 else [exported]
    rates = {set_name(manifest): _measure(candidates, utterances, max_loss / 100)} if manifest else {}
    saved = save_bundle(candidates[-1], rates)
    print_note(f"done: {bundle}; its sample says: {saved.manifest.sample.text or 'nothing'}")


def _read(manifest: Path | None) -> list[Utterance]:
    from speech2text.audio.utterances import read_utterances

    return read_utterances(manifest) if manifest else []


def _refuse_lm_weight(run: Path, trained: Run) -> None:
    """A bundle without a language model cannot give it a weight.

    Raises:
        ExportError: the recipe of the run gives it one.
    """
    weight = trained.recipe.decoding.lm_weight
    if weight:
        named = f"the weight {weight:g} (decoding.lm_weight)"
        raise ExportError(f"{run}: its recipe gives a language model {named}; name its bundle by --lm")


def _choose_sample(run: Path, sample: Path | None, utterances: Sequence[Utterance]) -> FloatArray:
    from speech2text.audio.files import SAMPLE_RATE, read_audio
    from speech2text.training.corpus import find_example

    file = sample or (utterances[0].audio if utterances else None)
    recording = read_audio(file) if file else find_example(run)
    if recording is None or len(recording) == 0:
        raise ExportError(f"{file or run}: no recording to show the model with; name one by --sample")
    if file is None:
        print_note("the bundle brings a recording of the run's data; choose another by --sample")
    return recording[: SAMPLE_SECONDS * SAMPLE_RATE]


def _make(trained: Run, lm_source: Bundle | None, recording: FloatArray, folder: Path) -> Bundle:
    """The bundle in memory, in fp32, with the language model of another one where that is given."""
    from speech2text_export.bundling import make_bundle
    from speech2text_export.language_model import take_language_model

    exported, difference = make_bundle(trained.model, trained.tokenizer, _facts(trained), recording, folder)
    print_note(f"graphs equal to the model: log-probabilities differ by {difference:.1e} at most")
    return take_language_model(exported, lm_source) if lm_source else exported


def _measure(candidates: Sequence[Bundle], utterances: Sequence[Utterance], most: float) -> ErrorRate:
    """Print what each candidate does on the utterances; the error rate of the last one.

    Raises:
        ExportError: it is more than `most` above that of the first (0.005 is half a percent, absolute).
    """
    from speech2text_export.comparison import check_loss, measure

    with progress_bar(lambda: sum_known(each.duration for each in utterances)) as advance:
        figures = measure(candidates, utterances, advance)
    for each in figures:
        print_output(_describe(each))
    check_loss(figures[0], figures[-1], most)
    return figures[-1].wer


def _facts(trained: Run) -> Facts:
    from speech2text.bundle.manifest import DataSource, Decoding
    from speech2text_export.bundling import Facts

    recipe, search = trained.recipe, trained.recipe.decoding
    return Facts(
        name=recipe.name,
        description=recipe.description,
        languages=recipe.languages,
        licence=recipe.licence,
        data=tuple(DataSource(credit.name, credit.hours, credit.licence) for credit in recipe.credits),
        decoding=Decoding(**search.model_dump(exclude={"chunk_seconds"})),
        chunk_frames=recipe.chunk_frames(search.chunk_seconds),
    )


def _describe(figures: Figures) -> str:
    wer = figures.wer
    interval = f"{wer.limits(2)}, {wer.words} words"
    size = f"{figures.graph_bytes / 1e6:.1f} MB"
    speed = f"{figures.speed:.0f} seconds of audio a second on one thread"
    return f"{figures.precision}: WER {100 * wer.wer:.2f} % ({interval}), {size}, {speed}"
