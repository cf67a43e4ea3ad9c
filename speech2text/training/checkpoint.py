"""Checkpoints that appear whole or not at all, and the trained model of a run's folder.

RUN/checkpoints/step-000500/{model,average,optimizer}.safetensors, state.json

with lesson.safetensors beside them where a teacher gives one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from speech2text.errors import OutputError, TrainingError
from speech2text.model.las import LAS
from speech2text.text.tokenizer import Tokenizer
from speech2text.training import layout
from speech2text.training.optimisation import PRECISIONS
from speech2text.training.recipe import Recipe, recipe_from_json

KEPT = 2
"""Checkpoints that stay: the newest, and one more should the disk have lost it."""
PARTS = ("model", "average", "optimizer")
LESSON = "lesson"
"""The part that only runs with a teacher have."""
STATE_FILE = "state.json"
CHECKPOINT_NAME = re.compile(r"step-[0-9]+")


@dataclass(frozen=True)
class Position:
    """Where a run stands: steps done, the epoch, and the batches done of it."""

    step: int = 0
    epoch: int = 0
    batch: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """All that a run needs to go on as if it had never stopped; the lesson is empty where no teacher gives one."""

    position: Position
    precision: str
    model: dict[str, Tensor]
    average: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    lesson: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A trained model, its weights averaged, ready to be evaluated or exported."""

    model: LAS
    tokenizer: Tokenizer
    recipe: Recipe
    step: int


def save_checkpoint(run: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint into the run's folder and drop the oldest; a crash leaves the earlier ones untouched.

    Raises:
        OutputError: no space or no permission; the earlier checkpoints are still there.
    """
    folder = run / layout.CHECKPOINTS
    draft = folder / layout.DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        for name in (*PARTS, LESSON) if checkpoint.lesson else PARTS:
            (draft / f"{name}.safetensors").write_bytes(save(getattr(checkpoint, name)))
        state = {**asdict(checkpoint.position), "precision": checkpoint.precision}
        (draft / STATE_FILE).write_text(json.dumps(state))
        for file in draft.iterdir():
            _flush_to_disk(file)
        final = folder / f"step-{checkpoint.position.step:06d}"
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)
        for old in _checkpoints(run)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)  # what somebody reads just now is tried again
    except (OSError, SafetensorError) as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise OutputError(f"{folder}: no checkpoint can be saved ({error}); free space, then run it again") from None


def has_checkpoint(run: Path) -> bool:
    """Whether a run has something to go on from."""
    return bool(_checkpoints(run))


def newest_step(run: Path) -> int | None:
    """After which step a run goes on; None when it begins anew."""
    folders = _checkpoints(run)
    return _step(folders[-1]) if folders else None


def load_checkpoint(run: Path) -> Checkpoint | None:
    """The newest checkpoint of a run; None when it has none.

    Raises:
        TrainingError: the checkpoint is damaged, or may not be read.
    """
    folders = _checkpoints(run)
    if not folders:
        return None
    newest = folders[-1]
    try:
        state = dict(json.loads((newest / STATE_FILE).read_text()))
        precision = state.pop("precision")
        taught = (newest / f"{LESSON}.safetensors").is_file()
        names = (*PARTS, LESSON) if taught else PARTS
        parts = {name: load((newest / f"{name}.safetensors").read_bytes()) for name in names}
        position = Position(**state)
        if precision not in PRECISIONS or not all(isinstance(each, int) and each >= 0 for each in state.values()):
            raise ValueError(f"{STATE_FILE} says {state} in {precision}")
        return Checkpoint(position, precision, **parts)
    except PermissionError as error:
        raise TrainingError(f"{error.filename}: cannot be read ({error.strerror}); check its permissions") from None
    except (OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
        raise TrainingError(f"{newest}: damaged checkpoint ({error}); delete it to go on from the one before") from None


def load_run(run: Path) -> Run:
    """The model of a run at its newest checkpoint, with averaged weights, in evaluation mode.

    Raises:
        RecipeError: the folder is not that of a run.
        TrainingError: it has no checkpoint or no pieces, or damaged ones.
    """
    recipe = recipe_from_json(run / layout.RECIPE)
    checkpoint = load_checkpoint(run)
    if checkpoint is None:
        raise TrainingError(f"{run}: no checkpoint yet; let `speech2text train` run until it has saved one")
    tokenizer = load_tokenizer(run)
    model = LAS(recipe.las_config(len(tokenizer)))
    fill(model, checkpoint.average, run)
    return Run(model.eval(), tokenizer, recipe, checkpoint.position.step)


def fill(model: nn.Module, weights: dict[str, Tensor], run: Path) -> None:
    """Load the weights of a run's checkpoint into a model of its recipe and pieces.

    Raises:
        TrainingError: they are of another.
    """
    try:
        model.load_state_dict(weights)
    except RuntimeError:
        reason = f"its {layout.RECIPE} or {layout.PIECES} is not that of its checkpoints"
        raise TrainingError(f"{run}: {reason}; copy the file back, or train anew in another folder") from None


def load_tokenizer(run: Path) -> Tokenizer:
    """The pieces of a run, which it learned from its training texts, or inherited, when it began.

    Raises:
        TrainingError: they are missing or damaged.
    """
    file = run / layout.PIECES
    try:
        return Tokenizer.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = f"missing or damaged ({error}); a run cannot go on without its pieces"
        raise TrainingError(f"{file}: {reason}: copy the file back, or train anew in another folder") from None


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's state as named tensors."""
    return {
        f"{parameter}.{name}": value
        for parameter, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """The inverse of `optimizer_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        parameter, name = key.split(".", 1)
        state.setdefault(int(parameter), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _checkpoints(run: Path) -> list[Path]:
    """The oldest first, by their numbers: as text, step-1000000 would come before step-999900."""
    folders = (run / layout.CHECKPOINTS).glob("step-*")
    named = [folder for folder in folders if CHECKPOINT_NAME.fullmatch(folder.name)]  # no copies, as step-000500.old
    return sorted(named, key=_step)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("step-"))


def _flush_to_disk(file: Path) -> None:
    with file.open("rb+") as opened:  # Windows flushes only what is open for writing
        os.fsync(opened.fileno())
