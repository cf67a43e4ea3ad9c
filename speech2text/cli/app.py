"""The `speech2text` command: imports the chosen command alone, and turns errors into one line."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from errno import ENOSPC
from importlib import import_module
from io import TextIOWrapper

import click

from speech2text.cli.console import output_lost, print_error
from speech2text.errors import Speech2TextError

COMMANDS = ("transcribe", "listen", "serve", "train", "train-lm", "evaluate", "export", "inspect", "doctor")
"""Each is the `click.Command` of its name in the module of its name in this folder, with `_` for `-`."""


class LazyGroup(click.Group):
    """Finds a command by importing its module, so that no command pays for what another one needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None when there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"speech2text.cli.{name}"), name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an error of the input is one line and exit code 1, Ctrl-C is exit code 130."""
        try:
            return super().invoke(ctx)
        except Speech2TextError as error:
            print_error(str(error))
            raise SystemExit(1) from None
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        except Exception as error:
            if not _was_interrupted(error):
                raise
            raise SystemExit(130) from None


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind the error: a module whose import it ends says only that this failed, each in its way."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _with_hyphens(option: str) -> str:
    """Accept `--output_dir`, as whisper spells it, for `--output-dir`."""
    return option.replace("_", "-")


@click.group(
    cls=LazyGroup,
    context_settings={
        "token_normalize_func": _with_hyphens,
        "help_option_names": ["-h", "--help"],
        "show_default": True,
    },
)
@click.version_option(package_name="speech2text", message="%(prog)s %(version)s")
def application() -> None:
    """Speech to text, offline: transcribe recordings, train a recogniser of your own, run it anywhere."""


def _open_closed_streams() -> None:
    """Let what goes to a standard stream that the caller closed (`>&-`) go nowhere.

    Python has None for such a stream, and the next file that is opened would get its descriptor. Standard input stays
    None, so that reading it can be told from an empty file.
    """
    for name in ("stdin", "stdout", "stderr"):  # the lowest free descriptor is the stream's own
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if name != "stdin":
                setattr(sys, name, os.fdopen(descriptor, "w", encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code: 0 done, 1 failed, 2 used wrongly, 130 interrupted."""
    _open_closed_streams()
    if isinstance(sys.stdout, TextIOWrapper):  # data is UTF-8 everywhere, and a file's name keeps its bytes
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    atexit.register(gc.freeze)  # nothing needs to be looked for and freed one by one when all of it goes
    try:
        application(sys.argv[1:] if arguments is None else list(arguments), prog_name="speech2text")
    except OSError as error:
        if error.errno != ENOSPC:
            raise
        print_error(str(output_lost(error)))  # click writes help, and rich a capture's end, by themselves
        raise SystemExit(1) from None
