"""What a listener sees: final lines on standard output, and on a terminal one line that is rewritten meanwhile."""

from __future__ import annotations

import shutil
import sys

import numpy as np
from numpy.typing import NDArray

from speech2text.cli.console import print_note, print_output

_BARS = " ▁▂▃▄▅▆▇█"
_ECHO = "^C"  # what a terminal adds to the line by itself
_QUIETEST, _LOUDEST = -60.0, 0.0  # decibels of full scale at the ends of the meter


class LiveDisplay:
    """Rewrites the last line of a terminal; elsewhere there are final lines alone."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._shown = ""
        self._meter = " "
        self._partial = ""

    def level(self, block: NDArray[np.float32]) -> None:
        """Show how loud a block (N,) is, beside the text that is open."""
        if self._is_terminal and len(block):
            decibels = 20 * np.log10(max(float(np.abs(block).max()), 1e-6))
            place = (decibels - _QUIETEST) / (_LOUDEST - _QUIETEST) * (len(_BARS) - 1)
            self._meter = _BARS[min(max(round(place), 0), len(_BARS) - 1)]
            self._draw()

    def partial(self, text: str) -> None:
        """Show the text that is open; of one that is too long for the line, its end."""
        self._partial = text
        if self._is_terminal:
            self._draw()

    def final(self, text: str) -> None:
        """Write a line that stays."""
        self._partial = ""
        self.clear()
        if text:
            print_output(text)

    def note(self, message: str) -> None:
        """Write a line for people."""
        self.clear()
        print_note(message)

    def clear(self) -> None:
        """Take the open line away."""
        if self._shown:
            from rich.cells import cell_len

            columns = min(cell_len(self._shown) + len(_ECHO), shutil.get_terminal_size().columns - 1)
            print_output("\r" + " " * columns + "\r", end="")
            self._shown = ""

    def _draw(self) -> None:
        from rich.cells import cell_len

        line = fit(f"{self._meter} ", self._partial, shutil.get_terminal_size().columns - 1)
        if line != self._shown:
            print_output("\r" + line + " " * max(cell_len(self._shown) - cell_len(line), 0), end="")
            self._shown = line


def fit(head: str, text: str, width: int) -> str:
    """The head and so much of the end of a text as fits into some columns; … for what does not."""
    from rich.cells import cell_len

    if cell_len(head + text) <= width:
        return head + text
    while text and (cell_len(head + "…" + text) > width or not cell_len(text[0])):  # an accent goes with its letter
        text = text[1:]
    return head + "…" + text
