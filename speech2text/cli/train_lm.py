"""`speech2text train-lm`: texts and a bundle in, the same bundle with a language model out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speech2text.bundle.manifest import LARGEST_WEIGHT
from speech2text.cli.console import print_note, print_output, progress_bar, show_warnings_as_lines, step_bar, sum_known
from speech2text.cli.dependencies import packages_of
from speech2text.cli.options import NamedPath, model_option, processor_threads_option, require_finite
from speech2text.errors import ManifestError

if TYPE_CHECKING:
    from speech2text.audio.utterances import Utterance
    from speech2text.bundle.manifest import ErrorRate, TextSource
    from speech2text.bundle.store import Bundle
    from speech2text.model.language_model import LanguageModelConfig
    from speech2text.text.tokenizer import Tokenizer
    from speech2text.training.language_model import (
        LanguageModelSettings,
        LanguageModelTrainer,
        Perplexity,
    )

DEFAULT_WEIGHT = 0.2
_WIDEST = 4096
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5)
LENGTH_BONUSES = (0.0, 0.5, 1.0)
"""What --manifest tries, each with each, beside the bonus that the bundle has: a language model shortens texts, which
the bonus makes up for."""


@click.command(short_help="Add a language model, made of texts, to a bundle.")
@click.argument("texts", nargs=-1, required=True, type=NamedPath())
@model_option
@click.option("--output", required=True, type=NamedPath(), help="Folder of the new bundle; may be that of --model.")
@click.option(
    "--manifest",
    type=NamedPath(),
    help="Recordings with texts that are not among TEXTS, to choose the weight of the language model by.",
)
@click.option(
    "--lm-weight",
    type=click.FloatRange(0, LARGEST_WEIGHT),
    callback=require_finite,
    show_default=f"chosen by --manifest, else {DEFAULT_WEIGHT}",
    help="How much it counts beside what is heard.",
)
@click.option("--source", show_default="the names of the files", help="What the texts are, for the model card.")
@click.option("--licence", default="not stated", help="Licence of the texts, for the model card.")
@click.option("--steps", type=click.IntRange(min=1), default=3000, help="Training steps at most.")
@click.option("--units", type=click.IntRange(8, _WIDEST), default=512, help="Width of its LSTM.")
@click.option(
    "--bits",
    type=click.Choice(["8", "4"]),
    default="8",
    help="Of each weight of its LSTM; with 4 it may be nearly twice as large in as many bytes.",
)
@click.option(
    "--dropout",
    type=click.FloatRange(min=0, max=1, max_open=True),
    default=0.2,
    callback=require_finite,
    help="Share of its values that training leaves out; more for few texts.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, help="Start of all random numbers.")
@processor_threads_option
def train_lm(
    texts: tuple[Path, ...],
    *,
    model: str,
    output: Path,
    manifest: Path | None,
    lm_weight: float | None,
    source: str | None,
    licence: str,
    steps: int,
    units: int,
    bits: str,
    dropout: float,
    seed: int,
    threads: int | None,
) -> None:
    """Make a language model of TEXTS and write the bundle of --model with it inside as --output.

    TEXTS are files with a sentence a line (.txt, or .gz of one) or manifests (.jsonl). Some sentences are held out, and
    the model that predicts them best is kept. Nothing is written before the end.
    """
    from speech2text.bundle.manifest import TextSource
    from speech2text.bundle.store import find_bundle, open_bundle
    from speech2text.bundle.writer import check_destination

    with packages_of("train", needed_by="training"):
        import torch

        from speech2text.model.language_model import LanguageModelConfig
        from speech2text.runtime.recognizer import Recognizer
        from speech2text.training.language_model import LanguageModelSettings
        from speech2text_export.bundling import save_bundle
    if manifest is not None and lm_weight is not None:
        raise click.UsageError("--manifest chooses the weight of the language model: give it or --lm-weight")
    check_destination(output)  # now, not after the work
    show_warnings_as_lines()
    if threads:
        torch.set_num_threads(threads)
    source_bundle = open_bundle(find_bundle(model))
    tokenizer = Recognizer(source_bundle).tokenizer  # of a bundle that is known to work
    bundle = replace(source_bundle, folder=output)
    if bundle.manifest.decoding.lm_weight:  # its error rates are those of the language model that goes
        bundle = replace(bundle, manifest=replace(bundle.manifest, wer={}))
    utterances = _read_utterances(manifest)
    config = LanguageModelConfig(len(tokenizer), units=units, dropout=dropout, lstm_bits=int(bits))
    settings = LanguageModelSettings(steps=steps, seed=seed)
    trainer = _prepare(texts, tokenizer, bundle.manifest.language, config, settings)
    credit = TextSource(source or ", ".join(file.name for file in texts), trainer.train_sentences.word_count, licence)
    try:
        _show_steps(trainer)
        bundle = _add(bundle, trainer, credit, DEFAULT_WEIGHT if lm_weight is None else lm_weight)
        saved = save_bundle(*_tune(bundle, manifest, utterances))
    except KeyboardInterrupt:
        print_note(f"stopped; nothing was written to {output}")
        raise
    print_note(f"done: {output}; its sample says: {saved.manifest.sample.text or 'nothing'}")


def _read_utterances(manifest: Path | None) -> list[Utterance]:
    """The recordings to measure by; that they can be heard is seen now, not after the training."""
    from speech2text.audio.files import read_whole
    from speech2text.audio.utterances import read_utterances
    from speech2text.text.normalization import normalize

    utterances = read_utterances(manifest) if manifest else []
    for utterance in utterances:
        read_whole(utterance.audio)
    if manifest and not any(normalize(utterance.text, utterance.language) for utterance in utterances):
        raise ManifestError(f"{manifest}: its texts have no words, so nothing can be measured; name other recordings")
    return utterances


def _prepare(
    files: Sequence[Path],
    tokenizer: Tokenizer,
    language: str,
    config: LanguageModelConfig,
    settings: LanguageModelSettings,
) -> LanguageModelTrainer:
    """Read the texts with the pieces of the bundle, say what was found, and make a trainer of it."""
    from speech2text.training.language_model import LanguageModelTrainer
    from speech2text.training.sentences import read_texts

    texts = read_texts(files, tokenizer, language)
    if texts.left_out:
        print_note(f"{len(texts.left_out)} lines are left out, as {texts.left_out[0]}")
    trainer = LanguageModelTrainer(config, settings, texts.train, texts.held_out)
    parameters = sum(parameter.numel() for parameter in trainer.model.parameters())
    print_note(
        f"{len(texts.train)} sentences, {texts.train.word_count} words, {len(texts.held_out)} sentences held out; "
        f"{parameters / 1e6:.1f} M parameters, {len(tokenizer)} pieces, {trainer.precision}"
    )
    return trainer


def _show_steps(trainer: LanguageModelTrainer) -> None:
    """Train; a bar on a terminal, and a line for each measurement."""
    with step_bar() as show:
        for report in trainer.train():
            show(report.step, trainer.settings.steps, f"loss {report.loss:.2f}")
            if report.perplexity:
                print_note(_summary(report.step, trainer, report.perplexity))


def _summary(step: int, trainer: LanguageModelTrainer, held_out: Perplexity) -> str:
    return f"step {step} of {trainer.settings.steps}: perplexity of the sentences held out {_show(held_out)}"


def _show(perplexity: Perplexity) -> str:
    return f"{perplexity.piece:.2f} a piece, {perplexity.word:.1f} a word"


def _add(bundle: Bundle, trainer: LanguageModelTrainer, credit: TextSource, lm_weight: float) -> Bundle:
    """The bundle with the trained model in it; prints what it is worth."""
    from speech2text.bundle.manifest import LANGUAGE_MODEL_NAME
    from speech2text.training.language_model import perplexity
    from speech2text_export.language_model import add_language_model, bundled_perplexity

    best, held_out = trainer.best, trainer.held_out
    extended, difference = add_language_model(bundle, best, [credit], lm_weight)
    print_note(f"graph equal to the model: log-probabilities differ by {difference:.1e} at most")
    size = len(extended.files[LANGUAGE_MODEL_NAME]) / 1e6
    print_output(f"fp32: perplexity {_show(perplexity(best, held_out))}")
    bits = f"int{best.config.lstm_bits}"
    print_output(f"{bits}: perplexity {_show(bundled_perplexity(extended, held_out))}, {size:.1f} MB")
    return extended


def _tune(
    bundle: Bundle, manifest: Path | None, utterances: Sequence[Utterance]
) -> tuple[Bundle, dict[str, ErrorRate]]:
    """The bundle with the weight that a manifest's recordings choose, if there is one, and the error rates it has."""
    from speech2text.audio.utterances import set_name

    rates = {} if bundle.manifest.decoding.lm_weight else dict(bundle.manifest.wer)  # measured without
    if manifest is not None:
        bundle, rates[set_name(manifest)] = _choose_weight(bundle, utterances)
    return bundle, rates


def _choose_weight(bundle: Bundle, utterances: Sequence[Utterance]) -> tuple[Bundle, ErrorRate]:
    """The bundle with the weight and the length bonus that make the fewest errors, and how many those are.

    Prints the best of each weight; of those that are equally good the least is taken.
    """
    from speech2text_export.comparison import measure
    from speech2text_export.language_model import set_lm_weight

    best = []
    bonuses = sorted({*LENGTH_BONUSES, bundle.manifest.decoding.length_bonus})
    rounds = len(WEIGHTS) * len(bonuses)
    with progress_bar(lambda: sum_known(each.duration for _ in range(rounds) for each in utterances)) as advance:
        for weight in WEIGHTS:
            candidates = [set_lm_weight(bundle, weight, bonus) for bonus in bonuses]
            rates = [measure([candidate], utterances, advance)[0].wer for candidate in candidates]
            rate, candidate = min(zip(rates, candidates, strict=True), key=lambda each: each[0].wer)
            bonus = candidate.manifest.decoding.length_bonus
            print_output(f"weight {weight:g}, length bonus {bonus:g}: WER {100 * rate.wer:.2f} %")
            best.append((candidate, rate))
    return min(best, key=lambda each: each[1].wer)
