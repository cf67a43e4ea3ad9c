"""Starting a run, or going on with one: a recipe and a data folder in, a trainer out."""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from speech2text.audio.files import probe
from speech2text.audio.utterances import Utterance, read_utterances
from speech2text.disk import make_folder, write_atomically
from speech2text.errors import AudioError, OutputError, RecipeError, Speech2TextError, TrainingError, one_line
from speech2text.text.tokenizer import Tokenizer
from speech2text.training import layout
from speech2text.training.checkpoint import has_checkpoint, load_tokenizer
from speech2text.training.claim import claim_data
from speech2text.training.corpus import Corpus, OnDecoded, find_utterances, load_corpus, place_of
from speech2text.training.initialisation import Inheritance, Origin, read_inheritance, read_origin
from speech2text.training.pieces import learn_tokenizer
from speech2text.training.recipe import DEFAULT_RECIPE, FINETUNING_RECIPE, Recipe, read_recipe, recipe_from_json
from speech2text.training.teacher import TeacherFeatures
from speech2text.training.team import ALONE, Team
from speech2text.training.trainer import Trainer


@dataclass(frozen=True)
class Found:
    """The utterances to train on and to measure by, the recordings of noise, and a teacher's features."""

    train: list[Utterance]
    dev: list[Utterance]
    noise: list[Utterance]
    teacher: TeacherFeatures | None


@dataclass(frozen=True)
class Start:
    """What a run begins with: weights (only when it begins), and what it keeps of where they came from."""

    inheritance: Inheritance | None = None
    origin: Origin | None = None
    keep_pieces: bool = False


FROM_NOTHING = Start()


@dataclass(frozen=True)
class RunPlan:
    """What is to be trained: a recipe, the file or folder it was read from, the folder of the run, and its start."""

    recipe: Recipe
    recipe_path: Path
    run: Path
    start: Start


@dataclass(frozen=True)
class Corpora:
    """What a run trains on, what it is measured by, the noise it mixes in, and a teacher's features."""

    train: Corpus
    dev: Corpus | None
    noise: Corpus | None
    teacher: TeacherFeatures | None


def open_run(
    recipe: Recipe,
    recipe_path: Path,
    data: Path,
    run: Path,
    on_progress: OnDecoded | None = None,
    *,
    start: Start = FROM_NOTHING,
    team: Team = ALONE,
) -> Trainer:
    """A trainer in the folder `run`, which is made, or which goes on where it stopped if recipe and data are the same.

    Until its first checkpoint a run starts anew, so what went wrong at the start can be put right. A run that has one
    is not touched before recipe and data are known to be the same. Where nothing of dev is usable the trainer's
    `dev_corpus` is empty and training goes on without.

    Raises:
        TrainingError: the folder holds a run of another recipe or of other data, or no utterance is usable.
        ManifestError: the data folder lacks what the recipe names.
        RecipeError: the recipe has no usable prepare.py, or inherits pieces of nothing.
        OutputError: the folder cannot be written.
    """
    goes_on = has_checkpoint(run)
    draft = run / layout.DRAFT if goes_on else run
    if goes_on and (difference := recipe_from_json(run / layout.RECIPE).difference(recipe)):
        raise TrainingError(f"{run}: holds a run of another recipe ({difference}); name another folder with --run")
    if goes_on:
        shutil.rmtree(draft, ignore_errors=True)  # of a start that was killed, perhaps with other data
    try:
        make_folder(draft)
        found = _find(recipe, recipe_path, data, draft / layout.PREPARED)
        corpora = _load(found, recipe, run, draft, on_progress)
        claim_data(run, corpora.train, corpora.noise, corpora.teacher)
        if goes_on:
            _replace_recordings(draft, run)
            corpora = replace(corpora, train=corpora.train.moved(draft, run))
    finally:
        if goes_on:
            shutil.rmtree(draft, ignore_errors=True)
    return _start(recipe, run, corpora, start, team)


def open_profile(
    recipe: Recipe,
    recipe_path: Path,
    data: Path,
    scratch: Path,
    on_progress: OnDecoded | None = None,
    *,
    start: Start = FROM_NOTHING,
    team: Team = ALONE,
) -> Trainer:
    """A trainer to measure the speed of the recipe's steps: with as many recordings as they hear, and no dev.

    Raises:
        As `open_run`.
    """
    found = _find(recipe, recipe_path, data, scratch / layout.PREPARED)
    batch_seconds = recipe.training.batch_seconds
    some = Found(
        train=_take(found.train, recipe.training.steps * batch_seconds),
        dev=[],
        noise=_take(found.noise, batch_seconds),
        teacher=found.teacher,
    )
    return _start(recipe, scratch, _load(some, recipe, scratch, scratch, on_progress), start, team)


