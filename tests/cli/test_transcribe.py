"""`speech2text transcribe` as people and scripts meet it."""

import fcntl
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import termios
import time
from contextlib import nullcontext

import numpy as np
import pytest
import soundfile

from speech2text import load_model
from speech2text.cli.parallel import StoppedError
from speech2text.cli.transcribing import Job, Output, Worker
from tests.cli.conftest import COMMAND
from tests.tiny_bundle import tone

RATE = 16_000


def record(path, *words, seconds=0.4):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(*words, seconds=seconds), RATE)
    return path


@pytest.fixture
def transcribe(speech2text, tiny):
    return lambda *arguments, **options: speech2text("transcribe", *arguments, "--model", tiny, **options)


@pytest.fixture
def two(tmp_path):
    """Two recordings of one name."""
    record(tmp_path / "a" / "x.wav", "one")
    record(tmp_path / "b" / "x.wav", "two", "", "two")
    return tmp_path


def test_one_file_is_its_text(transcribe, two):
    done = transcribe("b/x.wav")
    assert (done.stdout, done.stderr, done.returncode) == ("two two\n", "", 0)


def test_several_files_are_named(transcribe, two):
    done = transcribe("b/x.wav", "a/x.wav")
    assert done.stdout == "b/x.wav\ttwo two\na/x.wav\tone\n"


def test_folders_and_patterns(transcribe, two):
    (two / "notes.txt").write_text("no sound")
    expected = {"a/x.wav\tone", "b/x.wav\ttwo two"}
    assert set(transcribe(".").stdout.splitlines()) == expected
    assert set(transcribe("*/x.wav").stdout.splitlines()) == expected


def test_a_file_named_twice_is_heard_once(transcribe, two):
    assert transcribe("a/x.wav", "a/x.wav", "a", "./a/x.wav", "b/../a/x.wav", two / "a" / "x.wav").stdout == "one\n"


def test_a_file_of_the_name_of_standard_input(transcribe, two):
    (two / "a" / "x.wav").rename(two / "-")
    assert transcribe("./-").stdout == "one\n"


