"""What the options of several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import isfinite
from os import PathLike, fspath
from pathlib import Path

import click
from click.core import ParameterSource

from speech2text.bundle.manifest import LARGEST_BEAM, LARGEST_WEIGHT
from speech2text.runtime.options import HOTWORDS_SCORE, MOST_THREADS, SearchOptions

_TUNED = "what the model was tuned for"


class NamedPath(click.Path):
    """A path that is not empty, as that of an unset variable is: it would be the current folder."""

    def __init__(self, *, dir_okay: bool = True) -> None:
        super().__init__(dir_okay=dir_okay, path_type=Path)

    def convert(
        self, value: str | PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | PathLike[str]:
        """The path.

        Raises:
            BadParameter: it is empty, or a folder where that cannot be.
        """
        if not fspath(value):
            self.fail("the name is empty.", param, ctx)
        return super().convert(value, param, ctx)


def require_finite(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """A callback of options: infinity and NaN, which click lets pass, are a wrong use."""
    if value is not None and not isfinite(value):
        raise click.BadParameter(f"{value} is not a finite number.")
    return value


def require_name(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """The value of an option, which an unset variable of a shell leaves empty.

    Raises:
        click.BadParameter: it is empty.
    """
    if value == "":
        raise click.BadParameter("the name is empty.")
    return value


def given(*names: str) -> list[str]:
    """Which options of these parameters stand on the command line."""
    context = click.get_current_context()
    sources = {name: context.get_parameter_source(name) for name in names}
    return [f"--{name.replace('_', '-')}" for name in names if sources[name] is ParameterSource.COMMANDLINE]


model_option = click.option(
    "--model", default="default", callback=require_name, metavar="BUNDLE", help="`default`, or the folder of a bundle."
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(1, MOST_THREADS),
    default=1,
    help="Recordings heard side by side, in so many processes; the result is the same.",
)
processor_threads_option = click.option(
    "--threads", type=click.IntRange(1, MOST_THREADS), show_default="one a core", help="Processor threads."
)


def search_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the search; the command is given all of them as one `options`, a `SearchOptions`."""

    @click.option(
        "--beam-size",
        type=click.IntRange(1, LARGEST_BEAM),
        show_default=_TUNED,
        help="Readings the search keeps.",
    )
    @click.option(
        "--once",
        is_flag=True,
        help="Hear everything at one speed only, where the model would hear it at several: faster, and less right.",
    )
    @click.option(
        "--lm-weight",
        type=click.FloatRange(0, LARGEST_WEIGHT),
        callback=require_finite,
        show_default=_TUNED,
        help="How much the model's language model counts; 0 leaves it out.",
    )
    @click.option(
        "--hotwords-file",
        type=NamedPath(),
        help="Words and phrases to expect, one a line; lines that begin with # are comments.",
    )
    @click.option(
        "--hotwords-score",
        type=click.FloatRange(0, LARGEST_WEIGHT),
        callback=require_finite,
        show_default=str(HOTWORDS_SCORE),
        help="What each letter of a hot word adds to the score of a reading.",
    )
    @wraps(command)
    def with_options(
        *,
        beam_size: int | None,
        once: bool,
        lm_weight: float | None,
        hotwords_file: Path | None,
        hotwords_score: float | None,
        **others: object,
    ) -> None:
        if hotwords_score is not None and hotwords_file is None:
            raise click.UsageError("--hotwords-score is for the words of --hotwords-file; name one")
        options = SearchOptions(
            beam_size=beam_size,
            other_speeds=() if once else None,
            lm_weight=lm_weight,
            hotwords=hotwords_file or (),
            hotwords_score=HOTWORDS_SCORE if hotwords_score is None else hotwords_score,
        )
        command(options=options, **others)

    return with_options
