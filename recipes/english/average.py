"""The mean of the weights of two trainings: `python -m recipes.english.average [--share S] RUN ORIGIN OUT`

OUT is a run's folder with the mean of the averaged weights of RUN, a run, and of ORIGIN, a run or a bundle of the same
shape and pieces (Wortsman et al. 2022, model soups), under the terms of both. Residual layers that ORIGIN has not are
RUN's, and add as much less as they are to count less. Trainings can begin with the mean, and it can be exported, with
--manifest or --sample, since it has no recordings of its own.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from recipes.script import script
from speech2text.disk import make_folder, write_atomically
from speech2text.errors import TrainingError
from speech2text.training import layout
from speech2text.training.checkpoint import load_checkpoint, load_tokenizer, save_checkpoint
from speech2text.training.initialisation import read_origin
from speech2text.training.recipe import recipe_from_json


@script
def main() -> None:
    """Write the run's folder of the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("origin")
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of RUN in the mean, 0 to 1 (default: 0.5)")
    arguments = parser.parse_args()
    if not 0 <= arguments.share <= 1:
        parser.error("--share must be from 0 to 1")
    average(arguments.run, arguments.origin, arguments.out, arguments.share)


def average(run: Path, origin: str, out: Path, share: float = 0.5) -> None:
    """Write the mean of a run and of an origin, of which the run makes up `share`, as the run `out`.

    Raises:
        TrainingError: one of them has no usable weights, or they differ in shape or pieces, or `out` is there.
        BundleError: a bundle that is damaged.
        RecipeError: a recipe of them is damaged.
        OutputError: `out` cannot be written.
    """
    checkpoint, other = load_checkpoint(run), read_origin(origin)
    if checkpoint is None:
        raise TrainingError(f"{run}: no run with a checkpoint; give the folder of one")
    recipe = recipe_from_json(run / layout.RECIPE)
    same_pieces = load_tokenizer(run).pieces == other.tokenizer.pieces
    sizes = other.inheritance.settings["model"]
    same_kind = all(getattr(recipe.model, key) == sizes[key] for key in ("heads", "plain_layers"))  # no shape tells it
    more = recipe.model.residual_layers - sizes["residual_layers"]
    theirs = other.weights | _adding_nothing(checkpoint.average, recipe.las_config(2).listener_layers, more)
    if not (same_pieces and same_kind and _shapes(checkpoint.average) == _shapes(theirs)):
        raise TrainingError(f"{run} and {origin}: differ in shape or in pieces, and have no mean")
    if out.exists():
        raise TrainingError(f"{out}: is there already; name another folder")
    make_folder(out)
    write_atomically(out / layout.RECIPE, other.inheritance.join(recipe).to_json())
    write_atomically(out / layout.PIECES, (run / layout.PIECES).read_bytes())
    mean = {name: share * weights + (1 - share) * theirs[name] for name, weights in checkpoint.average.items()}
    save_checkpoint(out, replace(checkpoint, model=mean, average=mean))


def _adding_nothing(weights: dict[str, Tensor], layers: int, count: int) -> dict[str, Tensor]:
    """The last `count` of a listener's `layers` as they would be if they added nothing to what they hear."""
    added: dict[str, Tensor] = {}
    for depth in range(layers - count, layers):
        norm, layer = f"listener.layers.{depth}.norm.", f"listener.layers.{depth}."
        of_layer = {name: each for name, each in weights.items() if name.startswith(layer)}
        added |= {name: torch.zeros_like(each) if name.startswith(norm) else each for name, each in of_layer.items()}
    return added


def _shapes(weights: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: each.shape for name, each in weights.items()}


if __name__ == "__main__":
    main()
