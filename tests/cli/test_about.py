"""`--version`, `--help`, `inspect` and `doctor`; and what starting a command imports."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib import metadata

import pytest

from speech2text.bundle.manifest import ErrorRate
from speech2text.bundle.store import open_bundle
from speech2text.bundle.writer import write_bundle
from speech2text.cli.app import COMMANDS
from tests.tiny_bundle import tiny_files, tiny_manifest


def test_version(speech2text):
    done = speech2text("--version")
    assert done.stdout.split()[0] == "speech2text"
    assert done.returncode == 0


def test_help_lists_all_commands(speech2text):
    shown = speech2text("--help").stdout
    assert all(f"  {command} " in shown for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(speech2text, command):
    done = speech2text(command, "--help")
    assert done.returncode == 0
    assert f"speech2text {command}" in done.stdout


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("transcribe", "--help"), ("inspect",)])
def test_no_space_on_standard_output_is_told_in_a_line(speech2text, full_disk, arguments):
    done = speech2text(*arguments, stdout=full_disk, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == "error: standard output: No space left on device; free space or write elsewhere\n"


def test_an_unknown_command_is_wrong_use(speech2text):
    done = speech2text("transcripe", "x.wav")
    assert done.returncode == 2
    assert "transcripe" in done.stderr


def test_inspect_tells_what_a_bundle_is(speech2text, tiny):
    shown = speech2text("inspect", tiny).stdout
    for part in (
        "Hears how loud",
        "Apache-2.0",
        "tones",
        "CC0-1.0",
        "0.0 to 1.0 %",
        "listener.onnx",
        "40 ms",
        "640 ms",
    ):
        assert part in shown


@pytest.mark.parametrize("columns", [60, 80])
def test_inspect_fits_a_terminal_even_when_names_are_long(speech2text, tmp_path, columns):
    values = json.loads(tiny_manifest().to_json())
    values |= {"description": "word " * 60, "data": [{"name": "corpus " * 20, "hours": 1234.5, "licence": "CC " * 20}]}
    values["files"] = {name: {"sha256": "0" * 64, "bytes": 1} for name in tiny_files()}
    manifest = type(tiny_manifest()).from_json(json.dumps(values))
    write_bundle(tmp_path / "long", manifest, tiny_files())
    done = speech2text("inspect", "long", env={**os.environ, "COLUMNS": str(columns)})
    assert done.returncode == 0
    assert max(len(line) for line in done.stdout.splitlines()) <= columns
    assert "1234.5" in done.stdout


@pytest.mark.parametrize("command", ["inspect", "doctor"])
def test_no_name_in_a_bundle_steers_the_terminal(speech2text, tmp_path, command):
    manifest = replace(tiny_manifest(), name="a\x1b[31mred\ud800", wer={"b\x1b]0;title": ErrorRate(0.1, 0.0, 0.2, 10)})
    write_bundle(tmp_path / "loud", manifest, tiny_files())
    done = speech2text(command, "loud")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert r"red\ud800" in done.stdout


def test_a_terminal_that_tells_no_width_is_taken_for_one_of_80_columns(speech2text, tiny):
    done = speech2text("inspect", tiny, env={**os.environ, "COLUMNS": "0"})
    assert done.stdout == speech2text("inspect", tiny, env={**os.environ, "COLUMNS": "80"}).stdout


def test_inspect_refuses_what_was_changed(speech2text, tiny, tmp_path):
    write_bundle(tmp_path / "changed", tiny_manifest(), tiny_files())
    (tmp_path / "changed" / "README.md").write_text("# TINY\n")
    done = speech2text("inspect", "changed")
    assert (done.stdout, done.returncode) == ("", 1)
    assert "README.md was changed" in done.stderr


def test_doctor_finds_a_good_bundle_good(speech2text, tiny):
    done = speech2text("doctor", tiny)
    assert done.returncode == 0
    assert "heard as expected: one two three" in done.stdout
    assert "broken" not in done.stdout
    assert {"numpy", "soundfile", "onnxruntime", "sounddevice"} <= {
        line.split()[1] for line in done.stdout.splitlines()
    }


def test_doctor_looks_for_the_packages_of_every_extra_for_users(speech2text, tiny):
    subjects = {line.split()[1] for line in speech2text("doctor", tiny).stdout.splitlines()}
    extras = {"torch": "train", "sounddevice": "mic", "librosa": "html"}
    known = metadata.metadata("speech2text").get_all("Provides-Extra")  # of the package as it was installed
    assert {name for name, extra in extras.items() if extra in known} <= subjects
    assert "pytest" not in subjects


def test_doctor_finds_a_model_that_hears_something_else(speech2text, tmp_path):
    bundle = write_bundle(tmp_path / "deaf", tiny_manifest(), tiny_files())
    pieces = json.loads(bundle.files["pieces.json"])
    pieces["pieces"][-1] = "▁four"
    write_bundle(tmp_path / "deaf", bundle.manifest, {**bundle.files, "pieces.json": json.dumps(pieces).encode()})
    assert open_bundle(tmp_path / "deaf")
    done = speech2text("doctor", "deaf")
    assert done.returncode == 1
    assert "heard 'one two four' instead of 'one two three'" in done.stdout
    assert done.stderr.startswith("error: ")


def test_doctor_tells_of_a_damaged_bundle(speech2text, tmp_path):
    write_bundle(tmp_path / "damaged", tiny_manifest(), tiny_files())
    (tmp_path / "damaged" / "listener.onnx").unlink()
    done = speech2text("doctor", "damaged")
    assert done.returncode == 1
    assert "listener.onnx cannot be read" in done.stdout


def test_doctor_tells_of_a_manifest_that_contradicts_the_graphs(speech2text, tmp_path):
    write_bundle(tmp_path / "edited", tiny_manifest(), tiny_files())
    manifest = tmp_path / "edited" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"units": 1', '"units": 999'))
    done = speech2text("doctor", "edited")
    assert done.returncode == 1
    (broken,) = (line for line in done.stdout.splitlines() if line.startswith("broken"))
    assert "speller.onnx: hidden has the sizes" in broken
    assert done.stderr == "error: 1 of the checks above found something broken\n"


@pytest.mark.parametrize(
    ("raised", "finding"),
    [
        ("PortAudioError('no host API')", "none    sound devices   only for a microphone: the sound system"),
        ("ZeroDivisionError('of a\\ndriver')", "broken  sound devices   ZeroDivisionError: of a driver"),
    ],
)
def test_doctor_goes_on_whatever_the_sound_devices_raise(speech2text, tiny, tmp_path, raised, finding):
    (tmp_path / "sounddevice.py").write_text(
        f"class PortAudioError(Exception): pass\ndef query_devices(): raise {raised}\n"
    )
    done = speech2text("doctor", tiny, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert f"\n{finding}" in done.stdout
    assert "heard as expected" in done.stdout
    assert done.returncode == finding.startswith("broken")


def test_transcribing_imports_nothing_that_it_does_not_need(tiny):
    code = (
        "import sys\n"
        "from speech2text.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'jiwer', 'rich', 'soxr', 'pydantic') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, "transcribe", str(tiny / "sample.flac"), "--model", str(tiny)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "one two three\n[]\n"
