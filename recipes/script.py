"""What the scripts of the recipes share: how they end where their input is wrong, and how they read it."""

from __future__ import annotations

import json
import math
import sys
import warnings
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from speech2text.cli.console import show_warnings_as_lines
from speech2text.disk import read_whole_lines, require_place
from speech2text.errors import DamageWarning, ManifestError, OutputError, Speech2TextError, damage_raised
from speech2text.text.tokenizer import Tokenizer


def script(main: Callable[[], None]) -> Callable[[], None]:
    """Let `main` end without a traceback: 1 after a line on standard error, 130 where it was interrupted."""

    @wraps(main)
    def run() -> None:
        try:
            with warnings.catch_warnings():
                show_warnings_as_lines()
                with damage_raised():  # figures of half a recording would be those of the whole
                    main()
        except (Speech2TextError, DamageWarning) as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            sys.exit(130)

    return run


def at_least_one(text: str) -> int:
    """A whole number from 1 on, as the `type` of an argument."""
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def number_from(least: float, most: float = sys.float_info.max) -> Callable[[str], float]:
    """A number from `least` to `most`, as the `type` of an argument."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            bounds = f"{least:g} to {most:g}" if most < sys.float_info.max else f"{least:g} on"
            raise ArgumentTypeError(f"{text!r} is not a number from {bounds}")
        return number

    return read


def read_rows(file: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file that a script adds to, a line each; a last one that a stop has cut short is taken out.

    Raises:
        ManifestError: a line is no object.
        OutputError: the file cannot be written.
    """
    require_place(file)
    rows = []
    for number, line in enumerate(read_whole_lines(file, mend=True), start=1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise ManifestError(f"{file}:{number}: not a JSON object; take it out, or name another file")
        rows.append(row)
    return rows


def add_row(file: Path, row: Mapping[str, Any]) -> None:
    """Write one more line of what `read_rows` reads.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        with file.open("a", encoding="utf-8") as rows:
            rows.write(json.dumps(row) + "\n")
    except OSError as error:
        raise OutputError(f"{file}: cannot be written ({error.strerror}); free space, go on") from None


def encode_text(tokenizer: Tokenizer, text: str, audio: Path) -> list[int]:
    """The tokens of what is said in the recording `audio`.

    Raises:
        ManifestError: the text has a letter that no piece has.
    """
    try:
        return tokenizer.encode(text)
    except ValueError as error:
        raise ManifestError(f"{audio}: {error}; correct the text") from None
