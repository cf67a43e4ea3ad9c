"""`speech2text train`: a recipe and recordings in, a run folder out."""

from __future__ import annotations

import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from speech2text.cli.console import print_note, print_output, show_warnings_as_lines, step_bar
from speech2text.cli.dependencies import packages_of
from speech2text.cli.options import NamedPath, processor_threads_option, require_name

if TYPE_CHECKING:
    from speech2text.training.run import RunPlan
    from speech2text.training.team import Team
    from speech2text.training.trainer import StepReport, Trainer

PROFILE_STEPS = 20
PLAIN_REPORT_EVERY = 100
"""Steps between two lines where the output is no terminal."""


@click.command(short_help="Train a recogniser on recordings with texts.")
@click.argument("recipe", required=False, type=NamedPath())
@click.option("--data", required=True, type=NamedPath(), help="Folder or manifest of the recordings.")
@click.option("--run", type=NamedPath(), show_default="runs/NAME-of-the-recipe", help="Folder of the run.")
@click.option(
    "--init-from",
    metavar="SOURCE",
    callback=require_name,
    help="Start from the weights of `default`, a bundle or a run.",
)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a value, as in training.seed=2.")
@processor_threads_option
@click.option("--profile", is_flag=True, help="Train a few steps, print the speed, keep nothing.")
def train(
    recipe: Path | None,
    *,
    data: Path,
    run: Path | None,
    init_from: str | None,
    changes: tuple[str, ...],
    threads: int | None,
    profile: bool,
) -> None:
    """Train a recogniser by RECIPE, a folder or a TOML file; without one by the default recipe.

    With --init-from and no RECIPE a model is fine-tuned: its shape and its pieces stay.

    Ctrl-C stops; the same command goes on at the last checkpoint. torchrun makes several processes share the work.
    """
    if profile and run:
        raise click.UsageError("--run is where a run is kept, and --profile keeps nothing")
    with packages_of("train", needed_by="training"):
        import torch

        from speech2text.training.run import plan_run
        from speech2text.training.team import join_team
    show_warnings_as_lines()
    if threads:
        torch.set_num_threads(threads)
    team = join_team()
    if not team.leads:
        warnings.simplefilter("ignore")  # the leader tells them
    if profile:
        changes = (*changes, f"training.steps={PROFILE_STEPS}")
        with TemporaryDirectory() as scratch:
            _profile(plan_run(recipe, changes, Path(scratch), init_from), data, team)
    else:
        _train(plan_run(recipe, changes, run, init_from), data, team, init_from)


def _profile(plan: RunPlan, data: Path, team: Team) -> None:
    """Train and print how fast that was."""
    from speech2text.training.run import open_profile

    with _preparation(team) as on_progress:
        trainer = open_profile(plan.recipe, plan.recipe_path, data, plan.run, on_progress, start=plan.start, team=team)
    reports = list(trainer.steps())[1:]
    heard = sum(report.audio_seconds for report in reports)
    speed = heard / sum(report.seconds for report in reports)
    if team.leads:
        size = f"{len(reports)} steps, {heard:.0f} s, {trainer.precision}"
        print_output(f"{speed:.0f} seconds of audio a second ({size})")


def _train(plan: RunPlan, data: Path, team: Team, init_from: str | None) -> None:
    """Train as one of a team, or alone; the leader alone holds the folder and speaks."""
    from speech2text.training.lock import hold
    from speech2text.training.run import open_run

    with hold(plan.run) if team.leads else nullcontext():
        with team.in_turn(), _preparation(team) as on_progress:
            trainer = open_run(plan.recipe, plan.recipe_path, data, plan.run, on_progress, start=plan.start, team=team)
        if not team.leads:
            deque(trainer.train(), maxlen=0)
            return
        _lead(trainer, init_from)
    print_note(f"done: {plan.run}; export it: speech2text export {plan.run} MY-BUNDLE")


def _lead(trainer: Trainer, init_from: str | None) -> None:
    """Train, and say of what and how it goes; if it is stopped, how it goes on."""
    for line in _describe(trainer, init_from):
        print_note(line)
    try:
        with _one_voice():
            _show_steps(trainer)
    except KeyboardInterrupt:
        print_note(f"stopped at step {trainer.position.step}; the same command {_how_it_goes_on(trainer.run)}")
        raise


