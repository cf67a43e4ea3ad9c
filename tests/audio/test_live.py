"""A pipe: what has come is heard, lateness is told, and a header that is cut short is no traceback."""

import io
import os
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.audio.live import Pipe
from speech2text.audio.pace import LATE_SECONDS, Lateness, Pace
from speech2text.errors import AudioError
from tests.zoo import encode

RATE = 16_000
BLOCK = bytes(RATE // 10 * 2)


@pytest.fixture
def ends():
    """The two ends of a pipe: a file to read from, and a descriptor to write to."""
    read, write = os.pipe()
    with os.fdopen(read, "rb", buffering=0) as reader:
        yield reader, write


def take(pipe, blocks):
    """So many blocks, waiting for each."""
    left = blocks * RATE // 10
    while left > 0:
        left -= len(pipe.read(5.0))


def hear(stream):
    """A pipe that was read to its end, and all samples (N, channels) of it."""
    pipe, blocks = Pipe(stream, RATE, 1, "s16le"), []
    while (block := pipe.read(5.0)) is not None:
        blocks.append(block)
    return pipe, np.concatenate(blocks)


def chunk(name, content):
    """A part of a WAV file, filled up to an even number of bytes."""
    return name + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


class Dribbling(io.BytesIO):
    """Brings so many bytes at a time."""

    def __init__(self, content, count):
        super().__init__(content)
        self.count = count

    def read1(self, size=-1):
        return super().read1(min(size, self.count))


def test_sound_that_comes_as_it_is_spoken_is_late_when_nobody_reads(ends):
    reader, write = ends
    os.write(write, BLOCK)
    pipe = Pipe(reader, RATE, 1, "s16le")
    take(pipe, 1)
    threading.Timer(0.1, os.write, (write, BLOCK)).start()  # so that it is waited for
    take(pipe, 1)
    os.write(write, BLOCK * 10)
    time.sleep(1.0)
    assert pipe.waiting_seconds >= 1.0
    os.close(write)


def test_a_source_whose_clock_is_slow_is_not_late():
    pace = Pace()
    for _ in range(20):
        time.sleep(0.03)
        pace.take(0.02, waited=0.02)
    assert pace.late_seconds < 0.2


def test_sound_that_lasts_longer_than_it_is_heard_is_not_early():
    pace = Pace()
    pace.take(0.1, waited=0.1)
    pace.take(3600.0, waited=0.0)
    assert pace.late_seconds == 0.0


def test_lateness_is_news_once_until_half_of_it_is_made_up():
    lateness = Lateness()
    times = [1.0, 1.1, 5.0, 0.6, 1.1, 0.4, 0.6, 1.1]
    told = [seconds for seconds in times if lateness.look(seconds * LATE_SECONDS)]
    assert told == [1.1, 1.1]
    assert [lateness.look(seconds * LATE_SECONDS) or lateness.behind for seconds in (0.6, 0.4, 0.6)] == [
        True,
        False,
        False,
    ]


def test_a_file_is_never_late():
    pipe = Pipe(io.BytesIO(BLOCK * 100), RATE, 1, "s16le")
    take(pipe, 100)
    assert pipe.waiting_seconds < 0.5


@pytest.mark.skipif(sys.platform == "win32", reason="pipes always wait there")
def test_a_pipe_that_does_not_wait_is_made_to(ends):
    reader, write = ends
    os.set_blocking(reader.fileno(), False)
    os.write(write, BLOCK)
    pipe = Pipe(reader, RATE, 1, "s16le")
    take(pipe, 1)
    time.sleep(0.2)
    os.write(write, BLOCK)
    take(pipe, 1)
    os.close(write)
    assert pipe.read(5.0) is None


@pytest.mark.parametrize("begun", [b"", b"RI", b"RIFF", b"RIFF1234WAVELIST\x00\x10\x00\x00", b"\xff\xfb1234"])
def test_a_pipe_that_cannot_be_read_is_an_error_that_says_so(ends, begun):
    _, write = ends

    class Failing(io.BytesIO):
        def read1(self, size=-1):
            return super().read1(size) or os.read(write, 1)  # which is open to write alone

        read = read1

    with pytest.raises(AudioError, match=r"^standard input: cannot be read \(Bad file descriptor\); check"):
        Pipe(Failing(begun), RATE, 1, "s16le")
    os.close(write)


def test_nothing_comes_after_the_end():
    pipe = Pipe(io.BytesIO(BLOCK), RATE, 1, "s16le")
    take(pipe, 1)
    assert [pipe.read(5.0), pipe.read(0.01), pipe.read(0.01)] == [None] * 3


@given(st.integers(1, 9), st.integers(0, 7))
def test_samples_are_the_same_however_their_bytes_come(count, rest):
    samples = np.random.default_rng(0).uniform(-1, 1, (200, 2)).astype(np.float32)
    content = encode(samples, "WAV", "FLOAT")
    content = content[: len(content) - rest]
    pipe, heard = hear(Dribbling(content, count))
    assert pipe.rate == RATE
    np.testing.assert_array_equal(heard, samples[: 200 - (rest > 0)])


@pytest.mark.parametrize("begin", [(100, -5), (0, 0), (-1025, 5), (-3585, 5)])  # as samples, or as MP3 or AAC may begin
@pytest.mark.parametrize("count", [2, 3, 200])
def test_raw_samples_are_whole_though_they_end_while_their_kind_is_looked_for(begin, count):
    samples = np.resize(np.array(begin, "<i2"), count)
    _, heard = hear(io.BytesIO(samples.tobytes()))
    np.testing.assert_array_equal(heard[:, 0], samples)


@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
@pytest.mark.parametrize("extra", [b"", b"a", b"title"])
def test_what_stands_before_the_sound_of_a_wav_is_passed_over(container, extra):
    samples = np.random.default_rng(0).uniform(-1, 1, (500, 2)).astype(np.float32)
    whole = encode(samples, container, "FLOAT", rate=8_000)
    size = int.from_bytes(whole[16:20], "little")
    body, after = whole[20 : 20 + size], whole[20 + size :]
    content = whole[:12] + chunk(b"LIST", extra) + chunk(b"fmt ", body + extra) + chunk(b"id3 ", extra) + after
    pipe, heard = hear(io.BytesIO(content))
    assert pipe.rate == 8_000
    np.testing.assert_array_equal(heard, samples)


@pytest.mark.parametrize(("place", "number"), [(22, 0), (22, 1025), (24, 999), (24, 768_001)])
def test_a_wav_of_channels_or_a_rate_that_no_recording_has_is_told(place, number):
    content = bytearray(encode(np.zeros(RATE, np.float32), "WAV", "PCM_16"))
    size = 2 if place == 22 else 4
    content[place : place + size] = number.to_bytes(size, "little")
    with pytest.raises(AudioError, match=rf"WAV of .*\b{number} .*cannot be heard; check what writes it"):
        Pipe(io.BytesIO(content), RATE, 1, "s16le")


def test_what_follows_the_sound_is_taken_from_its_writer():
    """Else a converter that puts its tags there would wait for ever, or be told that nobody reads."""
    ended = threading.Event()

    class Watched(io.BytesIO):
        def read1(self, size=-1):
            part = super().read1(size)
            if not part:
                ended.set()
            return part

    content = encode(np.zeros(RATE, np.float32), "WAV", "PCM_16") + chunk(b"id3 ", bytes(1_000_000))
    _, heard = hear(Watched(content))
    assert len(heard) == RATE
    assert ended.wait(10)


@pytest.mark.parametrize(
    ("follows", "told"),
    [
        (b"", ""),
        (bytes(RATE // 50), ""),
        (chunk(b"id3 ", bytes(100_000)), ""),
        (bytes(1) + chunk(b"LIST", bytes(100_000)), ""),
        (bytes(100_000), "its header says 1.0 s, but more follows, which was not heard"),
        (encode(np.zeros(RATE, np.float32), "WAV"), "its header says 1.0 s, but more follows, which was not heard"),
    ],
    ids=["nothing", "padding", "a tag", "a chunk after padding", "sound", "another WAV"],
)
def test_sound_that_a_header_does_not_promise_is_told(follows, told):
    pipe, heard = hear(io.BytesIO(encode(np.zeros(RATE, np.float32), "WAV", "PCM_16") + follows))
    assert len(heard) == RATE
    assert told in pipe.problem
    assert bool(told) == bool(pipe.problem)


def test_the_sound_ends_though_its_writer_leaves_the_pipe_open(ends):
    reading, writing = ends
    os.write(writing, encode(np.zeros(RATE, np.float32), "WAV", "PCM_16"))
    pipe, heard = hear(reading)
    assert len(heard) == RATE
    assert pipe.problem == ""


@pytest.mark.parametrize("kept", range(4, 44))
def test_a_wav_that_ends_in_its_header(kept):
    whole = encode(np.zeros(RATE, np.float32), "WAV", "PCM_16")
    with pytest.raises(AudioError, match=r"ends before its first sample|begins as WAV and is none"):
        Pipe(io.BytesIO(whole[:kept]), RATE, 1, "s16le")
