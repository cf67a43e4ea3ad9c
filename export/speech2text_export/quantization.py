"""int8: the weights of LSTMs and matrix products as 8-bit integers, their inputs quantised as they come.

Those of a listener that was trained for it are stored in four bits, and become 8-bit integers when the graph is opened.
Embeddings, which are looked up and not multiplied, are integers too, and biases, scales and norms are kept in fp16.
Left in fp32 are the frontend, whose logarithm would magnify the errors of quiet bands, and everything without weights.
Figures: ../README.md.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from speech2text.bundle.tensors import IN_FOUR_BITS
from speech2text.model.four_bits import BITS, four_bits

QUANTISED_OPERATORS = ("LSTM", "MatMul")
FOUR_BIT_OPSET, FOUR_BIT_IR_VERSION = 21, 10
"""The first with integers of four bits; ONNX Runtime makes 8-bit ones of them since 1.23."""
FRONTEND = "frontend/"
"""What the names of the frontend's nodes and tables begin with."""
_MOST = 127  # of an embedding, which goes into no sum
_LARGEST = np.finfo(np.float16).max  # a logit that is to be impossible is larger, and stays impossible


def quantize(graph: onnx.ModelProto, lstm_bits: int = 8) -> onnx.ModelProto:
    """The graph with integer weights from -64 to 64, one scale for each output of a matrix, and the rest in fp16.

    With all of -128 to 127 the 16-bit sums of processors without VNNI instructions overflow, and a bundle would hear
    worse on an older machine. With 4 `lstm_bits` the weights of LSTMs are rounded as `four_bits` does.
    """
    prepared = onnx.ModelProto()
    prepared.CopyFrom(graph)
    add_pre_process_metadata(prepared)  # its shapes are inferred already: no advice to do so is wanted
    with TemporaryDirectory() as folder:
        file = Path(folder, "int8.onnx")
        quantize_dynamic(
            prepared,
            file,
            op_types_to_quantize=list(QUANTISED_OPERATORS),
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[node.name for node in graph.graph.node if node.name.startswith(FRONTEND)],
        )
        quantised = onnx.load(file)
    if lstm_bits == BITS:
        _store_in_four_bits(quantised, _tables(graph.graph))
    _quantize_embeddings(quantised.graph)
    _halve_the_rest(quantised.graph)
    return quantised


def _store_in_four_bits(quantised: onnx.ModelProto, tables: dict[str, onnx.TensorProto]) -> None:
    """Put four bits in the place of the integers of LSTMs, whose weights in fp32 are among `tables`."""
    graph = quantised.graph
    stored = {each.name: each for each in graph.initializer}
    for name in [each for node in graph.node if node.op_type == "DynamicQuantizeLSTM" for each in node.input[1:3]]:
        plain = name.removesuffix("_quantized")
        numbers, step = four_bits(torch.tensor(numpy_helper.to_array(tables[plain])[0]))
        packed = f"{name}{IN_FOUR_BITS}"
        graph.initializer.remove(stored[name])
        low, high = numbers.T.flatten().to(torch.int8).reshape(-1, 2).T  # quantised LSTMs are stored transposed
        pairs = (low & 15 | high << 4).numpy().tobytes()
        graph.initializer.append(helper.make_tensor(packed, TensorProto.INT4, [1, *numbers.T.shape], pairs, raw=True))
        stored[f"{plain}_scale"].CopyFrom(numpy_helper.from_array(step.T.numpy(), f"{plain}_scale"))
        graph.node.insert(0, helper.make_node("Cast", [packed], [name], f"{name}/eight_bits", to=TensorProto.INT8))
    quantised.ir_version = FOUR_BIT_IR_VERSION
    next(each for each in quantised.opset_import if not each.domain).version = FOUR_BIT_OPSET


def _quantize_embeddings(graph: onnx.GraphProto) -> None:
    """Store tables that are looked up as integers with a scale for each column, and make fp32 of the rows that were."""
    tables = _tables(graph)
    for index, node in reversed(list(enumerate(graph.node))):
        if node.op_type != "Gather" or node.input[0] not in tables:
            continue
        name = node.input[0]
        values = numpy_helper.to_array(tables[name])
        scale = np.maximum(np.abs(values).max(axis=0) / _MOST, np.finfo(np.float32).tiny)
        zero = np.zeros(len(scale), np.int8)
        parts = {"quantized": np.round(values / scale).astype(np.int8), "scale": scale, "zero_point": zero}
        graph.initializer.remove(tables[name])
        graph.initializer.extend(numpy_helper.from_array(part, f"{name}_{kind}") for kind, part in parts.items())
        node.input[0], rows = f"{name}_quantized", node.output[0]
        node.output[0] = f"{rows}/quantized"
        inputs = [node.output[0], f"{name}_scale", f"{name}_zero_point"]
        graph.node.insert(index + 1, helper.make_node("DequantizeLinear", inputs, [rows], f"{rows}/real", axis=-1))


def _halve_the_rest(graph: onnx.GraphProto) -> None:
    """Store what is left in fp32 as fp16, and make fp32 of it when the graph is opened."""
    for name, table in _tables(graph).items():
        half = f"{name}/half"
        values = numpy_helper.to_array(table).clip(-_LARGEST, _LARGEST)
        table.CopyFrom(numpy_helper.from_array(values.astype(np.float16), half))
        graph.node.insert(0, helper.make_node("Cast", [half], [name], f"{name}/single", to=onnx.TensorProto.FLOAT))


def _tables(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """The fp32 weights by name, those of the frontend and single numbers excepted."""
    return {
        each.name: each
        for each in graph.initializer
        if each.data_type == onnx.TensorProto.FLOAT and each.dims and not each.name.startswith(FRONTEND)
    }
