"""What a listener sees on a terminal of 80 columns, a pseudo-terminal whose bytes are drawn as a terminal would."""

import os
import struct
import subprocess
import sys

import pytest
from rich.cells import cell_len

from speech2text.cli.live_display import fit
from tests.cli.conftest import COMMAND
from tests.tiny_bundle import tone

if sys.platform == "win32":
    pytest.skip("no pseudo-terminals", allow_module_level=True)

import fcntl
import pty
import termios

COLUMNS = 80


class Screen:
    """The rows of a terminal that knows carriage returns and line feeds, and wraps what is too long."""

    def __init__(self, columns):
        self.columns = columns
        self.cells = [[]]  # by row; a wide character has an empty one behind it
        self.place = 0
        self.states = []  # the last row before each carriage return
        self.wrapped = 0

    @property
    def rows(self):
        return ["".join(cells).rstrip() for cells in self.cells]

    def write(self, character):
        if character == "\r":
            self.states.append(self.rows[-1])
            self.place = 0
        elif character == "\n":
            self.cells.append([])
        else:
            new = [character] + [""] * (cell_len(character) - 1)
            if self.place + len(new) > self.columns:
                self.wrapped += 1
                self.cells.append([])
                self.place = 0
            self.cells[-1][self.place : self.place + len(new)] = new
            self.place += len(new)


def drawn(command, data=b"", columns=COLUMNS):
    """The screen after a command that had it to itself."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.PIPE, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    try:
        process.stdin.write(data)
        process.stdin.close()
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # how Linux tells the end of a pseudo-terminal
        pass
    finally:
        os.close(ours)
        process.kill()
        process.wait()
    screen = Screen(columns)
    for character in shown.decode():
        screen.write(character)
    return screen


def listen(tiny, *words):
    samples = (tone(*words, seconds=0.4) * 32767).astype("<i2").tobytes()
    return drawn([*COMMAND, "listen", "-", "--model", tiny], samples)


def display(code, columns):
    start = "import numpy as np\nfrom speech2text.cli.live_display import LiveDisplay\ndisplay = LiveDisplay()\n"
    return drawn([sys.executable, "-c", start + code], columns=columns)


def test_words_are_shown_while_they_are_said_and_stay_once_they_are_final(tiny):
    screen = listen(tiny, "one", "two", "three", "", "", "two", "three", "two", "", "")
    assert screen.rows[:2] == ["one two three", "two three two"]
    assert screen.rows[2].startswith("4.0 s heard")
    growing = list(dict.fromkeys(state[2:] for state in screen.states if state[2:]))
    assert growing.index("one") < growing.index("one two three") < growing.index("two")
    assert screen.wrapped == 0


def test_a_text_that_is_too_long_shows_its_end_in_one_row(tiny):
    words = ["one", "two", "three"] * 12
    screen = listen(tiny, *words)
    assert max(len(state) for state in screen.states) == COLUMNS - 1
    cut = [state for state in screen.states if state[2:3] == "…"]
    assert cut
    assert all(len(state) == COLUMNS - 1 and state[3:] in " ".join(words) for state in cut)
    final = " ".join(words)
    assert "".join(row.ljust(COLUMNS) for row in screen.rows[:3]).rstrip() == final
    assert screen.wrapped == len(final) // COLUMNS  # the final text alone


def test_a_note_comes_between_and_the_text_comes_back():
    screen = display("display.partial('one two'); display.note('warning: x'); display.partial('one two three')", 40)
    assert screen.rows[0] == "warning: x"
    assert screen.rows[1] == "  one two three"


def test_wide_characters_take_two_columns():
    screen = display("for n in range(30): display.partial('日本語' * n)\ndisplay.final('日本')", 21)
    assert screen.wrapped == 0
    assert max(cell_len(state) for state in screen.states) in (19, 20)
    assert screen.rows[0] == "日本"


def test_a_shorter_text_leaves_nothing_of_a_longer_one():
    screen = display("display.partial('one two three'); display.partial('日本'); display.partial('one')", 40)
    assert [state.strip() for state in screen.states] == ["", "one two three", "日本"]
    assert screen.rows == ["  one"]


def test_the_meter_shows_how_loud_it_is():
    code = "for level in (1, 0.1, 0.001, 0): display.level(np.full(10, level, np.float32))\ndisplay.partial('x')"
    screen = display(code, 40)
    assert [state.strip() for state in screen.states] == ["", "█", "▅", ""]


def test_elsewhere_there_are_final_lines_alone():
    code = "import numpy as np\nfrom speech2text.cli.live_display import LiveDisplay\ndisplay = LiveDisplay()\n"
    code += "display.level(np.ones(9, np.float32)); display.partial('one'); display.final('one two'); display.clear()"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"one two\n"


@pytest.mark.parametrize(
    ("text", "width", "line"),
    [
        ("one two", 9, "| one two"),
        ("one two", 8, "| …e two"),
        ("日本語", 8, "| 日本語"),
        ("日本語", 7, "| …本語"),
        ("日本語", 6, "| …語"),
        ("e\u0301" * 9, 6, "| …" + "e\u0301" * 3),
        ("one", 1, "| …"),
    ],
)
def test_the_end_of_a_text_is_kept(text, width, line):
    assert fit("| ", text, width) == line
