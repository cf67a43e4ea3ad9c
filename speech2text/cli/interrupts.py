"""Ctrl-C and other wishes to end, which let transcribe and listen keep what they have.

The other commands end by KeyboardInterrupt, and the service by the signals of its own loop.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from time import monotonic
from types import FrameType

_PATIENCE_SECONDS = 2.0
_SHOW_CURSOR = b"\x1b[?25h"  # a progress bar hides it
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
EXIT_AFTER_SIGNAL = 128
"""What shells add to a signal's number to tell of it."""


class Interruption:
    """What has come so far.

    Attributes:
        signal: the first one's number, None before.
    """

    def __init__(self, stop: Event) -> None:
        self.signal: int | None = None
        self._stop = stop
        self._terminal = _find_terminal()
        self._since = 0.0

    def take(self, number: int, _: FrameType | None) -> None:
        """Handle a signal: the first sets the event, and one that comes while that takes too long ends the program."""
        if self.signal is None:
            self._since = monotonic()
            self.signal = number  # from here on another signal, which may come between any two lines, finds it taken
            self._stop.set()
        elif monotonic() - self._since > _PATIENCE_SECONDS:
            if self._terminal is not None:
                os.write(self._terminal, _SHOW_CURSOR)
            os._exit(EXIT_AFTER_SIGNAL + self.signal)  # threads that do not look at the event would be waited for


def _find_terminal() -> int | None:
    """The descriptor of standard error where that is a terminal; it need not be 2 (console.keep_libraries_quiet)."""
    try:
        return sys.stderr.fileno() if sys.stderr.isatty() else None
    except (OSError, ValueError):
        return None


@contextmanager
def interrupts_set(stop: Event) -> Iterator[Interruption]:
    """Let Ctrl-C, and the signals of a terminal that closes and of `kill`, set `stop` instead of raising anything.

    A second one is taken for impatience and changes nothing, unless it comes two seconds later: then it ends the
    program at once.
    """
    interruption = Interruption(stop)
    heeded = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]  # nohup lets one be ignored
    before = [signal.signal(each, interruption.take) for each in heeded]
    try:
        yield interruption
    finally:
        for each, handler in zip(heeded, before, strict=True):
            # an interrupted program is about to end, and its exit code tells of the first signal
            signal.signal(each, handler if interruption.signal is None else signal.SIG_IGN)
