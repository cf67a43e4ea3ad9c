"""Law 10: one bad file harms no other, and whatever was transcribed before a failure is on disk."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
import warnings
from pathlib import Path

import pytest
import soundfile

import speech2text
from speech2text.audio.files import SAMPLE_RATE
from speech2text.errors import AudioWarning
from tests.cli.conftest import COMMAND
from tests.tiny_bundle import tone, write_tiny_bundle
from tests.zoo import build_zoo


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny").folder


@pytest.fixture(scope="module")
def animals(tmp_path_factory):
    """Files of all kinds, the bad between the good, and a recording that says something at either end."""
    folder = tmp_path_factory.mktemp("zoo")
    animals = {animal.path: animal.error for animal in build_zoo(folder)}
    good = [path for path, error in animals.items() if not error]
    bad = [path for path, error in animals.items() if error]
    first, last = folder / "!first.wav", folder / "~last.wav"
    soundfile.write(first, tone("one", "", "two"), SAMPLE_RATE)
    soundfile.write(last, tone("three", "", "one"), SAMPLE_RATE)
    mixed = [path for pair in zip(good, bad, strict=False) for path in pair]
    return [first, *mixed, *good[len(bad) :], last], bad


@pytest.fixture(scope="module")
def texts(bundle, animals):
    """What each good file says when it is alone."""
    recognizer = speech2text.load_model(bundle)
    paths, bad = animals
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AudioWarning)
        return {path: recognizer.transcribe(path).text for path in paths if path not in bad}


def start(*arguments: str | Path, bundle: Path, **options) -> subprocess.Popen[str]:
    command = [*COMMAND, "transcribe", *map(str, arguments), "--model", str(bundle)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **pipes, **options)


def assert_each_is_reported_once(stderr: str, bad: list[Path], total: int) -> None:
    *errors, summary = [line for line in stderr.splitlines() if line.startswith("error: ")]
    assert sorted(line.split(": ")[1] for line in errors) == sorted(map(str, bad))
    assert summary == f"error: {len(bad)} of {total} files not transcribed"
    others = [line for line in stderr.splitlines() if not line.startswith("error: ")]
    assert all(line.startswith("warning: ") for line in others)


@pytest.mark.parametrize("threads", [1, 3])
def test_bad_files_change_nothing_of_what_good_ones_say(bundle, animals, texts, threads):
    paths, bad = animals
    process = start(*paths, "--threads", str(threads), bundle=bundle)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stdout.splitlines() == [f"{path}\t{text}" for path, text in texts.items()]
    assert_each_is_reported_once(stderr, bad, len(paths))
    assert texts[paths[0]] == "one two" and texts[paths[-1]] == "three one"


def test_bad_files_keep_no_good_one_from_the_disk(bundle, animals, texts, tmp_path):
    paths, bad = animals
    process = start(*paths, "--output-dir", tmp_path, bundle=bundle)
    _, stderr = process.communicate(timeout=60)
    assert_each_is_reported_once(stderr, bad, len(paths))
    written = sorted(file.read_text().strip() for file in tmp_path.iterdir())
    assert written == sorted(texts.values())


@pytest.fixture
def short_and_endless(tmp_path):
    """A recording of a second, and one that takes long to hear."""
    short, endless = tmp_path / "short.wav", tmp_path / "endless.wav"
    soundfile.write(short, tone("one", "two"), SAMPLE_RATE)
    soundfile.write(endless, tone(*["three", ""] * 600, seconds=1.0), SAMPLE_RATE)
    return short, endless


def test_what_was_transcribed_before_a_crash_is_on_disk(bundle, short_and_endless, tmp_path):
    process = start(*short_and_endless, "--output-dir", tmp_path / "out", bundle=bundle)
    while not (tmp_path / "out" / "short.txt").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert {file.name: file.read_text() for file in (tmp_path / "out").iterdir()} == {"short.txt": "one two\n"}


def test_what_was_printed_before_a_crash_is_printed(bundle, short_and_endless):
    process = start(*short_and_endless, bundle=bundle)
    assert process.stdout is not None
    assert process.stdout.readline() == f"{short_and_endless[0]}\tone two\n"  # before the other is done
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_what_was_transcribed_before_the_disk_was_full_is_on_disk(bundle, short_and_endless, tmp_path):
    short, _ = short_and_endless
    shutil.copy(short, tmp_path / "later.wav")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "later.txt").symlink_to("/dev/full")
    process = start(short, tmp_path / "later.wav", "--output-dir", tmp_path / "out", bundle=bundle)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    unwritten, summary = stderr.splitlines()
    assert unwritten.startswith(f"error: {tmp_path}/out/later.txt: ")
    assert summary == "error: 1 of 2 files not transcribed"
    assert (tmp_path / "out" / "short.txt").read_text() == "one two\n"