def _how_it_goes_on(run: Path) -> str:
    from speech2text.training.checkpoint import newest_step

    step = newest_step(run)
    if step is None:
        return "begins anew: there was no checkpoint yet (training.checkpoint_every)"
    return f"goes on at step {step}, the last checkpoint of {run}"


def _describe(trainer: Trainer, init_from: str | None) -> Iterator[str]:
    """Lines about what is going to be trained, and on what."""
    yield _sizes(trainer)
    if trainer.inherited_share is not None:
        yield f"{100 * trainer.inherited_share:.1f} % of the weights come from {init_from}"
    elif init_from:
        yield f"the run goes on with its own weights; {init_from} is not read again"
    if trainer.lesson:
        yield f"a teacher has heard {trainer.taught} of the utterances"
    yield from _left_out(trainer)


def _sizes(trainer: Trainer) -> str:
    parameters = sum(parameter.numel() for parameter in trainer.model.parameters())
    corpus = trainer.train_corpus
    start = f", from step {trainer.position.step}" if trainer.position.step else ""
    return (
        f"{trainer.recipe.name}: {len(corpus)} utterances, {corpus.seconds / 3600:.2f} h, "
        f"{parameters / 1e6:.1f} M parameters, {len(trainer.tokenizer)} pieces, {trainer.precision}{start}"
    )


def _left_out(trainer: Trainer) -> Iterator[str]:
    """A line for each set of recordings of which some cannot be used, and for those whose texts are too long."""
    from speech2text.training import layout

    sets = {"train": trainer.train_corpus, "dev": trainer.dev_corpus, "noise": trainer.noise_corpus}
    if trainer.dev_corpus is None and trainer.recipe.data.dev_share:
        yield "there is nothing to hold out, so no error rate is measured"
    for name, corpus in sets.items():
        if corpus is None or not corpus.left_out:
            continue
        example = f"as {corpus.left_out[0]}; all: {trainer.run}/{layout.CACHE}/{name}.json"
        if corpus:
            yield f"{len(corpus.left_out)} recordings of {name} are left out, {example}"
        else:
            yield f"no recording of {name} is usable, so no error rate is measured, {example}"
    if trainer.recipe.augmentation.splice_share and not any(each.speaker for each in trainer.train_corpus.utterances):
        yield "augmentation.splice_share changes nothing: no row of the manifests names its 'speaker'"
    if crowded := trainer.objective.crowded:
        cure = "larger pieces (tokenizer.kind 'bpe') or shorter memory frames (model.stack) let it"
        yield f"CTC cannot learn from {crowded} utterances that have more pieces than memory frames; {cure}"


@contextmanager
def _one_voice() -> Iterator[None]:
    """Keep threads from printing what stops them: TensorBoard's tells the main one, which says it in a line."""
    said_by, threading.excepthook = threading.excepthook, lambda _: None
    try:
        yield
    finally:
        threading.excepthook = said_by


@contextmanager
def _preparation(team: Team) -> Iterator[Callable[[int, int], None]]:
    """A bar while recordings are decoded, on a terminal only."""
    if not team.leads:
        yield lambda done, total: None
        return
    with step_bar() as show:
        yield lambda done, total: show(done, total, "recordings decoded")


def _show_steps(trainer: Trainer) -> None:
    """Train; a bar and what was measured on a terminal, elsewhere a line every so often."""
    steps = trainer.settings.steps
    on_terminal = sys.stderr.isatty()
    of_all = "" if on_terminal else f" of {steps}"  # the bar shows it
    with step_bar() as show:
        for report in trainer.train():
            show(report.step, steps, f"loss {report.loss:.2f}")
            if report.wer is not None or (not on_terminal and report.step % PLAIN_REPORT_EVERY == 0):
                print_note(f"step {report.step}{of_all}: {_summary(report)}")


def _summary(report: StepReport) -> str:
    wer = "" if report.wer is None else f", dev WER (CTC greedy) {100 * report.wer:.1f} %"
    lesson = "" if report.lesson is None else f", lesson {report.lesson:.3f}"
    risk = "" if report.risk is None else f", risk {report.risk:.3f}"
    speed = report.audio_seconds / report.seconds
    parts = f"CTC {report.ctc:.3f}, spelling {report.spelling:.3f}{lesson}{risk}"
    return f"loss {report.loss:.3f} ({parts}), {speed:.0f} x real time{wer}"
