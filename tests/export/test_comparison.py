"""Measuring bundles against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from speech2text.audio.utterances import Utterance
from speech2text.bundle.manifest import ErrorRate
from speech2text.bundle.store import Bundle
from speech2text.errors import AudioError, ExportError
from speech2text.model.las import LAS
from speech2text.runtime.recognizer import Recognizer
from speech2text.text.tokenizer import Tokenizer
from speech2text_export.bundling import Facts, make_bundle, quantize_bundle
from speech2text_export.comparison import Figures, check_loss, measure


@pytest.fixture(scope="module")
def bundle(model: LAS, tokenizer: Tokenizer, facts: Facts, recording: NDArray[np.float32]) -> Bundle:
    return make_bundle(model, tokenizer, facts, recording, Path("nowhere"))[0]


@pytest.fixture
def file(recording: NDArray[np.float32], tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "a.wav", recording, 16_000, subtype="FLOAT")
    return tmp_path / "a.wav"


def test_measures_each_bundle(bundle: Bundle, file: Path) -> None:
    text = Recognizer(bundle).transcribe(file).text
    words = len(text.split())
    utterances = [Utterance("right", file, text, "ann"), Utterance("wrong", file, "zzz " * words, "bob")]
    heard: list[float] = []
    fp32, int8 = measure([bundle, quantize_bundle(bundle)], utterances, heard.append)
    assert heard == [1.0, 1.0]
    assert (fp32.precision, int8.precision) == ("fp32", "int8")
    assert fp32.wer == ErrorRate(wer=0.5, low=0.0, high=1.0, words=2 * words)
    assert fp32.graph_bytes > int8.graph_bytes
    assert min(fp32.speed, int8.speed) > 0


def test_recordings_without_words_measure_nothing(bundle: Bundle, file: Path) -> None:
    with pytest.raises(ExportError, match="no words"):
        measure([bundle], [Utterance("a", file, "?!")], lambda seconds: None)


def test_a_recording_that_cannot_be_read_is_an_error(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"missing\.wav"):
        measure([bundle], [Utterance("a", tmp_path / "missing.wav", "text")], lambda seconds: None)


def test_a_recording_that_was_cut_short_is_an_error(bundle: Bundle, file: Path) -> None:
    file.write_bytes(file.read_bytes()[:8000])
    with pytest.raises(AudioError, match=r"a\.wav: damaged or cut short"):
        measure([bundle], [Utterance("a", file, "text")], lambda seconds: None)


def test_one_utterance_has_no_interval(bundle: Bundle, file: Path) -> None:
    (figures,) = measure([bundle], [Utterance("a", file, "zzz")], lambda seconds: None)
    assert figures.wer.low == figures.wer.wer == figures.wer.high


def figures(wer: float) -> Figures:
    return Figures("int8", ErrorRate(wer, 0.0, 1.0, 100), graph_bytes=1, speed=1.0)


@pytest.mark.parametrize("after", [0.05, 0.1, 0.104])
def test_a_loss_within_the_bound_passes(after: float) -> None:
    check_loss(figures(0.1), figures(after), most=0.005)


def test_a_larger_loss_is_refused() -> None:
    with pytest.raises(ExportError, match=r"by 0\.60 points and 0\.5 are allowed; nothing was written"):
        check_loss(figures(0.1), figures(0.106), most=0.005)
