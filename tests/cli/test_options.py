"""What the options of several commands share."""

import re

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