def test_names_are_printed_whatever_the_locale(transcribe, tmp_path):
    if sys.platform != "linux":
        pytest.skip("other systems have no names that are not text")
    name = "é-\udcff.wav"  # the byte 255 is no UTF-8
    record(tmp_path / "x.wav", "one").rename(tmp_path / name)
    record(tmp_path / "y.wav", "two")
    done = transcribe(name, "y.wav", text=False, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.stdout.splitlines()[0] == os.fsencode(name) + b"\tone"


def test_standard_input(transcribe, two):
    sound = (two / "b" / "x.wav").read_bytes()
    assert transcribe("-", input=sound, text=False).stdout == b"two two\n"
    for told in (b"", b"error: standard input: out/stdin.txt is there already and is kept; --overwrite replaces it\n"):
        assert transcribe("-", "-o", "out", input=sound, text=False).stderr == told


def test_closed_streams_are_no_tracebacks(two, tiny):
    def run(line):
        command = [*COMMAND, "transcribe", "--model", str(tiny)]
        return subprocess.run(
            ["sh", "-c", f'"$@" {line}', "sh", *command], cwd=two, capture_output=True, text=True, check=False
        )

    assert one_error(run("- <&-")) == "error: standard input: is closed; pipe a recording in, or name a file\n"
    done = run("a/x.wav >&-")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    done = run("a/x.wav none.wav 2>&-")
    assert (done.stdout, done.stderr, done.returncode) == ("a/x.wav\tone\n", "", 1)
    assert run("a/x.wav -o out <&- >&- 2>&-").returncode == 0
    assert (two / "out" / "x.txt").read_text() == "one\n"


def test_a_file_of_no_samples_is_an_empty_line(transcribe, tmp_path):
    record(tmp_path / "silent.wav")
    done = transcribe("silent.wav")
    assert (done.stdout, done.stderr, done.returncode) == ("\n", "", 0)


@pytest.mark.parametrize(
    ("name", "start"),
    [("srt", "1\n00:00:00,000 --> "), ("vtt", "WEBVTT"), ("tsv", "start\tend\ttext"), ("json", "{"), ("jsonl", "{")],
)
def test_formats_on_standard_output(transcribe, two, name, start):
    done = transcribe("a/x.wav", "--format", name)
    assert done.stdout.startswith(start)
    assert "one" in done.stdout


def test_all_formats_in_a_folder(transcribe, two):
    done = transcribe("a/x.wav", "--output-dir", "out/deep", "--format", "all")
    assert (done.stdout, done.returncode) == ("", 0)
    assert sorted(file.name for file in (two / "out" / "deep").iterdir()) == [
        f"x.{suffix}" for suffix in ("json", "jsonl", "srt", "tsv", "txt", "vtt")
    ]
    assert json.loads((two / "out" / "deep" / "x.json").read_text())["text"] == "one"


def test_recordings_of_a_folder_keep_their_places(transcribe, two):
    transcribe(".", "-o", ".")
    assert ((two / "a" / "x.txt").read_text(), (two / "b" / "x.txt").read_text()) == ("one\n", "two two\n")


def test_a_transcript_that_was_corrected_is_kept_and_the_others_are_made(transcribe, two):
    (two / "a" / "x.txt").write_text("corrected by ear")
    done = transcribe(".", "-o", ".")
    assert done.returncode == 1
    assert "x.txt is there already and is kept; --overwrite replaces it" in done.stderr
    assert [(two / folder / "x.txt").read_text() for folder in "ab"] == ["corrected by ear", "two two\n"]
    assert transcribe("a", "-o", "a", "--overwrite").returncode == 0
    assert (two / "a" / "x.txt").read_text() == "one\n"


def test_formats_that_are_missing_are_written_beside_a_corrected_transcript(transcribe, two):
    (two / "a" / "x.txt").write_text("corrected by ear")
    done = transcribe("a/x.wav", "-o", "a", "--format", "all")
    assert done.returncode == 0
    assert "x.txt is there already and is kept; --overwrite replaces it" in done.stderr
    assert (two / "a" / "x.txt").read_text() == "corrected by ear"
    assert json.loads((two / "a" / "x.json").read_text())["text"] == "one"
    (two / "a" / "x.srt").unlink()
    transcribe("a/x.wav", "-o", "a", "--format", "all")
    assert "one" in (two / "a" / "x.srt").read_text()
    assert transcribe("a/x.wav", "-o", "a", "--format", "all").returncode == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_equal_stems_never_overwrite_each_other(transcribe, two, threads):
    for _ in range(2):  # a second run gives the same names
        transcribe("a/x.wav", "b/x.wav", "-o", "out", "--overwrite", "--threads", threads)
        texts = {file.name: file.read_text() for file in (two / "out").iterdir()}
        assert texts == {"a-x.wav.txt": "one\n", "b-x.wav.txt": "two two\n"}


@pytest.mark.parametrize(
    ("options", "line_lengths", "tags"),
    [
        ((), [[15]], 0),
        (("--max-line-width", 7), [[7, 7]], 0),
        (("--max_line_width", 7, "--max_line_count", 1), [[7], [7]], 0),
        (("--highlight-words",), None, 4),
    ],
)
def test_the_layout_of_subtitles(transcribe, tmp_path, options, line_lengths, tags):
    record(tmp_path / "x.wav", "one", "", "two", "", "one", "", "two", seconds=0.2)
    for suffix in ("srt", "vtt"):
        shown = transcribe("x.wav", "--format", suffix, *options).stdout
        assert shown.count("<u>") == tags
        cues = [block.split("\n") for block in shown.strip().split("\n\n") if "-->" in block]
        texts = [[len(line) for line in cue if line.startswith(("one", "two"))] for cue in cues]
        assert line_lengths is None or texts == line_lengths


def test_whispers_spellings(transcribe, two):
    done = transcribe("a/x.wav", "--output_dir", "out", "--output_format", "srt", "--beam_size", 1)
    assert done.returncode == 0
    assert (two / "out" / "x.srt").exists()


def test_threads_keep_the_order(transcribe, tmp_path):
    names = [record(tmp_path / f"{index}.wav", *["three", ""] * (8 - index)).name for index in range(8)]
    alone = transcribe(*names)
    assert transcribe(*names, "--threads", 3).stdout == alone.stdout
    assert [line.split("\t")[0] for line in alone.stdout.splitlines()] == names


@pytest.mark.parametrize("threads", [1, 2])
def test_one_bad_file_harms_no_other(transcribe, two, threads):
    (two / "bad.wav").write_text("this is text")
    (two / "empty").mkdir()
    done = transcribe("a/x.wav", "bad.wav", "missing.wav", "empty", "b/x.wav", "--threads", threads)
    assert done.stdout == "a/x.wav\tone\nb/x.wav\ttwo two\n"
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in lines[:3]] == ["empty", "bad.wav", "missing.wav"]
    assert lines[3:] == ["error: 3 of 5 files not transcribed"]


