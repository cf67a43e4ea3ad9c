"""A model becomes a bundle: in memory, as int8, in a folder."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from speech2text.bundle.manifest import ErrorRate
from speech2text.bundle.store import Bundle, open_bundle
from speech2text.errors import ExportError, OutputError
from speech2text.model.las import LAS
from speech2text.runtime.recognizer import Recognizer
from speech2text.text.tokenizer import Tokenizer
from speech2text_export import bundling
from speech2text_export.bundling import Facts, make_bundle, quantize_bundle, save_bundle
from speech2text_export.speller_graph import speller_graph

Samples = NDArray[np.float32]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bundle"


@pytest.fixture
def bundle(model: LAS, tokenizer: Tokenizer, facts: Facts, recording: Samples, folder: Path) -> Bundle:
    return make_bundle(model, tokenizer, facts, recording, folder)[0]


def test_a_saved_bundle_can_be_opened_and_says_what_it_was_told(bundle: Bundle, facts: Facts, model: LAS) -> None:
    rate = ErrorRate(wer=0.25, low=0.2, high=0.3, words=400)
    manifest = open_bundle(save_bundle(bundle, {"dev": rate}).folder).manifest
    assert (manifest.name, manifest.licence, manifest.data) == (facts.name, facts.licence, facts.data)
    assert manifest.decoding == facts.decoding
    assert manifest.wer == {"dev": rate}
    assert manifest.precision == "fp32"
    assert manifest.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert (manifest.model.reduction, manifest.model.chunk_frames, manifest.model.vocabulary) == (4, 32, 14)


@pytest.mark.parametrize("int8", [False, True])
def test_the_sample_gives_its_text(bundle: Bundle, int8: bool) -> None:
    saved = open_bundle(save_bundle(quantize_bundle(bundle) if int8 else bundle, {}).folder)
    sample = saved.manifest.sample
    assert sample.text
    assert Recognizer(saved).transcribe(saved.folder / sample.audio).text == sample.text


def test_the_sample_is_the_recording(bundle: Bundle, recording: Samples) -> None:
    samples, rate = soundfile.read(io.BytesIO(bundle.files["sample.flac"]), dtype="float32")
    assert rate == 16_000
    np.testing.assert_allclose(samples, recording, atol=1 / 32768)


def test_the_same_model_gives_the_same_files(bundle: Bundle, model: LAS, tokenizer: Tokenizer, facts: Facts) -> None:
    recording = soundfile.read(io.BytesIO(bundle.files["sample.flac"]), dtype="float32")[0]
    again, _ = make_bundle(model, tokenizer, facts, recording, bundle.folder)
    assert save_bundle(quantize_bundle(bundle), {}).files == save_bundle(quantize_bundle(again), {}).files


def test_int8_is_smaller_and_says_so(bundle: Bundle) -> None:
    int8 = quantize_bundle(bundle)
    assert int8.manifest.precision == "int8"
    assert len(int8.files["listener.onnx"]) < len(bundle.files["listener.onnx"])
    assert bundle.manifest.precision == "fp32"


def test_the_card_names_data_licence_and_error_rate(bundle: Bundle) -> None:
    save_bundle(bundle, {"dev": ErrorRate(wer=0.2512, low=0.2, high=0.3, words=400)})
    card = (bundle.folder / "README.md").read_text(encoding="utf-8")
    for fact in ("test-model", "CC0-1.0", "| a corpus | 1.5 | CC BY 4.0 |", "| dev | 25.12 % |", "0.32 s"):
        assert fact in card


def test_the_card_says_when_nothing_was_measured(bundle: Bundle) -> None:
    save_bundle(dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, data=())), {})
    card = (bundle.folder / "README.md").read_text(encoding="utf-8")
    assert "Not measured" in card
    assert "does not say" in card


def test_an_unequal_model_makes_no_bundle(
    model: LAS, tokenizer: Tokenizer, facts: Facts, recording: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = LAS(model.config).eval()
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        other.speller.output.bias[3] += 0.01
    wrong = speller_graph(other.speller)
    monkeypatch.setattr(bundling, "speller_graph", lambda speller: wrong)
    with pytest.raises(ExportError, match="nothing was written"):
        make_bundle(model, tokenizer, facts, recording, Path("nowhere"))


def test_a_bundle_is_replaced_and_anything_else_is_not(bundle: Bundle) -> None:
    save_bundle(bundle, {})
    save_bundle(quantize_bundle(bundle), {})
    assert open_bundle(bundle.folder).manifest.precision == "int8"
    other = bundle.folder.parent / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="not a bundle"):
        save_bundle(dataclasses.replace(bundle, folder=other), {})
    assert [file.name for file in other.iterdir()] == ["thesis.txt"]


def test_a_name_may_be_as_long_as_any(bundle: Bundle) -> None:
    folder = bundle.folder.with_name("n" * 255)
    save_bundle(dataclasses.replace(bundle, folder=folder), {})
    assert open_bundle(folder).manifest.name == bundle.manifest.name
