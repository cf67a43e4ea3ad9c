"""Names and messages as one line that steers no terminal."""

from __future__ import annotations

from unicodedata import category

_CONTROLS = ("Cc", "Zl", "Zp", "Cs")
"""Unicode's categories of control characters, of separators of lines and paragraphs, and of halves of pairs."""
_BYTES = range(0xDC80, 0xDD00)
"""Halves by which Python names bytes that are no text, as in a file's name; an output writes the bytes."""


def in_a_line(text: object) -> str:
    """The text, with what would break a line or a column, steer a terminal, or be no text, written as in Python."""
    return "".join(letter if _is_plain(letter) else repr(letter)[1:-1] for letter in str(text))


def _is_plain(letter: str) -> bool:
    return category(letter) not in _CONTROLS or ord(letter) in _BYTES