def test_a_truncated_file_gives_what_is_there_and_a_warning(transcribe, two):
    content = record(two / "long.wav", "one", "two", seconds=1.0).read_bytes()
    (two / "long.wav").write_bytes(content[: len(content) // 2])
    done = transcribe("long.wav")
    assert (done.stdout, done.returncode) == ("one\n", 0)
    assert done.stderr.startswith("warning: long.wav")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a/x.wav", "--no-such-option"),
        ("a/x.wav", "--format", "pdf"),
        ("a/x.wav", "--threads", "0"),
        ("a/x.wav", "--beam-size", "0"),
        ("a/x.wav", "--format", "all"),
        ("a/x.wav", "--max-line-width", "0"),
        ("a/x.wav", "--max-line-width", "99999999999999999999"),
        ("a/x.wav", "--max-line-count", "0"),
        ("a/x.wav", "b/x.wav", "--format", "srt"),
        ("a/x.wav", "--overwrite"),
        ("a/x.wav", "--max-line-width", "20"),
        ("a/x.wav", "--format", "tsv", "--highlight-words"),
    ],
)
def test_wrong_use_is_exit_code_2(transcribe, two, arguments):
    done = transcribe(*arguments)
    assert (done.stdout, done.returncode) == ("", 2)
    assert "Error: " in done.stderr


def one_error(done):
    """The only line on standard error."""
    assert (done.stdout or "", done.returncode) == ("", 1)
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_tampered_bundle(speech2text, tiny, two):
    shutil.copytree(tiny, two / "tampered")
    with (two / "tampered" / "speller.onnx").open("ab") as file:
        file.write(b"x")
    assert "speller.onnx has" in one_error(speech2text("transcribe", "a/x.wav", "--model", "tampered"))


def test_a_newer_bundle(speech2text, tiny, two):
    shutil.copytree(tiny, two / "newer")
    manifest = two / "newer" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format_version": 1', '"format_version": 2'))
    assert "upgrade" in one_error(speech2text("transcribe", "a/x.wav", "--model", "newer"))


def test_no_bundle(speech2text, two):
    assert "a: not a bundle" in one_error(speech2text("transcribe", "a/x.wav", "--model", "a"))


def test_no_space_on_standard_output(transcribe, two, full_disk):
    assert "No space left" in one_error(transcribe("a/x.wav", stdout=full_disk, stderr=subprocess.PIPE))


def test_no_space_in_the_output_folder(transcribe, two, full_disk):
    (two / "out").mkdir()
    (two / "out" / "x.txt").symlink_to(full_disk.name)
    assert "out/x.txt" in one_error(transcribe("a/x.wav", "-o", "out"))


def test_an_output_folder_that_is_a_file(transcribe, two):
    (two / "out").write_text("mine")
    assert "out: cannot be made" in one_error(transcribe("a/x.wav", "-o", "out"))


