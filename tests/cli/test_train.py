"""`speech2text train` as a process: it trains, stops, goes on, and says in one line what is wrong."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import time

import pytest
import soundfile
import torch
from click.testing import CliRunner
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from speech2text.cli.app import application
from speech2text.training.checkpoint import load_checkpoint, load_run
from speech2text.training.corpus import find_example
from speech2text.training.lock import hold
from tests.training.tiny import RATE, TINY, sing, write_recordings

COMMAND = (sys.executable, "-c", "import sys; from speech2text.cli.app import main; sys.exit(main())", "train")
PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_recordings(tmp_path_factory.mktemp("data"))


def arguments(data, run, *changes):
    settings = [part for change in (*TINY, *changes) for part in ("--set", change)]
    return ["--data", str(data), "--run", str(run), "--threads", "1", *settings]


def train(*command):
    """Run the command in this process."""
    threads = torch.get_num_threads()
    try:
        return CliRunner().invoke(application, ["train", *map(str, command)])
    finally:
        torch.set_num_threads(threads)


def complaint(*command):
    """The one line that a command which cannot work says."""
    result = train(*command)
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


@contextlib.contextmanager
def started(data, run, *changes, **options):
    """The command as a process of its own, which is dead at the end."""
    command = [*COMMAND, *arguments(data, run, *changes)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition, process):
    """Wait until the condition holds, for as long as the process lives."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_same_end(run, other):
    found, expected = load_checkpoint(run), load_checkpoint(other)
    assert found.position == expected.position
    for part in ("model", "average", "optimizer"):
        for name, tensor in getattr(expected, part).items():
            assert torch.equal(getattr(found, part)[name], tensor), f"{part} {name}"


def test_a_folder_and_the_packaged_recipe_are_enough(data, tmp_path):
    result = train(*arguments(data, tmp_path / "run"))
    assert (result.exit_code, result.stdout) == (0, "")
    assert not re.search(r"[\x1b\r━]", result.stderr)  # a bar is for terminals
    first, *reports, last = result.stderr.splitlines()
    assert re.fullmatch(r"my-model: \d utterances, 0.00 h, 0.0 M parameters, 6 pieces, fp32", first)
    assert [report.split(":")[0] for report in reports] == ["step 3 of 6", "step 6 of 6"]
    assert all(re.search(r"loss \d.*x real time, dev WER \(CTC greedy\) \d+\.\d %$", report) for report in reports)
    assert last == f"done: {tmp_path}/run; export it: speech2text export {tmp_path}/run MY-BUNDLE"
    assert load_run(tmp_path / "run").step == 6
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert len(events.Scalars("loss")) == 6
    assert len(events.Scalars("wer")) == 2


