"""A pipe: what has come is heard, lateness is told, and a header that is cut short is no traceback."""

import io
import os
import sys
import time

import numpy as np
import pytest

from speech2text.audio.live import Pipe
from speech2text.audio.pace import Pace
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


def test_sound_that_comes_as_it_is_spoken_is_late_when_nobody_reads(ends):
    reader, write = ends
    os.write(write, BLOCK)
    pipe = Pipe(reader, RATE, 1, "s16le")
    take(pipe, 1)
    time.sleep(0.1)
    os.write(write, BLOCK)
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


@pytest.mark.parametrize("kept", range(4, 44))
def test_a_wav_that_ends_in_its_header(kept):
    whole = encode(np.zeros(RATE, np.float32), "WAV", "PCM_16")
    with pytest.raises(AudioError, match=r"ends before its first sample|begins as WAV and is none"):
        Pipe(io.BytesIO(whole[:kept]), RATE, 1, "s16le")
