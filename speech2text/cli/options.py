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


class FiniteRange(click.FloatRange):
    """A number within limits that is neither infinite nor NaN, which click lets pass any limit."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; anything else is a wrong use."""
        number = float(super().convert(value, param, ctx))
        if not isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number
