"""How a script of the recipes ends where its input is wrong: as the commands do, with one line and exit code 1."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps

from speech2text.errors import AudioWarning, Speech2TextError, damage_raised


def script(main: Callable[[], None]) -> Callable[[], None]:
    """Let `main` end without a traceback: 1 after a line on standard error, 130 where it was interrupted."""

    @wraps(main)
    def run() -> None:
        try:
            with damage_raised():  # figures of half a recording would be those of the whole
                main()
        except (Speech2TextError, AudioWarning) as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            sys.exit(130)

    return run
