"""`speech2text listen` on a pipe, and on the sound system of this machine as it is."""

import io
import json

import numpy as np
import pytest
import soundfile

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
    assert b"longer than 0.4 s" in listen(b"", "--silence-after-speech", 0.1).stderr
    assert listen(tone("one", seconds=3.0).astype("<f4").tobytes(), "--encoding", "f32le", "--longest", 2).stdout == (
        b"one\none\n"
    )


@pytest.mark.parametrize(
    ("data", "arguments", "code", "message"),
    [
        (b"", ("--output", "talk.doc"), 2, "must end in one of: .srt"),
        (b"RIFFnonsense", (), 1, "begins as WAV and is none"),
        (as_bytes("WAV", "PCM_24"), (), 1, "with 24 bits is not read from a pipe"),
        (b"", ("--save-audio", "nowhere/talk.wav"), 1, "nowhere/talk.wav: cannot be written"),
        (b"", ("--hotwords-file", "missing.txt"), 1, "missing.txt"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(listen, data, arguments, code, message):
    done = listen(data, *arguments)
    assert done.returncode == code
    assert message in done.stderr.decode()
    assert done.stderr.decode().splitlines()[0].startswith(("error", "Usage"))


@pytest.mark.parametrize("file_format", ["FLAC", "OGG", "MP3"])
def test_a_compressed_file_is_not_taken_for_raw_samples(listen, file_format):
    subtype = {"FLAC": "PCM_16", "OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}[file_format]
    done = listen(as_bytes(file_format, subtype))
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.startswith(b"error: standard input: a compressed file")


def test_digital_silence_is_told(listen):
    assert b"all zeros" in listen(bytes(100_000)).stderr
    assert b"all zeros" not in listen(as_bytes("RAW")).stderr