def test_without_run_the_folder_has_the_name_of_the_recipe(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = [part for change in (*TINY, "name=mine") for part in ("--set", change)]
    assert train("--data", data, *settings).exit_code == 0
    assert load_run(tmp_path / "runs" / "mine").step == 6


def test_a_manifest_and_a_recipe_folder_will_do(data, tmp_path):
    rows = [{"audio": str(data / f"{number}.wav"), "text": "a b"} for number in range(4)]
    (tmp_path / "some.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "recipe.toml").write_text('name="x"\ndescription="y"\nlanguages=["en"]\nlicence="z"\n')
    result = train(tmp_path, *arguments(tmp_path / "some.jsonl", tmp_path / "run"))
    assert result.exit_code == 0
    assert result.stderr.startswith("x: ")


def test_the_same_command_again_has_nothing_to_do(data, tmp_path):
    train(*arguments(data, tmp_path / "run"))
    result = train(*arguments(data, tmp_path / "run"))
    assert result.exit_code == 0
    assert "from step 6" in result.stderr.splitlines()[0]


def test_recordings_that_are_left_out_are_counted(data, tmp_path):
    folder = write_recordings(tmp_path / "data")
    (folder / "4.wav").write_bytes(b"no sound")
    result = train(*arguments(folder, tmp_path / "run"))
    assert result.exit_code == 0
    note = result.stderr.splitlines()[1]
    assert note.startswith(f"1 recordings of train are left out, as {folder}/4.wav: ")
    assert note.endswith(f"all: {tmp_path}/run/cache/train.json")


def test_texts_that_are_too_long_for_their_recordings_are_counted(tmp_path):
    folder = write_recordings(tmp_path / "data")
    (folder / "3.txt").write_text("c" * 40)
    result = train(*arguments(folder, tmp_path / "run", "data.dev_share=0"))
    assert result.exit_code == 0
    assert "CTC cannot learn from 1 utterances" in result.stderr


def test_splices_without_speakers_are_told(data, tmp_path):
    result = train(*arguments(data, tmp_path / "run", "augmentation.splice_share=0.5"))
    assert "splice_share changes nothing: no row of the manifests names its 'speaker'" in result.stderr


def test_two_processes_do_not_train_in_one_folder(data, tmp_path):
    with hold(tmp_path / "run"):
        result = train(*arguments(data, tmp_path / "run"))
    assert result.exit_code == 1
    assert f"{tmp_path / 'run'}: another process trains there" in result.stderr
    assert train(*arguments(data, tmp_path / "run")).exit_code == 0


def test_unusable_recordings_to_measure_by_do_not_stop_training(data, tmp_path):
    dev = write_recordings(tmp_path / "both" / "dev")
    for number in range(10):
        soundfile.write(dev / f"{number}.wav", sing("a") * 0, 1000)  # 1.6 s at this rate
    write_recordings(tmp_path / "both" / "train")
    changes = ("data.train=['train']", "data.dev=['dev']", "data.longest_seconds=1.2", "training.steps=3")
    result = train(*arguments(tmp_path / "both", tmp_path / "run", *changes))
    assert result.exit_code == 0
    note, *reports = result.stderr.splitlines()[1:]
    assert note.startswith(f"no recording of dev is usable, so no error rate is measured, as {dev}/0.wav: 1.6 s long")
    assert not any("WER" in line for line in reports)
    assert find_example(tmp_path / "run") is not None, "one of train is shown instead"


def test_a_truncated_recording_is_left_out_with_its_reason(tmp_path):
    folder = write_recordings(tmp_path / "data")
    soundfile.write(folder / "4.flac", sing("abcabcabc" * 5), RATE)
    (folder / "4.wav").unlink()
    (folder / "4.flac").write_bytes((folder / "4.flac").read_bytes()[:-2000])
    process = subprocess.run(
        [*COMMAND, *arguments(folder, tmp_path / "run")], capture_output=True, text=True, check=True
    )
    assert "arning" not in process.stderr
    note = process.stderr.splitlines()[1]
    assert note.startswith(f"1 recordings of train are left out, as {folder}/4.flac: damaged or cut short: ")


def test_profile_prints_its_line_and_keeps_nothing(data, tmp_path, monkeypatch):
    scratch, here = tmp_path / "scratch", tmp_path / "here"
    scratch.mkdir()
    here.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    monkeypatch.chdir(here)
    before = sorted(data.iterdir())
    settings = [part for change in (*TINY, "training.steps=1") for part in ("--set", change)]
    result = train("--data", data, "--threads", 1, *settings, "--profile")
    assert result.exit_code == 0
    assert re.fullmatch(r"\d+ seconds of audio a second \(19 steps, \d+ s, fp32\)\n", result.stdout)
    assert result.stderr == ""
    assert (list(scratch.iterdir()), list(here.iterdir()), sorted(data.iterdir())) == ([], [], before)


def test_a_profile_has_no_folder(data, tmp_path):
    result = train(*arguments(data, tmp_path / "run"), "--profile")
    assert result.exit_code == 2
    assert "--profile keeps nothing" in result.stderr
    assert not (tmp_path / "run").exists()


def test_missing_data_is_one_line(tmp_path):
    assert f"{tmp_path}/none: no such manifest or folder" in complaint(*arguments(tmp_path / "none", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_data_without_texts_is_one_line(tmp_path):
    folder = write_recordings(tmp_path / "data")
    for text in folder.glob("*.txt"):
        text.unlink()
    assert "none of its 10 audio files has a text; put 0.txt beside 0.wav" in complaint(
        *arguments(folder, tmp_path / "run")
    )


def test_data_without_sound_is_one_line(tmp_path):
    folder = write_recordings(tmp_path / "data")
    for sound in folder.glob("*.wav"):
        sound.write_bytes(b"hello")
    assert "recordings is usable" in complaint(*arguments(folder, tmp_path / "run"))


def test_a_run_of_another_recipe_is_one_line(data, tmp_path):
    train(*arguments(data, tmp_path / "run"))
    line = complaint(*arguments(data, tmp_path / "run", "training.steps=7"))
    assert "run: holds a run of another recipe (" in line


@pytest.mark.parametrize(
    ("change", "message"),
    [("training.stpes=3", "the nearest known key is 'training.steps'"), ("training.steps=many", "valid integer")],
)
def test_a_wrong_change_is_one_line(data, tmp_path, change, message):
    assert message in complaint(*arguments(data, tmp_path / "run", change))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "change",
    [
        "model.listener_units=10000000",
        "augmentation.speeds=[1e-9]",
        "augmentation.room_seconds=1e9",
        "augmentation.gain_db=[5,-5]",
        "augmentation.frequency_masks=1000000000",
        "augmentation.time_masks=99999999999999999999",
        "tokenizer.size=5000000000",
        "decoding.length_bonus=500",
        "augmentation.snr_db=[9,8]",
        "training.chunk_seconds=[1e308]",
        "training.steps=" + "9" * 5000,
        "name=" + "x" * 300,
    ],
)
def test_a_number_out_of_range_is_one_line_that_names_its_key(data, tmp_path, change):
    assert f"'{change.partition('=')[0]}" in complaint(*arguments(data, tmp_path / "run", change))


def test_a_missing_recipe_is_one_line(data, tmp_path):
    assert "none: no such recipe" in complaint(tmp_path / "none", *arguments(data, tmp_path / "run"))
    assert "cannot be read" in complaint("x" * 5000, *arguments(data, tmp_path / "run"))


def test_a_folder_of_other_things_is_no_run_and_is_spared(data, tmp_path):
    (tmp_path / "run" / "data").mkdir(parents=True)
    (tmp_path / "run" / "data" / "notes.txt").write_text("mine")
    assert "run: is not empty, and no run" in complaint(*arguments(data, tmp_path / "run"))
    assert [file.name for file in (tmp_path / "run").rglob("*")] == ["data", "notes.txt"]


@pytest.mark.parametrize("content", ['{"cake": "mine"}', "[", ""])
def test_a_recipe_of_another_program_is_no_run_and_is_spared(data, tmp_path, content):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.json").write_text(content)
    assert "run: is not empty, and no run" in complaint(*arguments(data, tmp_path / "run"))
    assert (tmp_path / "run" / "recipe.json").read_text() == content
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["recipe.json"]


def test_texts_without_a_word_are_counted(tmp_path):
    folder = write_recordings(tmp_path / "data")
    (folder / "2.txt").write_text("...")
    result = train(*arguments(folder, tmp_path / "run"))
    assert "1 of 10 recordings have a text without a word and are left out, the first is 2.wav" in result.stderr


def test_a_run_with_the_pieces_of_another_is_one_line(data, tmp_path):
    train(*arguments(data, tmp_path / "run"))
    pieces = json.loads((tmp_path / "run" / "pieces.json").read_text())
    pieces["pieces"].append("z")
    (tmp_path / "run" / "pieces.json").write_text(json.dumps(pieces))
    assert "pieces.json is not that of its checkpoints" in complaint(*arguments(data, tmp_path / "run"))


def test_names_that_are_not_utf_8_are_names_like_others(tmp_path):
    folder = write_recordings(tmp_path / "data")
    for suffix in ("wav", "txt"):
        (folder / f"1.{suffix}").rename(os.fsdecode(os.fsencode(folder) + b"/caf\xe9." + suffix.encode()))
    assert train(*arguments(folder, tmp_path / "run")).exit_code == 0


def test_fine_tuning_learns_no_other_pieces_and_says_what_it_does_not_read(data, tmp_path):
    train(*arguments(data, tmp_path / "run"))
    shapes = [part for change in TINY if not change.startswith("model.") for part in ("--set", change)]
    tuning = ["--data", str(data), "--run", str(tmp_path / "tuned"), "--init-from", str(tmp_path / "run"), *shapes]
    for change in ("tokenizer.kind=bpe", "tokenizer={kind='bpe'}"):
        assert "fine-tuning keeps the pieces" in complaint(*tuning, "--set", change)
    assert train(*tuning).exit_code == 0
    again = train(*tuning)
    assert f"{tmp_path / 'run'} is not read again" in again.stderr


def test_a_first_attempt_that_failed_can_be_put_right(data, tmp_path):
    complaint(*arguments(tmp_path / "none", tmp_path / "run"))
    assert train(*arguments(data, tmp_path / "run", "training.steps=3")).exit_code == 0


LONGER = ("training.steps=100", "training.checkpoint_every=5", "training.evaluate_every=100")


@pytest.fixture(scope="module")
def unbroken(data, tmp_path_factory):
    """A run of LONGER that was never stopped."""
    run = tmp_path_factory.mktemp("unbroken")
    train(*arguments(data, run, *LONGER))
    return run


@pytest.mark.parametrize("how", ["kill -9", "ctrl-c"])
def test_a_stopped_run_goes_on_at_its_last_checkpoint_and_ends_the_same(data, tmp_path, unbroken, how):
    run = tmp_path / "run"
    with started(data, run, *LONGER) as process:
        wait_for(lambda: any((run / "checkpoints").glob("step-*")), process)
        process.send_signal(signal.SIGKILL if how == "kill -9" else signal.SIGINT)
        stderr = process.communicate()[1]
    assert "Traceback" not in stderr
    stopped_at = load_checkpoint(run).position.step
    if how == "ctrl-c":
        assert process.returncode == 130
        goes_on = f"the same command goes on at step {stopped_at}, the last checkpoint of {run}"
        told = re.fullmatch(rf"stopped at step (\d+); {re.escape(goes_on)}", stderr.splitlines()[-1])
        assert stopped_at <= int(told[1]) <= 100
    assert stopped_at < 100
    result = train(*arguments(data, run, *LONGER))
    assert result.exit_code == 0
    assert result.stderr.splitlines()[0].endswith(f"fp32, from step {stopped_at}")
    assert_same_end(run, unbroken)


def test_a_full_disk_is_one_line_and_harms_no_checkpoint(data, tmp_path):
    """A limit on the size of files stands for the disk: what is small fits, the optimiser does not."""
    train(*arguments(data, tmp_path / "run", "training.steps=3"))
    largest = max(file.stat().st_size for file in (tmp_path / "run").rglob("model.safetensors"))

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 2000, largest + 2000))

    with started(data, tmp_path / "full", "data.longest_seconds=0.35", preexec_fn=limit) as process:
        stderr = process.communicate()[1]
    assert process.returncode == 1
    assert "Traceback" not in stderr
    last = stderr.splitlines()[-1]
    assert last.startswith(f"error: {tmp_path}/full/checkpoints: no checkpoint can be saved (")
    assert last.endswith("free space, then run it again")
    assert list((tmp_path / "full" / "checkpoints").iterdir()) == []


def read_terminal(command):
    """What a command writes to a terminal 80 columns wide, without colours, and its exit code."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        written = b""
        while select.select([ours], [], [], PATIENCE_SECONDS)[0]:
            try:
                written += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
        code = process.wait()
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode()), code


def test_a_terminal_shows_a_bar_with_the_time_left(data, tmp_path):
    command = [*COMMAND, *arguments(data, tmp_path / "run", "training.steps=60", "training.evaluate_every=20")]
    screen, code = read_terminal(command)
    assert code == 0
    assert "━" in screen
    assert re.search(r"\b\d+/60\b", screen)
    assert re.search(r"\d:\d\d:\d\d.*loss \d+\.\d\d", screen)
    assert re.search(r"step 20: loss .*, dev WER \(CTC greedy\) [\d.]+ %\r?\n", screen)  # unbroken


def test_init_from_fine_tunes_and_goes_on_without_its_source(data, tmp_path):
    train(*arguments(data, tmp_path / "source", "licence=CC BY-SA 4.0"))
    tuned = ("--data", data, "--run", tmp_path / "tuned", "--init-from", tmp_path / "source", "--threads", "1")
    settings = [part for change in (*TINY[5:], "data.dev_share=0.2") for part in ("--set", change)]
    result = train(*tuned, *settings)
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines()[1] == f"100.0 % of the weights come from {tmp_path}/source"
    recipe = load_run(tmp_path / "tuned").recipe
    assert recipe.model.listener_units == 8
    assert recipe.licence.startswith("CC BY-SA 4.0 (the weights it started from)")
    assert [credit.name for credit in recipe.credits] == ["recordings of my-fine-tuned-model"]
    (tmp_path / "source").rename(tmp_path / "gone")
    again = train(*tuned, *settings)
    assert again.exit_code == 0, again.stderr
    assert "from step 6" in again.stderr.splitlines()[0]
    assert load_run(tmp_path / "tuned").recipe == recipe
    line = complaint("--data", data, "--run", tmp_path / "tuned", *settings)
    assert "holds a run that began with --init-from; give that again" in line


def test_init_from_says_what_its_pieces_cannot_write(data, tmp_path):
    train(*arguments(data, tmp_path / "source"))
    folder = write_recordings(tmp_path / "data")
    for number in range(10):
        (folder / f"{number}.txt").write_text("a x")
    line = complaint("--data", folder, "--run", tmp_path / "tuned", "--init-from", tmp_path / "source")
    assert "the character 'x'" in line
    assert f"{folder}/" in line


def test_init_from_nothing_is_said(data, tmp_path):
    line = complaint("--data", data, "--run", tmp_path / "run", "--init-from", tmp_path / "none")
    assert line.endswith("neither a bundle nor a run; give 'default', or the folder of one")
