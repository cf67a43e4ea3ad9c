"""Starting a run, or going on with one: a recipe and a data folder in, a trainer out."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path

from speech2text.audio.manifest import Utterance, read_utterances
from speech2text.errors import OutputError, RecipeError, TrainingError
from speech2text.text.tokenizer import Tokenizer
from speech2text.text.writers import write_atomically
from speech2text.training.checkpoint import has_checkpoint, load_tokenizer
from speech2text.training.corpus import Corpus, OnProgress, find_utterances, load_corpus
from speech2text.training.pieces import learn_tokenizer
from speech2text.training.recipe import Recipe, recipe_from_json
from speech2text.training.trainer import Trainer


def open_run(
    recipe: Recipe, recipe_path: Path, data: Path, run: Path, on_progress: OnProgress | None = None
) -> Trainer:
    """A trainer in the folder `run`, which is made, or which goes on where it stopped if recipe and data are the same.

    Until its first checkpoint a run starts anew, so what went wrong at the start can be put right.

    Raises:
        TrainingError: the folder holds a run of another recipe or of other data, or no utterance is usable.
        ManifestError: the data folder lacks what the recipe names.
        OutputError: the folder cannot be written.
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
    dev_corpus = load("dev", dev, recipe.data.longest_seconds)
    noise = read_utterances(data / recipe.data.noise, with_texts=False) if recipe.data.noise else []
    noise_corpus = load("noise", noise, float("inf"))
    _claim_data(run, train_corpus, noise_corpus)
    tokenizer = _tokenizer(run, recipe, train_corpus)
    return Trainer(recipe, tokenizer, run, train=train_corpus, dev=dev_corpus, noise=noise_corpus)


def _claim(run: Path, recipe: Recipe) -> None:
    """Make the run's folder with its recipe, or see that what it holds was trained by the same one."""
    file = run / "recipe.json"
    if has_checkpoint(run) and not recipe_from_json(file).trains_like(recipe):
        raise TrainingError(f"{run}: holds a run of another recipe; name another folder, or delete this one")
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{run}: no folder can be made there ({error.strerror}); name another with --run") from None
    write_atomically(file, recipe.to_json())


def _claim_data(run: Path, train: Corpus, noise: Corpus | None) -> None:
    """Note what the run is trained on, or see that it is still the same: else it would go on as another run."""
    rows = [(utterance.id, utterance.text) for utterance in train.utterances]
    heard = [rows, train.lengths.tolist(), noise.lengths.tolist() if noise else []]
    fingerprint = hashlib.sha256(json.dumps(heard).encode()).hexdigest()
    file = run / "data.json"
    if has_checkpoint(run) and file.is_file():
        if json.loads(file.read_text(encoding="utf-8"))["sha256"] != fingerprint:
            raise TrainingError(f"{run}: its recordings or texts have changed since it began; name another folder")
        return
    write_atomically(file, json.dumps({"utterances": len(train), "sha256": fingerprint}) + "\n")


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
    if not has_checkpoint(run):
        texts = [utterance.text for utterance in corpus.utterances]
        learned = learn_tokenizer(texts, recipe.tokenizer.kind, recipe.tokenizer.size)
        write_atomically(run / "pieces.json", json.dumps(learned.to_json(), ensure_ascii=False, indent=1))
    return load_tokenizer(run)
