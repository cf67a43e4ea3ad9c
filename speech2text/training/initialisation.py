"""Where a run may start from: the weights, pieces and shape of another run or of a bundle, int8 ones included."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError  # onnx is made of protobuf, and lets its errors through
from pydantic import ValidationError
from torch import Tensor

from speech2text.bundle.manifest import LISTENER_NAME, MANIFEST_NAME, PIECES_NAME, SPELLER_NAME
from speech2text.bundle.store import DEFAULT_NAME, Bundle, find_bundle, open_bundle
from speech2text.disk import is_file
from speech2text.errors import BundleError, TrainingError
from speech2text.model.config import LASConfig
from speech2text.model.las import LAS
from speech2text.text.plain_line import in_a_line
from speech2text.text.tokenizer import Tokenizer
from speech2text.training import layout
from speech2text.training.bundle_weights import named_as_in_model, read_arrays, read_sizes
from speech2text.training.checkpoint import has_checkpoint, load_run
from speech2text.training.recipe import Credit, Recipe, Section
from speech2text.training.widening import widen_listener

ROWS_OF_PIECES = (
    "listener.ctc.weight",
    "listener.ctc.bias",
    "speller.embedding.weight",
    "speller.output.weight",
    "speller.output.bias",
)
"""Tensors with a row for each piece."""
FIRST_WEIGHTS = ("listener.layers.0.forward_lstm.weight_ih_l0", "listener.layers.0.backward_lstm.weight_ih_l0")
"""Those that the frames joined before the first layer go through."""


class Inheritance(Section):
    """What a run inherits besides weights: the terms it stands under, and settings for a recipe without its own."""

    licence: str
    credits: tuple[Credit, ...]
    settings: dict[str, Any]
    """Tables and keys of a recipe, as `read_recipe` takes them."""

    def extend(self, recipe: Recipe, hours: float) -> Recipe:
        """The recipe under both terms, see `join`.

        Args:
            recipe: that of the run; if it credits nobody, its recordings become a credit of their own, with the hours
                of a run of the same name that it started from.
            hours: of the run's training recordings.
        """
        if not recipe.credits:
            name, licence = f"recordings of {recipe.name}", recipe.licence
            before = sum(each.hours for each in self.credits if (each.name, each.licence) == (name, licence))
            own = Credit(name=name, hours=before + hours, licence=licence)
            recipe = recipe.model_copy(update={"credits": (own,)})
        return self.join(recipe)

    def join(self, recipe: Recipe) -> Recipe:
        """The recipe under both terms: whoever shares the new weights shares those they came from.

        A corpus that both learned from is credited once, as the recipe has it.
        """
        begun = f"{self.licence} (the weights it started from); "
        if f"; {recipe.licence} (" in f"; {self.licence} (":  # "CC BY" is not in "CC BY-SA", nor "GPL" in "AGPL"
            licence = self.licence
        elif recipe.licence.startswith(begun):  # it started from these very weights
            licence = recipe.licence
        else:
            licence = f"{begun}{recipe.licence} (its own recordings)"
        credits = {(credit.name, credit.licence): credit for credit in self.credits + recipe.credits}
        return recipe.model_copy(update={"licence": licence, "credits": tuple(credits.values())})


@dataclass(frozen=True)
class Origin:
    """What a run starts from: weights by their names in a LAS, and the pieces whose rows they hold."""

    weights: dict[str, Tensor]
    tokenizer: Tokenizer
    inheritance: Inheritance


def read_origin(source: str) -> Origin:
    """The origin that `source` names: "default", a bundle's folder or a run's.

    Raises:
        TrainingError: it is neither, or a run without a usable checkpoint.
        BundleError: a bundle that is damaged, or whose graphs are not those of a LAS.
        RecipeError: a run whose recipe is damaged.
    """
    folder = Path(source)
    if source == DEFAULT_NAME or is_file(folder / MANIFEST_NAME):
        return _origin_of_bundle(open_bundle(find_bundle(source)))
    if not is_file(folder / layout.RECIPE):
        raise TrainingError(f"{source}: neither a bundle nor a run; give {DEFAULT_NAME!r}, or the folder of one")
    return _origin_of_run(folder)


def read_inheritance(run: Path) -> Inheritance | None:
    """What a run that has a checkpoint inherited when it began; None if nothing, or if it begins now.

    Raises:
        TrainingError: the note of it is damaged.
    """
    file = run / layout.ORIGIN
    if not has_checkpoint(run) or not file.is_file():
        return None
    try:
        return Inheritance.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        raise TrainingError(f"{file}: damaged; copy it back, or train anew in another folder") from None


@torch.no_grad()
def adopt_weights(model: LAS, tokenizer: Tokenizer, origin: Origin) -> float:
    """Copy every tensor of the same name and shape, and of those with a row a piece the rows of pieces both know.

    A first layer that joins some times as many frames as the origin's starts by hearing their mean, a listener with
    more units by hearing what the origin's hears (widening.py), and residual layers that are new add nothing at first.

    Returns:
        the share of the model's numbers that came from the origin.
    """
    theirs = {piece: row for row, piece in enumerate(origin.tokenizer.pieces)}
    rows = [(row, theirs[piece]) for row, piece in enumerate(tokenizer.pieces) if piece in theirs]
    to, of = torch.tensor(rows).T
    copied = 0.0
    own = model.state_dict()
    weights = widen_listener(_without_other_layers(origin, model.config), model.config.listener_units)
    for name, tensor in own.items():
        source = weights.get(name)
        known = origin.weights[name].numel() / source.numel() if source is not None else 0.0  # the rest is of new units
        if source is not None and name in FIRST_WEIGHTS and tensor.shape[1] % source.shape[1] == 0:
            times = tensor.shape[1] // source.shape[1]
            source = source.repeat(1, times) / times
        if source is None or source.shape[1:] != tensor.shape[1:]:
            continue
        if name in ROWS_OF_PIECES:
            tensor[to] = source[of]
            copied += known * tensor[to].numel()
        elif source.shape == tensor.shape:
            tensor.copy_(source)
            copied += known * tensor.numel()
    return copied / sum(tensor.numel() for tensor in own.values())


def _without_other_layers(origin: Origin, config: LASConfig) -> dict[str, Tensor]:
    """The origin's weights but those of layers that are residual there and plain in the model, or the reverse."""
    theirs = LASConfig(vocabulary=len(origin.tokenizer), **origin.inheritance.settings["model"])
    first, end = sorted((theirs.first_residual, config.first_residual))
    others = tuple(f"listener.layers.{depth}." for depth in range(first, end))
    return {name: weights for name, weights in origin.weights.items() if not name.startswith(others)}


