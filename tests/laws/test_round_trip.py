"""Law 7: what was taken apart can be put together again: texts by their pieces, bundles by their bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.bundle.manifest import DataSource, Decoding, ErrorRate, Manifest
from speech2text.bundle.store import open_bundle
from speech2text.bundle.writer import write_bundle
from speech2text.text.normalization import normalize
from speech2text.text.tokenizer import Tokenizer
from speech2text.training.pieces import learn_tokenizer
from speech2text_export.bundling import Facts, make_bundle, quantize_bundle, save_bundle
from tests.laws.random_model import make_model
from tests.tiny_bundle import write_tiny_bundle

KNOWN = ("she sells sea shells", "the shells she sells", "l'été à la mer", "grüße aus łódź", "ねこ と いぬ")


@given(text=st.text(), kind=st.sampled_from(["characters", "bpe"]), size=st.sampled_from([32, 64, 200]))
def test_decoding_what_was_encoded_gives_any_normalised_text(text, kind, size):
    text = normalize(text)
    tokenizer = learn_tokenizer([text, *KNOWN], kind, size)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    again = Tokenizer.from_json(json.loads(json.dumps(tokenizer.to_json())))
    assert again.to_json() == tokenizer.to_json()
    assert again.encode(text) == tokenizer.encode(text)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A bundle in memory, as the export makes it, with letters of several languages."""
    tokenizer = Tokenizer.of_characters(["a smäll ねこ"])
    facts = Facts(
        name="model",
        description="Größe “10”",
        languages=("de", "ja"),
        licence="CC0-1.0",
        data=(DataSource("ein Korpus", 0.1, "CC BY 4.0"),),
        decoding=Decoding(beam_size=2, ctc_weight=1 / 3, length_bonus=-0.1),
        chunk_frames=32,
    )
    sample = np.random.default_rng(0).uniform(-0.5, 0.5, SAMPLE_RATE).astype(np.float32)
    folder = tmp_path_factory.mktemp("bundles") / "model"
    return make_bundle(make_model(vocabulary=len(tokenizer)), tokenizer, facts, sample, folder)[0]


@pytest.mark.parametrize("kind", ["tiny", "fp32", "int8"])
def test_a_bundle_that_is_opened_and_written_is_the_same(kind, exported, tmp_path):
    if kind == "tiny":
        folder = write_tiny_bundle(tmp_path / "first").folder
    else:
        rates = {"dev": ErrorRate(wer=2 / 3, low=0.1, high=0.7, words=3)}
        folder = save_bundle(quantize_bundle(exported) if kind == "int8" else exported, rates).folder
    bundle = open_bundle(folder)
    write_bundle(tmp_path / "second", bundle.manifest, bundle.files)
    assert contents(tmp_path / "second") == contents(folder)
    assert Manifest.from_json(bundle.manifest.to_json()) == bundle.manifest