def test_a_reader_that_goes_away_is_no_error(two, tiny):
    names = ["a/x.wav", "b/x.wav"]
    read, write = os.pipe()
    os.close(read)
    command = [*COMMAND, "transcribe", *names, "--model", str(tiny)]
    done = subprocess.run(command, cwd=two, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.stderr, done.returncode) == ("", 141)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interruption_keeps_what_is_done(two, tiny, threads):
    record(two / "c.wav", *["three", ""] * 600, seconds=1.0)
    command = [*COMMAND, "transcribe", "a/x.wav", "c.wav", "-o", "out", "--model", str(tiny)]
    command += ["--threads", str(threads)]
    process = subprocess.Popen(command, cwd=two, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (two / "out" / "x.txt").exists() and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all of its processes
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert (two / "out" / "x.txt").read_text() == "one\n"


def test_an_interruption_does_not_wait_for_a_pipe(two, tiny):
    command = [*COMMAND, "transcribe", "-", "--model", str(tiny)]
    with subprocess.Popen(command, cwd=two, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write((two / "a" / "x.wav").read_bytes()[:1000])
        process.stdin.flush()
        while _unread_bytes(process.stdin):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read() == b""


@pytest.mark.parametrize("written", [0, 1000])
def test_an_interruption_does_not_wait_for_a_named_pipe(two, tiny, written):
    os.mkfifo(two / "pipe.wav")
    command = [*COMMAND, "transcribe", "a/x.wav", "pipe.wav", "--model", str(tiny)]
    with subprocess.Popen(command, cwd=two, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"a/x.wav\tone\n"
        with (two / "pipe.wav").open("wb") if written else nullcontext() as pipe:
            if written:
                pipe.write((two / "b" / "x.wav").read_bytes()[:written])
                pipe.flush()
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
        assert process.stderr.read() == b""


def _unread_bytes(pipe):
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_an_interruption_begins_nothing_new(two, tiny):
    record(two / "c.wav", *["three", ""] * 600, seconds=1.0)
    record(two / "d.wav", *["two", ""] * 600, seconds=1.0)
    command = [*COMMAND, "transcribe", "a/x.wav", "c.wav", "d.wav", "-o", "out", "--model", str(tiny)]
    process = subprocess.Popen(command, cwd=two, stderr=subprocess.PIPE)
    while not (two / "out" / "x.txt").exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not (two / "out" / "d.txt").exists()


def test_an_interruption_prints_what_was_done_before_its_turn(two, tiny):
    record(two / "c.wav", *["three", ""] * 3600, seconds=1.0)
    command = [*COMMAND, "transcribe", "c.wav", "a/x.wav", "--model", str(tiny), "--threads", "2"]
    process = subprocess.Popen(command, cwd=two, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(6)  # nothing tells from outside that the second is done
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output.splitlines()[-1] == "a/x.wav\tone"


def test_a_name_too_long_for_its_transcript_does_not_keep_the_others(transcribe, two):
    long = "x" * 251 + ".wav"
    (two / "a" / "x.wav").rename(two / long)
    done = transcribe(long, "b/x.wav", "-o", "out", "--format", "jsonl")
    assert done.returncode == 1
    assert "choose a shorter name" in done.stderr
    assert (two / "out" / "x.jsonl").exists()


def test_an_interruption_keeps_what_was_heard_of_a_long_recording(two, tiny):
    record(two / "c.wav", *["three", ""] * 600, seconds=1.0)
    command = [*COMMAND, "transcribe", "a/x.wav", "c.wav", "--model", str(tiny)]
    process = subprocess.Popen(command, cwd=two, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "a/x.wav\tone\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    name, text = output.rstrip("\n").split("\t")
    words = text.split()
    assert (name, set(words)) == ("c.wav", {"three"})
    assert len(words) < 600
    assert re.fullmatch(r"c\.wav: the first \d+ s are transcribed\n", errors)


@pytest.mark.parametrize("pause", [0.0, 0.1])
@pytest.mark.parametrize(
    ("signals", "codes"),
    [(("SIGINT", "SIGINT"), {130}), (("SIGINT", "SIGTERM"), {130, 143}), (("SIGTERM",), {143}), (("SIGHUP",), {129})],
)
def test_however_it_is_told_to_end_it_keeps_what_was_heard(two, tiny, signals, codes, pause):
    record(two / "c.wav", *["three", ""] * 2400, seconds=1.0)
    command = [*COMMAND, "transcribe", "a/x.wav", "c.wav", "-f", "json", "-o", "out", "--model", str(tiny)]
    process = subprocess.Popen(command, cwd=two, stderr=subprocess.PIPE, text=True)
    while not (two / "out" / "x.json").exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(1.0)
    for name in signals:
        if process.poll() is None:
            process.send_signal(getattr(signal, name))
        time.sleep(pause)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in codes
    assert re.fullmatch(r"c\.wav: the first \d+ s are transcribed, in out/c\.json\.part\n", errors)
    assert not (two / "out" / "c.json").exists()
    kept = json.loads((two / "out" / "c.json.part").read_text())
    assert set(kept["text"].split()) == {"three"}
    assert kept["duration"] >= kept["segments"][-1]["end"]


def test_a_file_that_cannot_be_written_does_not_keep_the_others(transcribe, two):
    record(two / "y.wav", "three")
    (two / "out" / "x.txt").mkdir(parents=True)
    done = transcribe("a/x.wav", "y.wav", "-o", "out")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0].startswith("error: out/x.txt: cannot be written")
    assert lines[1:] == ["error: 1 of 2 files not transcribed"]
    assert (two / "out" / "y.txt").read_text() == "three\n"


def test_formats_that_are_written_although_another_cannot_be_do_not_pass_for_the_whole(transcribe, two):
    (two / "out" / "x.json").mkdir(parents=True)
    assert "out/x.json: cannot be written" in one_error(transcribe("a/x.wav", "-o", "out", "--format", "all"))
    (two / "out" / "x.json").rmdir()
    assert not list((two / "out").iterdir())
    assert transcribe("a/x.wav", "-o", "out", "--format", "all").returncode == 0
    assert len(list((two / "out").iterdir())) == 6


def test_standard_error_that_takes_no_more_does_not_keep_transcripts(transcribe, two, full_disk):
    (two / "none.wav").write_bytes(b"no sound")
    done = transcribe("none.wav", "a/x.wav", "b/x.wav", stdout=subprocess.PIPE, stderr=full_disk)
    assert (done.stdout, done.returncode) == ("a/x.wav\tone\nb/x.wav\ttwo two\n", 1)


def test_an_empty_name_is_not_this_folder(transcribe, two):
    assert "an empty name" in one_error(transcribe(""))
    for option in ("--output-dir", "--hotwords-file"):
        done = transcribe("a/x.wav", option, "")
        assert "the name is empty" in done.stderr
        assert done.returncode == 2
    assert sorted(each.name for each in two.iterdir()) == ["a", "b"]


def test_a_name_with_a_line_break_stays_in_its_line(transcribe, two):
    record(two / "new\nline\t.wav", "three")
    assert transcribe("a/x.wav", "new\nline\t.wav").stdout == "a/x.wav\tone\nnew\\nline\\t.wav\tthree\n"
    assert "error: no\\n\\x1b[31mred.wav: " in one_error(transcribe("no\n\x1b[31mred.wav"))


def test_samples_of_another_scale_are_refused(transcribe, tmp_path):
    soundfile.write(tmp_path / "x.wav", 32_767 * tone("one"), RATE, subtype="FLOAT")
    assert "where 1 is full scale" in one_error(transcribe("x.wav"))


@pytest.mark.parametrize("output", [(), ("-o", "out")])
def test_what_was_heard_before_a_failure_is_kept(transcribe, tmp_path, output):
    samples = tone(*["three", ""] * 35, seconds=1.0)
    samples[-RATE] = np.nan
    soundfile.write(tmp_path / "c.wav", samples, RATE, subtype="FLOAT")
    done = transcribe("c.wav", *output)
    assert done.returncode == 1
    assert re.search(r"c\.wav: NaN .*; the first \d+ s are transcribed(, in out/c.txt.part)?\n$", done.stderr)
    text = (tmp_path / "out" / "c.txt.part").read_text() if output else done.stdout
    assert set(text.split()) == {"three"}
    assert 30 <= len(text.split()) < 35


@pytest.mark.parametrize("value", [np.nan, 1e9])
def test_what_comes_before_a_bad_sample_is_heard(transcribe, tmp_path, value):
    samples = tone(*["three", ""] * 5, seconds=2.0)
    samples[-RATE // 2] = value
    soundfile.write(tmp_path / "c.wav", samples, RATE, subtype="FLOAT")
    done = transcribe("c.wav")
    assert done.returncode == 1
    assert len(done.stdout.split()) >= 3
    assert "the first at 19.50 s" in done.stderr


def test_no_part_replaces_what_was_whole(transcribe, tmp_path):
    samples = tone(*["three", ""] * 35, seconds=1.0)
    samples[-RATE] = np.nan
    soundfile.write(tmp_path / "c.wav", samples, RATE, subtype="FLOAT")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "c.txt").write_text("mine")
    done = transcribe("c.wav", "-o", "out", "--overwrite")
    assert done.returncode == 1
    assert (tmp_path / "out" / "c.txt").read_text() == "mine"
    soundfile.write(tmp_path / "c.wav", np.nan_to_num(samples), RATE, subtype="FLOAT")
    assert transcribe("c.wav", "-o", "out", "--overwrite").returncode == 0
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["c.txt"]
    assert set((tmp_path / "out" / "c.txt").read_text().split()) == {"three"}


def test_what_is_read_is_never_written_over(transcribe, two):
    memo = two / "memo.txt"
    (two / "a" / "x.wav").rename(memo)
    (two / "x.json").symlink_to("b/x.wav")
    (two / "hot.txt").write_text("one\n")
    before = memo.read_bytes()
    for command in (
        ("memo.txt", "-o", "."),
        ("b/x.wav", "-o", ".", "--format", "json"),
        ("b/x.wav", "-o", "c", "--hotwords-file", "c/x.txt"),
    ):
        (two / "c").mkdir(exist_ok=True)
        (two / "c" / "x.txt").write_text("one\n")
        for overwrite in ((), ("--overwrite",)):
            assert "would be written over what is read" in one_error(transcribe(*command, *overwrite))
    assert memo.read_bytes() == before
    assert (two / "c" / "x.txt").read_text() == "one\n"
    assert (two / "b" / "x.wav").stat().st_size > 1000


def test_what_cannot_be_written_is_told_before_the_work(transcribe, two, tmp_path):
    long = two / f"{'n' * 250}.wav"
    (two / "a" / "x.wav").rename(long)
    done = transcribe(long.name, "-o", "out", "--format", "all")
    assert "File name too long" in one_error(done)
    assert not list((two / "out").iterdir())
    (two / "out" / "x.srt").mkdir()
    done = transcribe("b/x.wav", "-o", "out", "--format", "all")
    assert one_error(done).endswith("x.srt: cannot be written (it is a folder); move it away, or choose another name\n")
    assert [each.name for each in (two / "out").iterdir()] == ["x.srt"]


def test_a_transcript_that_came_meanwhile_is_kept_and_told(tiny, tmp_path):
    record(tmp_path / "c.wav", *["three", ""] * 10, seconds=1.0)
    worker = Worker(
        load_model(tiny).transcribe, Output(tmp_path, ("txt",)), lambda _: (tmp_path / "c.txt").write_text("mine")
    )
    assert "c.txt is there already and is kept" in str(worker.run(Job(tmp_path / "c.wav", "c")).error)
    assert (tmp_path / "c.txt").read_text() == "mine"


def test_a_link_to_itself_is_told_and_the_others_are_heard(transcribe, two):
    (two / "loop.wav").symlink_to("loop.wav")
    done = transcribe("loop.wav", "b/x.wav", "-o", "out")
    assert done.returncode == 1
    assert "error: loop.wav: cannot be opened" in done.stderr
    assert [file.name for file in (two / "out").iterdir()] == ["x.txt"]


def test_a_worker_that_is_stopped_writes_what_it_has(tiny, tmp_path):
    record(tmp_path / "c.wav", *["three", ""] * 35, seconds=1.0)

    def advance(seconds: float) -> None:
        if seconds > 1:
            worker.stop.set()

    worker = Worker(load_model(tiny).transcribe, Output(tmp_path, ("txt",)), advance)
    job = Job(tmp_path / "c.wav", "c")
    with pytest.raises(StoppedError):
        worker.run(job)
    words = (tmp_path / "c.txt.part").read_text().split()
    assert 0 < len(words) < 35
    assert worker.results[job].transcript.text.split() == words
    assert not (tmp_path / "c.txt").exists()


def test_a_progress_bar_is_for_terminals_only(two, tiny):
    command = [*COMMAND, "transcribe", "a/x.wav", "b/x.wav", "--model", str(tiny)]
    terminal, inside = pty.openpty()
    done = subprocess.run(command, cwd=two, stdout=subprocess.PIPE, stderr=inside, text=True, check=False)
    os.close(inside)
    drawn = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert done.stdout == "a/x.wav\tone\nb/x.wav\ttwo two\n"
    assert "%" in drawn


def test_a_terminal_that_cannot_go_back_gets_lines_alone(two, tiny):
    command = [*COMMAND, "transcribe", "a/x.wav", "b/x.wav", "--model", str(tiny)]
    terminal, inside = pty.openpty()
    subprocess.run(command, cwd=two, stdout=inside, stderr=inside, check=False, env={**os.environ, "TERM": "dumb"})
    os.close(inside)
    drawn = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert drawn == "a/x.wav\tone\r\nb/x.wav\ttwo two\r\n"


def test_a_named_pipe_is_heard_whatever_shows_the_progress(two, tiny):
    os.mkfifo(two / "pipe.wav")
    command = [*COMMAND, "transcribe", "pipe.wav", "a/x.wav", "--model", str(tiny), "--threads", "2"]
    terminal, inside = pty.openpty()
    with subprocess.Popen(command, cwd=two, stdout=subprocess.PIPE, stderr=inside, text=True) as process:
        (two / "pipe.wav").write_bytes((two / "b" / "x.wav").read_bytes())
        output, _ = process.communicate(timeout=60)
    os.close(inside)
    os.close(terminal)
    assert output == "pipe.wav\ttwo two\na/x.wav\tone\n"


def test_a_name_longer_than_any_is_told_on_a_terminal_too(two, tiny):
    command = [*COMMAND, "transcribe", "a/x.wav", "x" * 300, "--model", str(tiny)]
    terminal, inside = pty.openpty()
    done = subprocess.run(command, cwd=two, stdout=subprocess.PIPE, stderr=inside, text=True, check=False)
    os.close(inside)
    drawn = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert (done.stdout, done.returncode) == ("a/x.wav\tone\n", 1)
    assert "File name too long" in drawn
    assert "Traceback" not in drawn


def test_what_is_there_already_is_not_counted_as_work(two, tiny):
    record(two / "long.wav", *["two", ""] * 60)
    (two / "out").mkdir()
    (two / "out" / "long.txt").write_text("corrected")
    command = [*COMMAND, "transcribe", "a/x.wav", "long.wav", "-o", "out", "--model", str(tiny)]
    terminal, inside = pty.openpty()
    subprocess.run(command, cwd=two, stderr=inside, check=False)
    os.close(inside)
    drawn = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert "100%" in drawn


def test_lines_on_a_terminal_are_those_of_a_file(two, tiny):
    words = ["one", "two"] * 15
    record(two / "long.wav", *words)
    command = [*COMMAND, "transcribe", "a/x.wav", "long.wav", "missing.wav" * 9, "--model", str(tiny)]
    terminal, inside = pty.openpty()
    screen = {**os.environ, "COLUMNS": "80"}
    subprocess.run(command, cwd=two, stdout=inside, stderr=inside, check=False, env=screen)
    os.close(inside)
    drawn = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert "a/x.wav\tone\r\n" in drawn
    assert f"long.wav\t{' '.join(words)}\r\n" in drawn
    assert f"error: {'missing.wav' * 9}: no such file; check the name\r\n" in drawn
