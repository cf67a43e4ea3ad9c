"""What the options of several commands share."""

from __future__ import annotations

from math import isfinite

import click

model_option = click.option(
    "--model", default="default", show_default=True, help="`default`, or the folder of a bundle."
)
beam_size_option = click.option(
    "--beam-size",
    type=click.IntRange(min=1),
    help="Readings the search keeps; what the model was tuned for if not given.",
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Files transcribed side by side; the result is the same.",
)


def require_finite(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """A callback of options: infinity and NaN, which click lets pass, are a wrong use."""
    if value is not None and not isfinite(value):
        raise click.BadParameter(f"{value} is not a finite number.")
    return value
