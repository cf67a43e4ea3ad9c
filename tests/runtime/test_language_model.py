"""A bundle with a language model: its graph is called as the contract says, and its weight changes the text."""

from dataclasses import replace

import numpy as np
import onnx.parser
import pytest

import speech2text
from speech2text.bundle.manifest import LanguageModelShape
from speech2text.bundle.writer import write_bundle
from speech2text.decoding.protocols import END
from speech2text.errors import BundleError
from speech2text.runtime.language_model import OnnxLanguageModel
from speech2text.runtime.recognizer import Recognizer
from tests.tiny_bundle import LEVELS, tiny_files, tiny_manifest, tone

# "two" is ten times as likely as each of the others, the end included; the hidden state counts the steps
_LANGUAGE_MODEL = """
<ir_version: 8, opset_import: ["": 17]>
lm (int64[H] tokens, float[H, 1, 2] hidden, float[H, 1, 2] cell)
=> (float[H, 5] log_probs, float[H, 1, 2] next_hidden, float[H, 1, 2] next_cell)
<int64[1] one = {1}, float[1, 5] likely = {-100.0, 0.0, 0.0, 2.3025851, 0.0}, float step = {1.0}>
{
  column = Unsqueeze (tokens, one)
  numbers = Cast <to = 1> (column)
  nothing = Sub (numbers, numbers)
  logits = Add (nothing, likely)
  log_probs = LogSoftmax <axis = 1> (logits)
  next_hidden = Add (hidden, step)
  next_cell = Identity (cell)
}
"""
GRAPH = onnx.parser.parse_model(_LANGUAGE_MODEL).SerializeToString()
SHAPE = LanguageModelShape(layers=1, units=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The tiny bundle with a language model, which it does not use by itself."""
    manifest = replace(tiny_manifest(), language_model=SHAPE)
    return write_bundle(tmp_path_factory.mktemp("bundles") / "lm", manifest, {**tiny_files(), "lm.onnx": GRAPH}).folder


@pytest.fixture(scope="module")
def unclear():
    """Between the loudness of "one" and of "two", a little nearer to "one"."""
    level = LEVELS["one"] ** 0.52 * LEVELS["two"] ** 0.48
    return tone("one", seconds=0.04) * np.float32(level / LEVELS["one"])


def test_a_step_reads_the_last_token_of_each_hypothesis():
    model = OnnxLanguageModel(GRAPH, SHAPE, vocabulary=5)
    log_probs, state = model.step(np.array([END]), model.start())
    assert log_probs.shape == (1, 5)
    assert np.exp(log_probs[0]) == pytest.approx([0, 1 / 13, 1 / 13, 10 / 13, 1 / 13])
    log_probs, state = model.step(np.array([2, 3, 2]), state.select(np.array([0, 0, 0])))
    assert log_probs.shape == (3, 5)
    assert state.hidden.tolist() == [[[2.0, 2.0]]] * 3


def test_its_weight_changes_the_text(folder, unclear):
    texts = [speech2text.load_model(folder, lm_weight=weight).recognise(unclear).text for weight in (None, 0, 2)]
    assert texts == ["one", "one", "two"]


def test_its_weight_stays_where_a_guard_takes_hot_words_away(folder, unclear):
    samples = np.concatenate([unclear, tone("", seconds=0.12)])
    segment = speech2text.load_model(folder, lm_weight=2, hotwords=["three"], hotwords_score=100).recognise(samples)
    assert (segment.text, segment.guard) == ("two", "loop")
    assert speech2text.load_model(folder).recognise(samples).text == "one"


def test_a_bundle_knows_the_weight_it_was_tuned_for(folder, unclear, tmp_path):
    tuned = replace(tiny_manifest(lm_weight=2.0), language_model=SHAPE)
    bundle = write_bundle(tmp_path / "tuned", tuned, {**tiny_files(), "lm.onnx": GRAPH})
    assert speech2text.load_model(bundle.folder).recognise(unclear).text == "two"
    assert speech2text.load_model(bundle.folder, lm_weight=0).recognise(unclear).text == "one"


def test_without_a_weight_it_is_not_opened(tmp_path):
    manifest = replace(tiny_manifest(), language_model=SHAPE)
    bundle = write_bundle(tmp_path / "broken", manifest, {**tiny_files(), "lm.onnx": b"no graph"})
    assert Recognizer(bundle).recognise(tone("two")).text == "two"
    with pytest.raises(BundleError, match=r"broken: lm\.onnx cannot be run"):
        speech2text.load_model(bundle.folder, lm_weight=0.1)


def test_a_manifest_that_contradicts_the_graph_is_refused(tmp_path):
    manifest = replace(tiny_manifest(), language_model=LanguageModelShape(layers=1, units=9))
    bundle = write_bundle(tmp_path / "odd", manifest, {**tiny_files(), "lm.onnx": GRAPH})
    with pytest.raises(BundleError, match=r"odd: lm\.onnx: hidden has the sizes \(any, 1, 2\), and the manifest says"):
        speech2text.load_model(bundle.folder, lm_weight=0.1)


def test_a_weight_without_a_model_is_refused(bundle):
    with pytest.raises(BundleError, match=r"tiny: has no language model to give a weight of 0\.5"):
        speech2text.load_model(bundle.folder, lm_weight=0.5)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_weights_that_make_no_sense_are_refused(folder, weight):
    with pytest.raises(ValueError, match="lm_weight must be 0 to 100"):
        speech2text.load_model(folder, lm_weight=weight)


def test_greedy_searches_take_no_language_model(folder, unclear):
    with pytest.raises(ValueError, match="lm_weight is for the joint search, and search is 'ctc'"):
        speech2text.load_model(folder, search="ctc", lm_weight=0.5)
    assert speech2text.load_model(folder, search="ctc", lm_weight=0).recognise(unclear).text == "one"
