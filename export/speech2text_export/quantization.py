"""int8: the weights of LSTMs and matrix products as 8-bit integers, their inputs quantised as they come.

Embeddings, which are looked up and not multiplied, are integers too, and biases, scales and norms are kept in fp16.
Left in fp32 are the frontend, whose logarithm would magnify the errors of quiet bands, and everything without weights.
Figures: ../README.md.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

QUANTISED_OPERATORS = ("LSTM", "MatMul")
FRONTEND = "frontend/"
"""What the names of the frontend's nodes and tables begin with."""
_MOST = 127  # of an embedding, which goes into no sum
_LARGEST = np.finfo(np.float16).max  # a logit that is to be impossible is larger, and stays impossible


def quantize(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with integer weights from -64 to 64, one scale for each output of a matrix, and the rest in fp16.

    With all of -128 to 127 the 16-bit sums of processors without VNNI instructions overflow, and a bundle would hear
    worse on an older machine.
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
    _quantize_embeddings(quantised.graph)
    _halve_the_rest(quantised.graph)
    return quantised


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
