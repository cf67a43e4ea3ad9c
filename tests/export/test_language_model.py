"""A language model joins a bundle: its graph is equal to it, int8 nearly, and another model's pieces are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from speech2text.bundle.manifest import LANGUAGE_MODEL_NAME, PIECES_NAME, TextSource
from speech2text.bundle.store import Bundle, open_bundle
from speech2text.decoding.protocols import BLANK, END
from speech2text.errors import ExportError
from speech2text.model.four_bits import as_stored
from speech2text.model.language_model import LanguageModel, LanguageModelConfig
from speech2text.model.las import LAS
from speech2text.runtime.language_model import OnnxLanguageModel
from speech2text.text.tokenizer import Tokenizer
from speech2text.training.language_model import perplexity
from speech2text.training.sentences import Sentences
from speech2text_export import language_model as joining
from speech2text_export.bundling import Facts, make_bundle, quantize_bundle, save_bundle
from speech2text_export.language_model import add_language_model, bundled_perplexity, set_lm_weight, take_language_model
from speech2text_export.language_model_graph import language_model_graph
from speech2text_export.parity import TOLERANCE, check_language_model_parity

TEXTS = (TextSource("letters", 1000, "CC0-1.0"),)


def make_model(vocabulary: int, layers: int = 1) -> LanguageModel:
    """A model that has learned nothing but is sure of itself."""
    torch.manual_seed(0)
    model = LanguageModel(LanguageModelConfig(vocabulary, embedding=12, layers=layers, units=20)).eval()
    with torch.no_grad():
        model.embedding.weight.mul_(5.0)
    return model


@pytest.fixture
def bundle(model: LAS, tokenizer: Tokenizer, facts: Facts, recording: NDArray[np.float32], tmp_path: Path) -> Bundle:
    return make_bundle(model, tokenizer, facts, recording, tmp_path / "bundle")[0]


@pytest.fixture
def language_model(tokenizer: Tokenizer) -> LanguageModel:
    return make_model(len(tokenizer))


@pytest.fixture
def sentences(tokenizer: Tokenizer) -> Sentences:
    random = np.random.default_rng(0)
    lengths = random.integers(1, 12, 100)
    return Sentences(random.integers(2, len(tokenizer), lengths.sum()).astype(np.int32), lengths, lengths)


@pytest.mark.parametrize("layers", [1, 2])
def test_the_graph_is_equal_to_the_model(layers: int) -> None:
    model = make_model(14, layers)
    assert check_language_model_parity(model, language_model_graph(model).SerializeToString()) < TOLERANCE


@pytest.mark.parametrize("weights", ["lm/lstm/0/of_state", "lm/bias", "lm/embedding"])
def test_a_graph_that_is_not_equal_is_refused(weights: str) -> None:
    model = make_model(14)
    graph = language_model_graph(model)
    (tensor,) = (each for each in graph.graph.initializer if each.name == weights)
    values = onnx.numpy_helper.to_array(tensor).copy()
    values.flat[-1] += 1.0
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, weights))
    with pytest.raises(ExportError, match="language model"):
        check_language_model_parity(model, graph.SerializeToString())


def test_nothing_is_added_when_the_graph_is_not_equal(
    bundle: Bundle, language_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_model(language_model.config.vocabulary)
    torch.nn.init.normal_(other.bias)
    monkeypatch.setattr(joining, "language_model_graph", lambda _: language_model_graph(other))
    with pytest.raises(ExportError, match="do not compute what the model does"):
        add_language_model(bundle, language_model, TEXTS, 0.3)


def test_int8_predicts_nearly_as_well_step_by_step(
    bundle: Bundle, language_model: LanguageModel, sentences: Sentences
) -> None:
    extended, _ = add_language_model(bundle, language_model, TEXTS, 0.3)
    exact, found = perplexity(language_model, sentences), bundled_perplexity(extended, sentences)
    assert found.piece == pytest.approx(exact.piece, rel=0.02)
    assert found.word == pytest.approx(exact.word, rel=0.02)


def test_four_bits_predict_as_the_rounded_model_and_take_fewer_bytes(
    bundle: Bundle, language_model: LanguageModel, sentences: Sentences
) -> None:
    eight, _ = add_language_model(bundle, language_model, TEXTS, 0.3)
    rounded = LanguageModel(replace(language_model.config, lstm_bits=4)).eval()
    rounded.load_state_dict(language_model.state_dict())
    four, _ = add_language_model(bundle, rounded, TEXTS, 0.3)
    with as_stored(rounded):
        expected = perplexity(rounded, sentences)
    assert bundled_perplexity(four, sentences).piece == pytest.approx(expected.piece, rel=0.01)
    assert bundled_perplexity(four, sentences) != bundled_perplexity(eight, sentences)
    lstm = sum(weights.numel() for weights in rounded.in_four_bits())
    saved = len(eight.files[LANGUAGE_MODEL_NAME]) - len(four.files[LANGUAGE_MODEL_NAME])
    assert saved > 0.35 * lstm  # half a byte each, less what the casts take


def test_fp32_predicts_exactly_as_the_model(
    bundle: Bundle, language_model: LanguageModel, sentences: Sentences, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "quantize", lambda graph, _: graph)
    extended, _ = add_language_model(bundle, language_model, TEXTS, 0.3)
    assert bundled_perplexity(extended, sentences).piece == pytest.approx(
        perplexity(language_model, sentences).piece, rel=1e-5
    )


def test_the_runtime_reads_hypotheses_side_by_side(bundle: Bundle, language_model: LanguageModel) -> None:
    manifest = add_language_model(bundle, language_model, TEXTS, 0.3)[0].manifest
    assert manifest.language_model is not None
    graph = language_model_graph(language_model).SerializeToString()
    runtime = OnnxLanguageModel(graph, manifest.language_model, manifest.model.vocabulary)
    tokens = np.array([[END, 5, 7], [END, 9, 2]])
    state = runtime.start().select(np.array([0, 0]))
    expected = language_model(torch.from_numpy(tokens)).detach().numpy()
    for position in range(3):
        log_probs, state = runtime.step(tokens[:, position], state)
        np.testing.assert_allclose(log_probs[:, 1:], expected[:, position, 1:], atol=TOLERANCE)
        assert (log_probs[:, BLANK] < -1e8).all()


def test_blank_stays_impossible_in_int8(bundle: Bundle, language_model: LanguageModel) -> None:
    extended, _ = add_language_model(bundle, language_model, TEXTS, 0.3)
    shape = extended.manifest.language_model
    assert shape is not None
    runtime = OnnxLanguageModel(extended.files[LANGUAGE_MODEL_NAME], shape, extended.manifest.model.vocabulary)
    log_probs, _ = runtime.step(np.array([END]), runtime.start())
    assert (log_probs[:, BLANK] < -60_000).all()


def test_a_bundle_is_written_with_it_and_opened_again(bundle: Bundle, language_model: LanguageModel) -> None:
    extended, _ = add_language_model(quantize_bundle(bundle), language_model, TEXTS, 0.3)
    saved = save_bundle(extended, {})
    manifest = open_bundle(saved.folder).manifest
    assert manifest.language_model is not None
    assert (manifest.language_model.units, manifest.language_model.texts) == (20, TEXTS)
    assert manifest.decoding.lm_weight == 0.3
    assert "| letters | 1000 | CC0-1.0 |" in (saved.folder / "README.md").read_text()


def test_a_new_weight_changes_nothing_else_but_a_given_length_bonus(
    bundle: Bundle, language_model: LanguageModel
) -> None:
    extended, _ = add_language_model(bundle, language_model, TEXTS, 0.3)
    other = set_lm_weight(extended, 0.1)
    assert other.manifest.decoding.lm_weight == 0.1
    assert set_lm_weight(other, 0.3) == extended
    assert set_lm_weight(other, 0.3, 1.5).manifest.decoding.length_bonus == 1.5


def test_it_is_taken_over_from_another_bundle(bundle: Bundle, language_model: LanguageModel) -> None:
    extended, _ = add_language_model(bundle, language_model, TEXTS, 0.3)
    assert take_language_model(bundle, extended) == extended


def test_a_model_of_other_pieces_is_refused(bundle: Bundle, language_model: LanguageModel) -> None:
    with pytest.raises(ExportError, match="knows 15 pieces and the bundle 14"):
        add_language_model(bundle, make_model(15), TEXTS, 0.3)
    extended, _ = add_language_model(bundle, language_model, TEXTS, 0.3)
    pieces = json.loads(bundle.files[PIECES_NAME])
    pieces["pieces"][-1] = "z"
    other = replace(extended, files={**extended.files, PIECES_NAME: json.dumps(pieces).encode()})
    with pytest.raises(ExportError, match="of other pieces"):
        take_language_model(bundle, other)
    with pytest.raises(ExportError, match="has no language model"):
        take_language_model(bundle, bundle)
