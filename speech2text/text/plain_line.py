"""Names and messages as one line that steers no terminal."""

from __future__ import annotations

from unicodedata import category

_CONTROLS = ("Cc", "Zl", "Zp", "Cs")
"""Unicode's categories of control characters, of separators of lines and paragraphs, and of halves of pairs, which no
output takes: they stand for bytes of a name that are no text."""


def in_a_line(text: object) -> str:
    """The text, with what would break a line or a column, or steer a terminal, written as in Python."""
    return "".join(repr(letter)[1:-1] if category(letter) in _CONTROLS else letter for letter in str(text))
