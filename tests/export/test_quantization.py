"""int8: what becomes integers, what stays, and that the graphs still hear about the same."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper

from speech2text.model.four_bits import as_stored
from speech2text.model.las import LAS
from speech2text_export.listener_graph import listener_graph
from speech2text_export.parity import OnnxModel
from speech2text_export.quantization import quantize
from speech2text_export.speller_graph import speller_graph


@pytest.fixture(scope="module")
def fp32(model: LAS) -> onnx.ModelProto:
    return listener_graph(model.listener)


@pytest.fixture(scope="module")
def int8(fp32: onnx.ModelProto) -> onnx.ModelProto:
    return quantize(fp32)


@pytest.fixture(scope="module")
def four_bit(fp32: onnx.ModelProto) -> onnx.ModelProto:
    return quantize(fp32, lstm_bits=4)


def nodes_by_name(model: onnx.ModelProto, beginning: str) -> dict[str, onnx.NodeProto]:
    return {node.name: node for node in model.graph.node if node.name.startswith(beginning)}


def weights(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def test_the_frontend_stays_as_it_is(fp32: onnx.ModelProto, int8: onnx.ModelProto) -> None:
    before, after = nodes_by_name(fp32, "frontend/"), nodes_by_name(int8, "frontend/")
    assert before == after
    assert {"frontend/spectrum", "frontend/mel"} < set(after)
    for name in ("frontend/cosine", "frontend/sine", "frontend/window", "frontend/mel/weight"):
        np.testing.assert_array_equal(weights(int8)[name], weights(fp32)[name])


def test_every_lstm_and_matrix_product_of_the_listener_is_quantised(int8: onnx.ModelProto) -> None:
    operators = [node.op_type for node in nodes_by_name(int8, "listener/").values()]
    assert operators.count("DynamicQuantizeLSTM") == 6
    assert operators.count("MatMulInteger") == 3
    assert not {"LSTM", "MatMul"} & set(operators)


def test_attention_of_the_speller_stays_as_it_is_and_its_embedding_is_quantised(model: LAS) -> None:
    spelling = quantize(speller_graph(model.speller))
    operators = {name: node.op_type for name, node in nodes_by_name(spelling, "speller/").items()}
    assert operators["speller/scores"] == operators["speller/context"] == "MatMul"
    stored = weights(spelling)
    assert stored["speller/embedding_quantized"].dtype == np.int8
    real = stored["speller/embedding_quantized"] * stored["speller/embedding_scale/half"].astype(np.float32)
    embedding = model.speller.embedding.weight.detach().numpy()
    np.testing.assert_allclose(real, embedding, atol=np.abs(embedding).max() / 127)


def test_no_weight_but_those_of_the_frontend_is_left_in_fp32(int8: onnx.ModelProto) -> None:
    left = {name for name, values in weights(int8).items() if values.dtype == np.float32 and values.ndim}
    assert left
    assert all(name.startswith("frontend/") for name in left)


def test_weights_are_small_enough_for_16_bit_sums_with_a_scale_for_each_output(int8: onnx.ModelProto) -> None:
    integers = [tensor for tensor in int8.graph.initializer if tensor.data_type == TensorProto.INT8 and tensor.dims]
    matrices = [numpy_helper.to_array(tensor) for tensor in integers if "zero_point" not in tensor.name]
    assert len(matrices) == 6 * 2 + 3
    assert all(np.abs(matrix.astype(int)).max() <= 64 for matrix in matrices)
    assert weights(int8)["listener/0/forward/of_inputs_scale/half"].shape == (1, 4 * 24)
    assert weights(int8)["listener/ctc/weight_scale/half"].shape == (14,)


def test_the_graph_given_is_not_changed_and_nothing_is_logged(
    model: LAS, fp32: onnx.ModelProto, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        quantize(fp32)
    assert not caplog.records
    assert fp32 == listener_graph(model.listener)


def heard(model: LAS, graph: onnx.ModelProto) -> torch.Tensor:
    """The probabilities of CTC for a second of noise."""
    pcm = torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0)) * 0.1
    graphs = (each.SerializeToString() for each in (graph, speller_graph(model.speller)))
    return OnnxModel(*graphs).listen(pcm, torch.tensor([16_000]), model.listener.start(1))[0].ctc_log_probs.exp()


def test_hears_about_the_same(model: LAS, fp32: onnx.ModelProto, int8: onnx.ModelProto) -> None:
    assert 0 < (heard(model, fp32) - heard(model, int8)).abs().max() < 0.05


def test_lstms_in_four_bits_take_half_the_bytes_and_the_rest_what_it_took(
    int8: onnx.ModelProto, four_bit: onnx.ModelProto
) -> None:
    packed = [tensor for tensor in four_bit.graph.initializer if tensor.data_type == TensorProto.INT4]
    assert len(packed) == 6 * 2
    assert all(len(tensor.raw_data) == np.prod(tensor.dims) / 2 for tensor in packed)
    others = weights(four_bit).keys() & weights(int8).keys()
    for name in others - {name for name in others if name.endswith("_scale/half")}:
        np.testing.assert_array_equal(weights(four_bit)[name], weights(int8)[name])


def test_a_graph_of_four_bits_hears_with_the_weights_that_training_rounds_to(
    model: LAS, four_bit: onnx.ModelProto
) -> None:
    rounded = LAS(replace(model.config, listener_bits=4))
    rounded.load_state_dict(model.state_dict())
    with as_stored(rounded.eval()):
        graph = listener_graph(rounded.listener)
    assert 0 < (heard(model, graph) - heard(model, four_bit)).abs().max() < 0.05
