"""The terminal: data on standard output, words for people on standard error, a progress bar on terminals only."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, TextIO

from speech2text.errors import OutputError
from speech2text.text.plain_line import in_a_line

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress, ProgressColumn

STANDARD_ERROR = 2
BROKEN_PIPE_EXIT = 141
"""What a shell reports of a program whose reader went away, as with `| head -1`."""


class _Bar:
    """The progress bar that is on the screen, if one is; rich's own way of printing above it breaks long lines."""

    def __init__(self) -> None:
        self._shown: Progress | None = None
        self._lock = Lock()

    @contextmanager
    def show(self, *columns: ProgressColumn) -> Iterator[Progress]:
        """A bar of these columns, on the screen until it is left."""
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
            self._shown = bar
            try:
                yield bar
            finally:
                self._shown = None

    @contextmanager
    def away_from(self, stream: TextIO) -> Iterator[None]:
        """Take the bar off the screen while something is written to it."""
        with self._lock:
            bar = self._shown if stream.isatty() else None
            if bar:
                bar.stop()
            try:
                yield
            finally:
                if bar:
                    bar.start()


_bar = _Bar()


def lay_out(*parts: RenderableType) -> str:
    """What rich makes of the parts, one below the other, in the columns that standard output has."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False, width=shutil.get_terminal_size().columns)
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return capture.get()


def print_output(text: str, end: str = "\n") -> None:
    """Write data to standard output at once, so that a reader at the other end of a pipe need not wait.

    Raises:
        OutputError: the output cannot take it, for example because its disk is full.
        SystemExit: nobody reads the output any more.
    """
    try:
        with _bar.away_from(sys.stdout):
            sys.stdout.write(text + end)
            sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
        raise SystemExit(BROKEN_PIPE_EXIT) from None
    except OSError as error:
        raise output_lost(error) from None


def output_lost(error: OSError) -> OutputError:
    """What to say when standard output takes no more, which goes nowhere from now on."""
    _discard(sys.stdout)
    return OutputError(f"standard output: {error.strerror}; free space or write elsewhere")


def print_error(message: str) -> None:
    """One line for people that starts with `error:`."""
    print_note(f"error: {message}")


def print_note(message: str) -> None:
    """One line for people, written at once: `print` writes its end apart, and lines of other threads come between.

    Where standard error takes no more, notes go nowhere from then on: what the command is for is done all the same.
    """
    try:
        with _bar.away_from(sys.stderr):
            sys.stderr.write(in_a_line(message) + "\n")
            sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def show_warnings_as_lines() -> None:
    """Let every warning about the input be one line that starts with `warning:`, and hide those about code."""
    from speech2text.errors import AudioWarning

    def show(message: Warning | str, *_: object, **__: object) -> None:
        print_note(f"warning: {message}")

    warnings.simplefilter("ignore")
    warnings.simplefilter("always", AudioWarning)
    warnings.showwarning = show


def keep_libraries_quiet() -> None:
    """Point descriptor 2 nowhere and write to the real standard error from here alone.

    The MP3 decoder inside libsndfile prints lines of its own about damaged files, which are told in one of ours. For
    commands that hear recordings and no more: what a crash of torch or of the system would say is lost as well.
    """
    try:
        if sys.stderr.fileno() != STANDARD_ERROR:
            return
    except (OSError, ValueError):
        return  # no file at all, as in a test or a notebook
    sys.stderr = os.fdopen(
        os.dup(STANDARD_ERROR), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace"
    )
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STANDARD_ERROR)
    os.close(nowhere)


@contextmanager
def progress_bar(total_seconds: Callable[[], float | None]) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal, and nothing elsewhere; gives the function that moves it on by some seconds of audio.

    `total_seconds` is asked on a terminal only; None when it is not known.
    """
    if not _can_show_bars():
        yield lambda seconds: None
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn(), TimeRemainingColumn())
    with _bar.show(*columns) as bar:
        task = bar.add_task("", total=total_seconds())
        yield lambda seconds: bar.advance(task, seconds)


@contextmanager
def step_bar() -> Iterator[Callable[[int, int, str], None]]:
    """A bar of counted work on a terminal, and nothing elsewhere.

    Gives the function that tells how many steps are done, of how many, and describes that.
    """
    if not _can_show_bars():
        yield lambda done, total, description: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    columns = (BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with _bar.show(*columns) as bar:

        def tell(done: int, total: int, description: str) -> None:
            if not bar.tasks:  # what was done before does not count as this run's speed
                bar.add_task(description, total=total, completed=done)
            bar.update(bar.task_ids[0], completed=done, total=total, description=description)

        yield tell


def _can_show_bars() -> bool:
    """Whether standard error is a terminal on which a line can be written over."""
    if not sys.stderr.isatty():
        return False
    from rich.console import Console

    return not Console(stderr=True).is_dumb_terminal


def sum_known(seconds: Iterable[float | None]) -> float | None:
    """The sum; None where one of them is not known."""
    total = 0.0
    for each in seconds:
        if each is None:
            return None
        total += each
    return total


def _discard(stream: TextIO) -> None:
    """Point a stream nowhere, so that flushing it at exit does not fail a second time."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