def plan_run(recipe: Path | None, changes: Sequence[str], run: Path | None, source: str | None) -> RunPlan:
    """The plan of a run that is to begin with what `source` knows, or that began so and goes on.

    Args:
        recipe: None is the default recipe or, where there is a source, fine-tunes: the shape, the pieces and the search
            are those of the source.
        changes: as of `read_recipe`.
        run: its folder, None for that of its name. Where it has a checkpoint the source is not read.
        source: as of `read_origin`; None to begin with nothing.

    Raises:
        TrainingError: as `read_origin`, or the run began without a source, or fine-tunes one and none is given.
        RecipeError, BundleError: as `read_origin` and `read_recipe`.
    """
    path = recipe or (DEFAULT_RECIPE if source is None else FINETUNING_RECIPE)
    fine_tunes = recipe is None and source is not None
    pieces = next((change for change in changes if _table(change) == "tokenizer"), None)
    if fine_tunes and pieces:
        raise RecipeError(f"--set {pieces}: fine-tuning keeps the pieces of {source}; a RECIPE may learn others")
    settings = read_recipe(path, changes)
    folder = run or Path("runs") / settings.name
    if source is None and recipe is None and read_inheritance(folder):
        raise TrainingError(f"{folder}: holds a run that began with --init-from; give that again, or another --run")
    if source is None:
        return RunPlan(settings, path, folder, FROM_NOTHING)
    origin = None if has_checkpoint(folder) else read_origin(source)
    inheritance = origin.inheritance if origin else read_inheritance(folder)
    if inheritance is None:
        raise TrainingError(f"{folder}: holds a run that began without --init-from; name another folder with --run")
    if fine_tunes:
        settings = read_recipe(path, changes, inheritance.settings)
    return RunPlan(settings, path, folder, Start(inheritance, origin, keep_pieces=fine_tunes))


def _table(change: str) -> str:
    """What a change of `read_recipe` belongs to: `tokenizer` of `tokenizer.kind=...` and of `tokenizer={...}`."""
    return change.partition("=")[0].strip().partition(".")[0]


def _start(recipe: Recipe, run: Path, corpora: Corpora, start: Start, team: Team) -> Trainer:
    tokenizer = _tokenizer(run, recipe, corpora.train, start)
    if not recipe.languages:
        spoken = {utterance.language for utterance in corpora.train.utterances} - {""}
        recipe = recipe.model_copy(update={"languages": tuple(sorted(spoken))})
    inheritance = start.inheritance or read_inheritance(run)
    if inheritance:
        recipe = inheritance.extend(recipe, corpora.train.seconds / 3600)
        write_atomically(run / layout.ORIGIN, inheritance.model_dump_json(indent=1) + "\n")
    else:
        (run / layout.ORIGIN).unlink(missing_ok=True)  # of a start that came to no checkpoint
    trainer = Trainer(
        recipe,
        tokenizer,
        run,
        train=corpora.train,
        dev=corpora.dev,
        noise=corpora.noise,
        origin=start.origin,
        teacher=corpora.teacher,
        team=team,
    )
    write_atomically(run / layout.RECIPE, recipe.to_json())
    return trainer


def _find(recipe: Recipe, recipe_path: Path, data: Path, prepared: Path) -> Found:
    """What the recipe names of the data; what its own script makes of it goes to `prepared`."""
    teacher = TeacherFeatures(place_of(recipe.data.teacher, data)) if recipe.data.teacher else None
    if recipe.prepare:
        _prepare(recipe_path, data, prepared)
        data = prepared
    language = recipe.languages[0] if len(recipe.languages) == 1 else ""
    train, dev = find_utterances(data, recipe.data, language)
    if not train:
        raise TrainingError(f"{data}: no utterance with a text to train on")
    noise = read_utterances(place_of(recipe.data.noise, data), with_texts=False) if recipe.data.noise else []
    return Found(train, dev, noise, teacher)


def _take(utterances: Sequence[Utterance], seconds: float) -> list[Utterance]:
    """Some utterances, drawn evenly, of about so many seconds together; all if they are shorter."""
    taken = []
    for utterance in random.Random(0).sample(utterances, len(utterances)):
        if seconds <= 0:
            break
        taken.append(utterance)
        with suppress(AudioError):  # which is told when it is decoded
            seconds -= utterance.duration or probe(utterance.audio).seconds or 0.0
    return taken