def _origin_of_run(folder: Path) -> Origin:
    run = load_run(folder)
    recipe = run.recipe
    settings = recipe.model_dump(mode="json", include={"languages", "model", "decoding"})
    del settings["decoding"]["lm_weight"]  # a run has no language model
    inheritance = Inheritance(licence=recipe.licence, credits=recipe.credits, settings=settings)
    return Origin(dict(run.model.state_dict()), run.tokenizer, inheritance)


def _origin_of_bundle(bundle: Bundle) -> Origin:
    manifest = bundle.manifest
    try:
        listener, speller = (onnx.load_from_string(bundle.files[name]) for name in (LISTENER_NAME, SPELLER_NAME))
        arrays = read_arrays([listener, speller])
        weights = {name: torch.tensor(array) for name, array in named_as_in_model(arrays, manifest.model)}
        settings = {
            "languages": list(manifest.languages),
            "model": read_sizes(arrays, listener, speller, manifest.model),
            "decoding": _search(bundle),
        }
        tokenizer = Tokenizer.from_json(json.loads(bundle.files[PIECES_NAME]))
        credits = tuple(Credit(name=each.name, hours=each.hours, licence=each.licence) for each in manifest.data)
    except (DecodeError, KeyError, ValueError, TypeError, StopIteration) as error:
        reason = in_a_line(f"it is not as a model trained here is exported ({error!r})")
        raise BundleError(f"{bundle.folder}: {reason}; start from another bundle or run") from None
    return Origin(weights, tokenizer, Inheritance(licence=manifest.licence, credits=credits, settings=settings))


def _search(bundle: Bundle) -> dict[str, Any]:
    """The bundle's settings of the search, without its language model, which stays where it is."""
    search, shape = bundle.manifest.decoding, bundle.manifest.model
    kept = {name: value for name, value in vars(search).items() if name != "lm_weight" and value is not None}
    return {**kept, "chunk_seconds": shape.chunk_seconds}
