"""A WAV file that is whole after every block."""

import os
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from speech2text.audio import recording
from speech2text.audio.recording import WavWriter
from speech2text.errors import OutputError


@given(st.lists(st.integers(0, 500), max_size=5), st.sampled_from([8_000, 44_100]))
def test_the_file_is_whole_after_every_block(tmp_path_factory, lengths, rate):
    path = tmp_path_factory.mktemp("recordings") / "talk.wav"
    samples = np.random.default_rng(0).uniform(-1, 1, sum(lengths)).astype(np.float32)
    with WavWriter(path, rate) as file:
        for length, end in zip(lengths, np.cumsum(lengths), strict=True):
            file.write(samples[end - length : end])
            with wave.open(str(path)) as strict:
                assert (strict.getnframes(), strict.getframerate(), strict.getnchannels()) == (end, rate, 1)
            heard, _ = soundfile.read(path, dtype="float32")
            np.testing.assert_allclose(heard, samples[:end], atol=2**-15)
    assert path.stat().st_size == 44 + 2 * len(samples)


def test_what_is_too_loud_is_clipped(tmp_path):
    with WavWriter(tmp_path / "loud.wav", 16_000) as file:
        file.write(np.array([-3.0, 3.0], np.float32))
    np.testing.assert_allclose(soundfile.read(tmp_path / "loud.wav")[0], [-1.0, 1.0], atol=2**-15)


def test_a_recording_that_is_there_is_replaced(tmp_path):
    (tmp_path / "talk.wav").write_bytes(bytes(1000))
    with WavWriter(tmp_path / "talk.wav", 16_000):
        pass
    assert len(soundfile.read(tmp_path / "talk.wav")[0]) == 0


def test_what_cannot_be_written_is_told(tmp_path):
    with pytest.raises(OutputError, match=r"nowhere/talk\.wav: cannot be written \(No such file"):
        WavWriter(tmp_path / "nowhere" / "talk.wav", 16_000)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told(tmp_path):
    (tmp_path / "talk.wav").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left"):
        WavWriter(tmp_path / "talk.wav", 16_000)


def test_a_pipe_is_refused_before_anybody_speaks_and_without_a_reader(tmp_path):
    os.mkfifo(tmp_path / "talk.wav")
    with pytest.raises(OutputError, match="record to a plain file"):
        WavWriter(tmp_path / "talk.wav", 16_000)


def test_a_file_that_is_too_long_for_wav_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "_MOST_BYTES", 100)
    with WavWriter(tmp_path / "talk.wav", 16_000) as file:
        file.write(np.zeros(50, np.float32))
        with pytest.raises(OutputError, match="more than 4 GiB"):
            file.write(np.zeros(1, np.float32))
    assert soundfile.info(tmp_path / "talk.wav").frames == 50
