"""Ctrl-C that comes again, because the first takes too long."""

import os
import pty
import signal
import subprocess
import sys
import time

STUCK = """
import time
from threading import Event
from speech2text.cli.console import keep_libraries_quiet
from speech2text.cli.interrupts import interrupts_set

keep_libraries_quiet()
with interrupts_set(Event()):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_the_second_ends_what_is_stuck_and_gives_the_cursor_back():
    terminal, inside = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE, stderr=inside) as process:
        assert process.stdout.readline() == b"ready\n"
        for wait in (0.2, 2.1):
            time.sleep(wait)
            process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    os.close(inside)
    drawn = os.read(terminal, 1000)
    os.close(terminal)
    assert drawn == b"\x1b[?25h"
