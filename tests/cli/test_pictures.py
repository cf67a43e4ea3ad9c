"""What is drawn and heard in the page of evaluate."""

import io

import numpy as np
import pytest
import soundfile

from speech2text.audio.utterances import Utterance
from speech2text.bundle.store import open_bundle
from speech2text.runtime.recognizer import Recognizer
from tests.tiny_bundle import tone

pytest.importorskip("librosa")
from speech2text.cli.pictures import draw, draw_spectrogram, encode_audio


@pytest.fixture(scope="module")
def recognizer(tiny):
    return Recognizer(open_bundle(tiny))


def utterance(folder, samples):
    soundfile.write(folder / "a.wav", samples, 16000, subtype="FLOAT")
    return Utterance("a", folder / "a.wav", "")


def test_a_recording_is_inspected_whole(recognizer, tmp_path):
    found = draw(recognizer, utterance(tmp_path, tone("one", "", "two")))
    assert found.duration == pytest.approx(1.2)
    (spelling,) = found.spellings
    assert (spelling.start, spelling.frame) == (0.0, pytest.approx(0.04))
    assert [spike.piece for spike in spelling.spikes] == ["▁one", "▁two"]
    assert spelling.attention.shape == (3, 30)
    assert spelling.attention.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    first, second = spelling.spikes
    assert 0 <= first.start < first.end <= 0.4 + 1e-6
    assert 0.8 - 1e-6 <= second.start < second.end <= 1.2 + 1e-6


def test_silence_is_a_picture_without_a_spelling(recognizer, tmp_path):
    found = draw(recognizer, utterance(tmp_path, tone("")))
    assert found.spellings == ()
    assert found.spectrogram.data


def test_stretches_of_a_long_recording_follow_each_other(recognizer, tmp_path):
    found = draw(recognizer, utterance(tmp_path, tone("one", *[""] * 50, "two", *[""] * 50, "three")))
    assert len(found.spellings) > 1
    ends = [spelling.start + spelling.attention.shape[1] * spelling.frame for spelling in found.spellings]
    assert found.spellings[0].start == 0.0
    assert [spelling.start for spelling in found.spellings[1:]] == pytest.approx(ends[:-1], abs=0.05)
    assert [spike.piece for each in found.spellings for spike in each.spikes] == ["▁one", "▁two", "▁three"]


def test_a_very_long_recording_is_heard_and_not_drawn(recognizer, tmp_path):
    found = draw(recognizer, utterance(tmp_path, tone("one", seconds=61.0)))
    assert found.spellings == ()
    assert found.duration == pytest.approx(61.0)


@pytest.mark.parametrize("length", [1, 159, 16_000, 16_001])
def test_sound_keeps_its_length_and_becomes_small(length):
    samples = (0.3 * np.sin(np.arange(length) / 9)).astype(np.float32)
    media = encode_audio(samples)
    assert media.kind == "audio/ogg"
    decoded, rate = soundfile.read(io.BytesIO(media.data))
    assert (rate, len(decoded)) == (16_000, length)


@pytest.mark.parametrize("length", [1, 16_000])
def test_a_spectrogram_is_a_picture(length):
    media = draw_spectrogram(np.linspace(-0.5, 0.5, length, dtype=np.float32))
    assert media.kind == "image/webp"
    assert (media.data[:4], media.data[8:12]) == (b"RIFF", b"WEBP")
