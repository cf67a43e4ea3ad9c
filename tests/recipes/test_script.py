"""A script of the recipes tells what is wrong with its input in a line, as the commands do."""

import sys
from importlib import import_module

import pytest

from recipes.script import script

MISSING = "not-there.jsonl"
CALLS = {
    "figures": ["--bundle=default", MISSING],
    "english.average": [MISSING, "default", "out"],
    "english.synthesize": ["espeak", MISSING, "out"],
    "measurements.beams": [MISSING],
    "measurements.calibration": [MISSING, "spoken.jsonl"],
    "measurements.edges": [MISSING],
    "measurements.hotwords": [MISSING],
    "measurements.live": ["delays", MISSING],
    "measurements.long_recordings": [MISSING],
    "measurements.pauses": [MISSING],
    "measurements.silence": ["--noise=noise.jsonl", MISSING],
    "measurements.speed": [MISSING],
    "measurements.times": ["bundle", MISSING],
}


@pytest.mark.parametrize("name", CALLS)
def test_a_mistyped_file_is_told_in_a_line(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, *CALLS[name]])
    with pytest.raises(SystemExit):
        import_module(f"recipes.{name}").main()
    captured = capsys.readouterr()
    told = captured.err.splitlines()[-1]
    assert "error: " in told
    assert MISSING in told
    assert not captured.out
    assert not list(tmp_path.iterdir())


def test_a_script_that_is_interrupted_ends_as_a_command_does():
    @script
    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 130
