"""A script of the recipes tells what is wrong with its input in a line, as the commands do."""

import sys
from argparse import ArgumentTypeError
from importlib import import_module

import numpy as np
import pytest
import soundfile

from recipes.script import number_from, read_rows, script
from speech2text.audio.utterances import read_utterances
from speech2text.errors import ManifestError, OutputError

MISSING = "not-there.jsonl"
CALLS = {
    "figures": ["--bundle=default", MISSING],
    "english.average": [MISSING, "default", "out"],
    "english.synthesize": ["espeak", MISSING, "out"],
    "measurements.beams": [MISSING],
    "measurements.calibration": [MISSING, "spoken.jsonl"],
    "measurements.edges": [MISSING],
    "measurements.hearings": [MISSING],
    "measurements.hotwords": [MISSING],
    "measurements.live": ["delays", MISSING],
    "measurements.long_recordings": [MISSING],
    "measurements.pauses": [MISSING],
    "measurements.silence": ["--noise=noise.jsonl", MISSING],
    "measurements.speed": [MISSING],
    "measurements.thresholds": [MISSING],
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


def test_recordings_that_a_folder_leaves_out_are_told_and_the_others_measured(tmp_path, monkeypatch, capsys):
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, np.zeros(1600), 16_000)
    (tmp_path / "a.txt").write_text("one")
    heard = []
    script(lambda: heard.extend(read_utterances(tmp_path)))()
    assert [each.audio.name for each in heard] == ["a.wav"]
    assert capsys.readouterr().err.startswith(f"warning: {tmp_path}: 1 of 2 audio files have no text and are left out")


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1.5", "many"])
def test_a_number_out_of_bounds_is_refused(text):
    with pytest.raises(ArgumentTypeError, match=r"is not a number from 0 to 1"):
        number_from(0, 1)(text)
    assert number_from(0, 1)("0.5") == number_from(0.5)("0.5") == 0.5


def test_a_script_that_is_interrupted_ends_as_a_command_does():
    @script
    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 130


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("beams", [MISSING, "--rounds=0"]),
        ("live", ["joints", MISSING, "--utterances=-1"]),
        ("long_recordings", [MISSING, "--joinings=0"]),
        ("rivals", [MISSING, "--most=0"]),
        ("speed", [MISSING, "--rounds=1.5"]),
        ("times", ["bundle", "--recordings=0"]),
    ],
)
def test_a_number_of_nothing_is_told_in_a_line(name, options, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, *options])
    with pytest.raises(SystemExit) as stop:
        import_module(f"recipes.measurements.{name}").main()
    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith("is not a whole number from 1 on\n")


@pytest.mark.parametrize("line", ["{", "1", '"text"', "", "[]", "null"])
def test_a_line_that_is_no_object_is_told_with_its_number(tmp_path, line):
    file = tmp_path / "rows.jsonl"
    file.write_text(f'{{"id": "a"}}\n{line}\n')
    with pytest.raises(ManifestError, match=r"rows\.jsonl:2: not a JSON object"):
        read_rows(file)


def test_rows_in_no_folder_are_told_before_the_work(tmp_path):
    with pytest.raises(OutputError, match="its folder does not exist"):
        read_rows(tmp_path / "none" / "rows.jsonl")