def _load(found: Found, recipe: Recipe, run: Path, draft: Path, on_progress: OnDecoded | None) -> Corpora:
    """The recordings from the run's cache or, where that is of others, decoded to one in `draft`."""

    def load(name: str, utterances: Sequence[Utterance], longest_seconds: float) -> Corpus:
        caches = [folder / layout.CACHE / name for folder in (run, draft)]
        prepared = draft / layout.PREPARED
        return load_corpus(utterances, caches[0], longest_seconds, on_progress, prepared=prepared, draft=caches[1])

    return Corpora(
        train=_usable(load("train", found.train, recipe.data.longest_seconds)),
        dev=load("dev", found.dev, recipe.data.longest_seconds) if found.dev else None,
        noise=_usable(load("noise", found.noise, float("inf"))) if found.noise else None,
        teacher=found.teacher,
    )


def _usable(corpus: Corpus) -> Corpus:
    """The corpus, which training cannot do without."""
    if not corpus:
        reasons = "; ".join(corpus.left_out[:3])
        raise TrainingError(f"none of the {len(corpus.left_out)} recordings is usable: {reasons}")
    return corpus


def _replace_recordings(draft: Path, run: Path) -> None:
    """Let what was prepared and decoded anew take the place of what the run has."""
    try:
        prepared, before = (folder / layout.PREPARED for folder in (draft, run))
        if prepared.is_dir():
            shutil.rmtree(before, ignore_errors=True)
            prepared.rename(before)
        for samples in (draft / layout.CACHE).glob("*.pcm"):
            kept = run / layout.CACHE / samples.name
            kept.parent.mkdir(exist_ok=True)
            kept.with_suffix(".json").unlink(missing_ok=True)  # what it says is true of the old samples only
            samples.replace(kept)
            samples.with_suffix(".json").replace(kept.with_suffix(".json"))
    except OSError as error:
        raise OutputError(f"{run}: cannot be written ({error.strerror}); check its permissions") from None


def _prepare(recipe_path: Path, data: Path, out: Path) -> None:
    """Run `prepare(data, out)` of the recipe's prepare.py."""
    script = (recipe_path if recipe_path.is_dir() else recipe_path.parent) / "prepare.py"
    spec = importlib.util.spec_from_file_location("recipe_prepare", script)
    if spec is None or spec.loader is None or not script.is_file():
        raise RecipeError(f"{script}: missing, but the recipe says prepare = true")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for their annotations
    try:
        spec.loader.exec_module(module)
        if not callable(getattr(module, "prepare", None)):
            raise RecipeError(f"{script}: has no function prepare(data, out), but the recipe says prepare = true")
        module.prepare(data, out)
    except Speech2TextError:
        raise
    except Exception as error:  # whatever a recipe of somebody's raises
        raise RecipeError(f"{script}: {type(error).__name__}: {one_line(error)}; correct it") from error


def _tokenizer(run: Path, recipe: Recipe, corpus: Corpus, start: Start) -> Tokenizer:
    """The pieces of the run: those of its origin, or learned from its training texts when it began."""
    if not has_checkpoint(run):
        inherits = start.keep_pieces or recipe.tokenizer.kind == "inherited"
        if inherits and start.origin is None:
            raise RecipeError("tokenizer.kind is 'inherited': name the run or bundle with the pieces by --init-from")
        if inherits and start.origin:
            learned = start.origin.tokenizer
            _check_texts(learned, corpus)
        else:
            texts = [utterance.text for utterance in corpus.utterances]
            learned = learn_tokenizer(texts, recipe.tokenizer.kind, recipe.tokenizer.size)
        write_atomically(run / layout.PIECES, json.dumps(learned.to_json(), ensure_ascii=False, indent=1))
    return load_tokenizer(run)


def _check_texts(tokenizer: Tokenizer, corpus: Corpus) -> None:
    """See that the pieces can write every text."""
    problems = []
    for utterance in corpus.utterances:
        try:
            tokenizer.encode(utterance.text)
        except ValueError as error:
            problems.append(f"{utterance.audio}: {error}")
    if problems:
        others = f", and so it is with {len(problems) - 1} more of the texts" if len(problems) > 1 else ""
        cure = (
            "correct them, with numbers in words, or train with pieces of their own: tokenizer.kind 'bpe' or "
            "'characters' in a RECIPE"
        )
        raise TrainingError(f"{problems[0]}{others}; {cure}")
