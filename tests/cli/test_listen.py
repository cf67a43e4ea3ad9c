"""`speech2text listen` on a pipe, and on the sound system of this machine as it is."""

import io
import json
import os
import resource
import shutil
import signal
import subprocess
import time
import wave

import numpy as np
import pytest
import soundfile

from tests.cli.conftest import COMMAND
from tests.tiny_bundle import tone

SAMPLES = tone("one", "two", "", "", "three", seconds=0.5)


def as_bytes(file_format: str, subtype: str = "PCM_16", rate: int = 16_000, channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    buffer.name = f"x.{file_format}"
    soundfile.write(buffer, np.stack([SAMPLES] * channels, axis=1), rate, format=file_format, subtype=subtype)
    return buffer.getvalue()


@pytest.fixture
def listen(speech2text, tiny):
    def run(data: bytes, *arguments):
        return speech2text("listen", "-", "--model", tiny, *arguments, input=data, text=False)

    return run


@pytest.mark.parametrize(
    ("data", "arguments"),
    [
        (as_bytes("WAV"), ()),
        (as_bytes("WAV", "FLOAT", channels=2), ("--rate", 8000)),
        (as_bytes("RAW"), ()),
        (as_bytes("RAW", "FLOAT", channels=2), ("--encoding", "f32le", "--channels", 2)),
    ],
)
def test_a_pipe_is_heard_as_wav_or_raw_samples(listen, data, arguments):
    done = listen(data, *arguments)
    assert done.stdout.decode() == "one two\nthree\n"
    assert b"2.5 s heard, real-time factor" in done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("begun", [b"\xff\xfb", b"\xff\xf1", b"\xff\xf1\0\0\xff\xff", b"\xff\xf1\0\0\0\0"])
def test_samples_that_look_like_the_beginning_of_an_mp3_or_aac_are_heard(listen, begun):
    data = begun + as_bytes("RAW")[len(begun) :]
    assert listen(data).stdout == b"one two\nthree\n"


def test_a_wav_that_is_cut_short_is_heard_as_far_as_it_goes_and_told(listen):
    data = as_bytes("WAV")
    done = listen(data[: 44 + 32_000 + 1])
    assert done.stdout == b"one two\n"
    problem = b"damaged or cut short: read 1.0 s of the 2.5 s its header promises"
    assert b"warning: standard input: " + problem in done.stderr
    assert done.returncode == 0
    assert b"warning" not in listen(data).stderr


@pytest.mark.parametrize("rate", [8000, 11_025])
def test_an_mp3_of_a_low_rate_is_told_too(listen, rate):
    done = listen(as_bytes("MP3", "MPEG_LAYER_III", rate))
    assert b"a sound file that cannot be heard as it comes" in done.stderr
    assert done.returncode == 1


def test_words_are_shown_although_they_can_be_kept_no_more(speech2text, tiny, tmp_path):
    """The folder goes away meanwhile."""
    kept = tmp_path / "kept"
    kept.mkdir()
    command = [*COMMAND, "listen", "-", "--model", str(tiny), "--output", str(kept / "talk.srt")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(as_bytes("WAV")[:1000])
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not (kept / "talk.srt").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        shutil.rmtree(kept)
        output, errors = process.communicate(as_bytes("WAV")[1000:])
    assert output.startswith(b"one two\n")
    assert b"talk.srt: cannot be written" in errors
    assert process.returncode == 1


def test_what_follows_the_sound_of_a_wav_is_not_heard(listen):
    data = as_bytes("WAV")
    chunk = b"iXML" + (60_000).to_bytes(4, "little") + np.random.default_rng(0).bytes(60_000)
    size = (len(data) - 8 + len(chunk)).to_bytes(4, "little")
    done = listen(data[:4] + size + data[8:] + chunk)
    assert done.stdout == b"one two\nthree\n"
    assert b"2.5 s heard" in done.stderr


def test_a_wav_without_any_of_its_sound_is_an_error(listen):
    done = listen(as_bytes("WAV")[:44])
    assert done.returncode == 1
    assert b"error: standard input: damaged or cut short: read 0.0 s of the" in done.stderr


def test_segments_are_not_kept_in_a_pipe(listen, tmp_path):
    os.mkfifo(tmp_path / "talk.srt")
    done = listen(as_bytes("WAV"), "--output", "talk.srt")
    assert done.returncode == 1
    assert b"talk.srt: is a pipe" in done.stderr


@pytest.mark.parametrize("unknown", [0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_a_wav_whose_writer_did_not_know_its_size_is_heard_to_its_end(listen, unknown):
    data = as_bytes("WAV")
    assert data[36:40] == b"data"
    assert listen(data[:40] + unknown.to_bytes(4, "little") + data[44:]).stdout == b"one two\nthree\n"


def test_the_rate_of_raw_samples_is_told(listen):
    sound = tone("one", "two", seconds=1.0, rate=8_000)
    done = listen((sound * 32767).astype("<i2").tobytes(), "--rate", 8000)
    assert b"2.0 s heard" in done.stderr
    assert done.stdout == b"one two\n"


def test_segments_and_sound_are_kept(listen, tmp_path):
    done = listen(as_bytes("RAW"), "--output", "talk.jsonl", "--save-audio", "talk.wav")
    assert done.returncode == 0
    rows = [json.loads(line) for line in (tmp_path / "talk.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == ["one two", "three"]
    kept, rate = soundfile.read(tmp_path / "talk.wav", dtype="float32")
    assert rate == 16_000
    np.testing.assert_allclose(kept, SAMPLES, atol=1e-4)


def test_the_rules_of_segments_can_be_chosen(listen):
    assert listen(as_bytes("RAW"), "--silence-after-speech", 1.2).stdout == b"one two three\n"
    assert b"0.1 is not in the range 0.3<=x<=86400" in listen(b"", "--silence-after-speech", 0.1).stderr
    assert listen(tone("one", seconds=3.0).astype("<f4").tobytes(), "--encoding", "f32le", "--longest", 2).stdout == (
        b"one\none\n"
    )


@pytest.mark.parametrize(
    ("data", "arguments", "code", "message"),
    [
        (b"", ("--output", "talk.doc"), 2, "must end in one of: .srt"),
        (b"", ("--save-audio", "talk.flac"), 2, "must end in one of: .wav"),
        (b"", (), 1, "standard input: nothing came"),
        (b"RIFFnonsense", (), 1, "begins as WAV and is none"),
        (as_bytes("WAV", "PCM_24"), (), 1, "WAV of 24-bit integers is not read from a pipe"),
        (as_bytes("WAV", rate=2_000_000_000), (), 1, "WAV of 2000000000 Hz and 1 channels cannot be heard"),
        (b"", ("--silence-after-speech", "nan"), 2, "nan is not a finite number"),
        (b"", ("--longest", "inf"), 2, "is not in the range"),
        (b"", ("--device", "3"), 2, "--device"),
        (b"\x1a\x45\xdf\xa3" + bytes(9), (), 1, "webm, aac, m4a or mp4; pipe what `ffmpeg"),
        (b"\0\0\0\x20ftypM4A " + bytes(9), (), 1, "webm, aac, m4a or mp4; pipe what `ffmpeg"),
        (b"\xff\xf1\x60\x40\x01\x5f\xfc\xde\0\0" * 2, (), 1, "webm, aac, m4a or mp4; pipe what `ffmpeg"),
        (bytes(8), ("--save-audio", "nowhere/talk.wav"), 1, "nowhere/talk.wav: its folder does not exist"),
        (bytes(8), ("--output", "talk.srt", "--save-audio", "nowhere/talk.wav"), 1, "its folder does not exist"),
        (bytes(8), ("--output", f"{'n' * 300}.srt"), 1, "File name too long"),
        (bytes(8), ("--output", "morning.srt"), 1, "morning.srt: is there already"),
        (bytes(8), ("--hotwords-file", "missing.txt"), 1, "missing.txt"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(listen, tmp_path, data, *, arguments, code, message):
    (tmp_path / "morning.srt").write_text("of another session")
    done = listen(data, *arguments)
    assert done.returncode == code
    assert message in done.stderr.decode()
    assert done.stderr.decode().splitlines()[0].startswith(("error", "Usage"))
    assert not list(tmp_path.glob("talk.*"))


@pytest.fixture
def listening(tiny, tmp_path):
    """Starts `listen -` and brings it samples; gives the process once they are in talk.wav, its input still open."""
    processes = []

    def start(samples, *arguments):
        command = [*COMMAND, "listen", "-", "--model", tiny, "--save-audio", "talk.wav", *arguments]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = subprocess.Popen([str(part) for part in command], cwd=tmp_path, **pipes)
        processes.append(process)
        process.stdin.write((samples * 32767).astype("<i2").tobytes())
        process.stdin.flush()
        wait_for(lambda: (tmp_path / "talk.wav").exists() and count_frames(tmp_path / "talk.wav") == len(samples))
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait_for(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it never came to that")


def count_frames(path):
    try:
        with wave.open(str(path)) as recording:
            return recording.getnframes()
    except EOFError:  # opened, and nothing written yet
        return 0


def test_an_interrupt_finishes_the_open_segment_and_prints_the_figures(listening):
    process = listening(tone("one", "two", "three", "two"))
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0, "its input is still open"
    stdout, stderr = process.communicate()
    assert stdout == b"one two three two\n"
    for line, beginning in zip(
        stderr.decode().splitlines(),
        (
            "1.6 s heard, real-time factor",
            "first words of a segment after",
            "words shown",
            "and as they stayed",
            "",
            "final text",
        ),
        strict=True,
    ):
        assert line.startswith(beginning)
    assert b"of the words shown changed" in stderr


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("talk.srt", "1\n00:00:00,000 --> "), ("talk.vtt", "WEBVTT\n\n00:00:00.000 --> "), ("talk.jsonl", '{"id": 0, ')],
)
def test_what_was_final_is_in_the_files_of_a_killed_process(listening, tmp_path, name, beginning):
    samples = tone("one", "two", "", "", "three", seconds=0.5)
    process = listening(samples, "--output", name)
    wait_for(lambda: (tmp_path / name).read_text().count("one two"))
    process.kill()
    process.wait()
    kept = (tmp_path / name).read_text()
    assert kept.startswith(beginning)
    assert "three" not in kept
    if name.endswith("jsonl"):
        assert [json.loads(line)["text"] for line in kept.splitlines()] == ["one two"]
    else:
        assert kept.endswith("\none two\n\n")
    heard, _ = soundfile.read(tmp_path / "talk.wav", dtype="float32")
    np.testing.assert_allclose(heard, samples, atol=1e-4)


def test_a_reader_that_goes_away_ends_it_without_a_word(listening):
    process = listening(tone("one", "two", "", ""))
    assert process.stdout.readline() == b"one two\n"
    process.stdout.close()
    process.stdin.write(as_bytes("RAW"))
    process.stdin.close()
    process.stdout = process.stdin = None
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 141
    assert b"Traceback" not in stderr
    assert b"error" not in stderr


@pytest.mark.parametrize(("sample", "channels"), [(np.nan, 1), (3e38, 2)])
def test_a_wrong_encoding_is_told_as_one(listen, sample, channels):
    done = listen(np.full(8, sample, "<f4").tobytes(), "--encoding", "f32le", "--channels", channels)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        b"nothing was heard",
        b"error: NaN or infinite samples; check how they were made, or with which encoding they are read",
    ]


def test_what_a_reader_who_went_away_did_not_see_is_kept(listening, tmp_path):
    process = listening(tone("one", "two", "", ""), "--output", "talk.jsonl")
    assert process.stdout.readline() == b"one two\n"
    process.stdout.close()
    process.stdin.write((tone("three", "", "") * 32767).astype("<i2").tobytes())
    process.stdin.close()
    process.stdout = process.stdin = None
    process.communicate(timeout=30)
    kept = (tmp_path / "talk.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in kept] == ["one two", "three"]


def test_raw_samples_that_nothing_would_read_are_not_taken_for_the_microphone(speech2text, tiny):
    done = speech2text("listen", "--rate", 48_000, "--model", tiny)
    assert (done.stdout, done.returncode) == ("", 2)
    assert "--rate is of raw samples, which are read with -: give that too" in done.stderr


def test_a_full_disk_is_told(listen, full_disk, speech2text, tiny, tmp_path):
    done = speech2text("listen", "-", "--model", tiny, input=as_bytes("RAW"), text=False, stdout=full_disk, stderr=-1)
    assert done.returncode == 1
    assert b"error: standard output: No space left on device" in done.stderr
    for option, name in (("--output", "talk.srt"), ("--save-audio", "talk.wav")):
        (tmp_path / name).symlink_to("/dev/full")
        done = listen(as_bytes("RAW"), option, name)
        assert done.returncode == 1
        assert f"error: {name}: cannot be written (No space left on device)".encode() in done.stderr
        assert b"Traceback" not in done.stderr


def test_a_disk_that_gets_full_ends_it_with_the_open_segment_finished(speech2text, tiny, tmp_path):
    done = speech2text(
        *("listen", "-", "--model", tiny, "--save-audio", "talk.wav"),
        input=as_bytes("RAW"),
        text=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (26_000, 26_000)),
    )
    assert done.returncode == 1
    assert done.stdout.startswith(b"one two")
    assert done.stderr.splitlines()[-1].startswith(b"error: talk.wav: cannot be written (File too large)")
    assert 10_000 <= soundfile.info(tmp_path / "talk.wav").frames <= 12_978


@pytest.mark.parametrize("file_format", ["FLAC", "OGG", "MP3", "AIFF", "AU", "RF64", "W64", "CAF"])
def test_another_sound_file_is_not_taken_for_raw_samples(listen, file_format):
    subtype = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}.get(file_format, "PCM_16")
    done = listen(as_bytes(file_format, subtype))
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.startswith(b"error: standard input: a sound file that cannot be heard")


def test_digital_silence_is_told_once(listen):
    assert listen(bytes(300_000)).stderr.count(b"the sound is all zeros; check what writes it") == 1
    assert b"all zeros" not in listen(as_bytes("RAW") + bytes(100_000) + as_bytes("RAW")).stderr
    assert b"all zeros" not in listen(as_bytes("RAW")).stderr
