"""The listener's and the speller's graphs through their classes."""

import dataclasses
import math

import numpy as np
import onnx
import pytest

import speech2text
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.bundle.manifest import LISTENER_NAME, SPELLER_NAME
from speech2text.bundle.tensors import LENGTHS
from speech2text.decoding.protocols import END
from speech2text.errors import BundleError
from speech2text.runtime.listener import OnnxListener
from speech2text.runtime.speller import OnnxSpeller
from tests.tiny_bundle import tone

UNIT = 640
"""Samples in a frame of the tiny bundle's memory."""


@pytest.fixture(scope="module")
def listener(bundle):
    return OnnxListener(bundle.files[LISTENER_NAME], bundle.manifest.model)


@pytest.fixture(scope="module")
def speller(bundle):
    return OnnxSpeller(bundle.files[SPELLER_NAME], bundle.manifest.model)


@pytest.mark.parametrize("samples", [1, UNIT - 1, UNIT, UNIT + 1, 10 * UNIT])
def test_a_memory_has_a_frame_for_each_begun_unit(listener, samples):
    memory = listener.listen(np.zeros(samples, np.float32))
    assert len(memory) == len(memory.keys) == len(memory.ctc_log_probs) == -(-samples // UNIT)


def test_no_samples_give_an_empty_memory_of_the_same_widths(listener):
    empty, one = listener.listen(np.zeros(0, np.float32)), listener.listen(np.zeros(1, np.float32))
    assert len(empty) == 0
    assert empty.values.shape[1:] == one.values.shape[1:]
    assert empty.keys.shape[1:] == one.keys.shape[1:]
    assert empty.ctc_log_probs.shape[1:] == one.ctc_log_probs.shape[1:]


def test_a_recording_is_heard_between_two_moments_of_silence():
    """What is cut close to its only word is heard as where someone waits before and after it."""
    recognizer = speech2text.load_model()
    listener, frame = recognizer.listener, recognizer.manifest.model.memory_frame_samples
    word = tone("one", seconds=0.32)
    silence = np.zeros(math.ceil(0.2 * SAMPLE_RATE / frame) * frame, np.float32)
    nothing = {name: np.zeros_like(values) for name, values in listener.start().items()}
    _, after_silence = listener.hear(silence, nothing)
    expected, _ = listener.hear(np.concatenate([word, silence]), after_silence)
    np.testing.assert_array_equal(listener.listen(word).ctc_log_probs, expected.ctc_log_probs[: len(word) // frame])


@pytest.mark.parametrize("chunk_seconds", [0.001, 0.04, 0.1, 0.64, 60.0])
def test_a_stream_carries_its_state(listener, chunk_seconds):
    samples = tone("one", "", "two", "three")[:-7]
    whole, chunked = listener.listen(samples), listener.listen(samples, chunk_seconds)
    np.testing.assert_allclose(chunked.values, whole.values, atol=1e-4)  # the second value sums over all frames so far
    np.testing.assert_allclose(chunked.ctc_log_probs, whole.ctc_log_probs, atol=1e-4)


def test_a_kept_state_can_be_used_again(listener):
    samples = tone("one", seconds=0.64)
    _, state = listener.hear(samples, listener.start())
    first, _ = listener.hear(samples, state)
    second, _ = listener.hear(samples, state)
    assert (first.values == second.values).all()


def test_hypotheses_are_spelled_together(listener, speller):
    memory = listener.listen(tone("one"))
    log_probs, attention, state = speller.step(memory, np.array([END]), speller.start())
    assert log_probs.shape == (1, 5)
    assert attention.shape == (1, len(memory))
    state = state.select(np.array([0, 0, 0]))
    log_probs, attention, state = speller.step(memory, np.array([2, 3, 4]), state)
    assert log_probs.shape == (3, 5)
    assert attention.shape == (3, len(memory))
    assert (state.hidden == 2).all()  # the tiny speller counts its steps


def test_a_graph_with_other_inputs_is_refused(bundle):
    shape = dataclasses.replace(bundle.manifest.model, listener_state={"pcm_state": (240,), "mood": (1,)})
    with pytest.raises(BundleError, match=r"listener\.onnx has other inputs .*'mood' missing, 'forward_cell' unknown"):
        OnnxListener(bundle.files[LISTENER_NAME], shape)


def test_a_graph_of_other_types_is_refused(bundle):
    graph = onnx.load_from_string(bundle.files[LISTENER_NAME])
    (lengths,) = (each for each in graph.graph.input if each.name == LENGTHS)
    lengths.type.tensor_type.elem_type = onnx.TensorProto.INT32
    graph.graph.node.insert(0, onnx.helper.make_node("Cast", [LENGTHS], ["as_before"], to=onnx.TensorProto.INT64))
    for node in graph.graph.node[1:]:
        node.input[:] = ["as_before" if name == LENGTHS else name for name in node.input]
    with pytest.raises(BundleError, match=r"lengths is a tensor\(int32\), and must be a tensor\(int64\); export"):
        OnnxListener(graph.SerializeToString(), bundle.manifest.model)


@pytest.mark.parametrize("edit", [{"reduction": 2}, {"reduction": 8}, {"frame_samples": 159}, {"frame_samples": 161}])
def test_another_length_of_a_memory_frame_is_noticed(bundle, edit):
    shape = dataclasses.replace(bundle.manifest.model, **edit)
    message = (
        rf"listener\.onnx: a memory frame does not have the {shape.memory_frame_samples} samples that the manifest"
    )
    with pytest.raises(BundleError, match=message):
        OnnxListener(bundle.files[LISTENER_NAME], shape)


def test_what_is_no_graph_is_refused(bundle):
    with pytest.raises(BundleError, match=r"speller\.onnx cannot be run"):
        OnnxSpeller(b"not a graph", bundle.manifest.model)
