"""What the options of several commands share."""

import re
import subprocess
import sys

import pytest

from speech2text.cli.console import sum_known


@pytest.mark.parametrize(("seconds", "total"), [([], 0.0), ([1.0, 2.5], 3.5), ([1.0, None, 2.0], None)])
def test_what_is_not_known_makes_the_sum_unknown(seconds, total):
    assert sum_known(iter(seconds)) == total


def test_transcribe_and_evaluate_describe_their_common_options_alike(speech2text):
    shown = [speech2text(command, "--help").stdout for command in ("transcribe", "evaluate")]
    for option in ("--model", "--beam-size", "--threads"):
        first, second = (re.search(rf"  {option} .*(?:\n {{6,}}.*)*", text)[0].split() for text in shown)
        assert first == second


@pytest.mark.parametrize("command", [("transcribe", "x.wav"), ("evaluate", "x.jsonl"), ("listen",), ("serve",)])
def test_a_score_without_hot_words_is_a_wrong_use(speech2text, command):
    done = speech2text(*command, "--hotwords-score", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--hotwords-score is for the words of --hotwords-file; name one" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "moved"),
    [
        (("transcribe", "none.wav", "--model", "none"), True),
        (("evaluate", "none.jsonl"), True),
        (("export", "none", "bundle"), False),
        (("train", "--data", "none"), False),
    ],
)
def test_only_commands_that_hear_and_no_more_keep_libraries_quiet(tmp_path, arguments, moved):
    code = (
        "import sys\n"
        "from speech2text.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: print(sys.stderr.fileno() != 2)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{moved}\n"
    assert done.stderr.startswith("error: ")
