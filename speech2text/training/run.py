"""Starting a run, or going on with one: a recipe and a data folder in, a trainer out."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path

from speech2text.audio.manifest import Utterance, read_utterances
from speech2text.errors import RecipeError, TrainingError
from speech2text.text.tokenizer import Tokenizer
from speech2text.training.corpus import Corpus, OnProgress, find_utterances, load_corpus
from speech2text.training.pieces import learn_tokenizer
from speech2text.training.recipe import Recipe, recipe_from_json
from speech2text.training.trainer import Trainer


def open_run(
    recipe: Recipe, recipe_path: Path, data: Path, run: Path, on_progress: OnProgress | None = None
) -> Trainer:
    """A trainer in the folder `run`, which is made, or which goes on where it stopped if its recipe is the same.

    Raises:
        TrainingError: the folder holds a run of another recipe, or no utterance is usable.
        ManifestError: the data folder lacks what the recipe names.
    """
    _claim(run, recipe)
    if recipe.prepare:
        _prepare(recipe_path, data, run / "data")
        data = run / "data"
    train, dev = find_utterances(data, recipe.data)

    def load(name: str, utterances: Sequence[Utterance], longest_seconds: float) -> Corpus | None:
        return load_corpus(utterances, run / "cache" / name, longest_seconds, on_progress) if utterances else None

    train_corpus = load("train", train, recipe.data.longest_seconds)
    if train_corpus is None:
        raise TrainingError(f"{data}: no utterance with a text to train on")
    noise = read_utterances(data / recipe.data.noise, with_texts=False) if recipe.data.noise else []
    return Trainer(
        recipe,
        _tokenizer(run, recipe, train_corpus),
        run,
        train=train_corpus,
        dev=load("dev", dev, recipe.data.longest_seconds),
        noise=load("noise", noise, float("inf")),
    )


def _claim(run: Path, recipe: Recipe) -> None:
    """Make the run's folder with its recipe, or see that it was made with the same one."""
    file = run / "recipe.json"
    if file.is_file():
        if recipe_from_json(file) != recipe:
            raise TrainingError(f"{run}: holds a run of another recipe; name another folder, or delete this one")
        return
    run.mkdir(parents=True, exist_ok=True)
    file.write_text(recipe.to_json(), encoding="utf-8")


def _prepare(recipe_path: Path, data: Path, out: Path) -> None:
    """Run `prepare(data, out)` of the recipe's prepare.py."""
    script = (recipe_path if recipe_path.is_dir() else recipe_path.parent) / "prepare.py"
    spec = importlib.util.spec_from_file_location("recipe_prepare", script)
    if spec is None or spec.loader is None or not script.is_file():
        raise RecipeError(f"{script}: missing, but the recipe says prepare = true")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.prepare(data, out)


def _tokenizer(run: Path, recipe: Recipe, corpus: Corpus) -> Tokenizer:
    """The pieces of the run, learned from its training texts when it began."""
    file = run / "pieces.json"
    if not file.is_file():
        texts = [utterance.text for utterance in corpus.utterances]
        learned = learn_tokenizer(texts, recipe.tokenizer.kind, recipe.tokenizer.size)
        file.write_text(json.dumps(learned.to_json(), ensure_ascii=False, indent=1), encoding="utf-8")
    return Tokenizer.from_json(json.loads(file.read_text(encoding="utf-8")))
