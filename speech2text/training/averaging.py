"""The mean of several runs' weights: paths of runs in, a run out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from speech2text.errors import TrainingError
from speech2text.training.checkpoint import Run, load_run


@torch.no_grad()
def load_mean(folders: Sequence[Path]) -> Run:
    """The first of the runs, its model with the mean of the weights of all; see `load_run`.

    Where each began with the weights of another and its learning rate came down, the mean of their ends often errs less
    than any of them (Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization").

    Raises:
        RecipeError: a folder is not that of a run.
        TrainingError: a run has no usable checkpoint, or a model of another shape or with other pieces than the first.
    """
    first, *others = (load_run(folder) for folder in folders)
    for folder, other in zip(folders[1:], others, strict=True):
        if _kind(other) != _kind(first):
            reason = f"its model has another shape or other pieces than that of {folders[0]}"
            raise TrainingError(f"{folder}: {reason}; give runs that began with each other's weights")
    states = [run.model.state_dict() for run in (first, *others)]
    first.model.load_state_dict({name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]})
    return first


def _kind(run: Run) -> tuple[dict[str, Any], tuple[str, ...]]:
    return run.recipe.model.model_dump(exclude={"dropout"}), run.tokenizer.pieces
