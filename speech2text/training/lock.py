"""Who trains in a run's folder: one process at a time, and only where there is nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from speech2text.disk import is_file, make_folder
from speech2text.errors import OutputError, RecipeError, TrainingError
from speech2text.training import layout
from speech2text.training.checkpoint import has_checkpoint
from speech2text.training.recipe import recipe_from_json


@contextmanager
def hold(run: Path) -> Iterator[None]:
    """Keep other processes from training in the folder `run`, which is made, and taken away if nothing was put in it.

    Raises:
        TrainingError: another process trains there, or the folder holds something else than a run.
        OutputError: the folder cannot be written.
    """
    is_new = not os.path.exists(run)  # noqa: PTH110 - Path.exists raises OSError for names that are too long
    make_folder(run)
    try:
        if any(run.iterdir()) and not _is_run(run):
            raise TrainingError(f"{run}: is not empty, and no run; name a new folder with --run")
        lock = FileLock(run / layout.LOCK, timeout=0)
        lock.acquire()
    except Timeout:
        raise TrainingError(f"{run}: another process trains there; let it end, or name another --run") from None
    except OSError as error:
        raise OutputError(f"{run}: cannot be written ({error.strerror}); check its permissions") from None
    try:
        yield
    finally:
        if is_new:
            _remove_unused(run)  # before the lock is let go, so that nobody begins there meanwhile
        lock.release()


def _remove_unused(run: Path) -> None:
    with suppress(OSError):  # then it stays, and may be used
        if [each.name for each in run.iterdir()] == [layout.LOCK]:
            (run / layout.LOCK).unlink()
            run.rmdir()


def _is_run(folder: Path) -> bool:
    """Whether a folder with something in it is that of a run: other programs have recipes too."""
    if has_checkpoint(folder):
        return True
    if not is_file(folder / layout.RECIPE):
        return is_file(folder / layout.LOCK)
    try:
        recipe_from_json(folder / layout.RECIPE)
    except RecipeError:
        return False
    return True
