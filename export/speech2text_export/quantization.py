"""int8: the weights of LSTMs and matrix products as 8-bit integers, their inputs quantised as they come.

Left in fp32 are the frontend, whose logarithm would magnify the errors of quiet bands, and everything without weights.
Embeddings, which are looked up and not multiplied, are kept in fp16. Figures: ../README.md.
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
_NO_TABLE = onnx.TensorProto()


def quantize(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with integer weights from -64 to 64, one scale for each output of a matrix, and embeddings in fp16.

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
    _halve_embeddings(quantised.graph)
    return quantised


def _halve_embeddings(graph: onnx.GraphProto) -> None:
    """Store the tables that are looked up as fp16, those of the frontend excepted; make fp32 of the rows that were."""
    tables = {each.name: each for each in graph.initializer if not each.name.startswith(FRONTEND)}
    for index, node in reversed(list(enumerate(graph.node))):
        if node.op_type != "Gather" or tables.get(node.input[0], _NO_TABLE).data_type != onnx.TensorProto.FLOAT:
            continue
        table = tables[node.input[0]]
        table.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(table).astype(np.float16), table.name))
        rows, node.output[0] = node.output[0], f"{node.output[0]}/half"
        cast = helper.make_node("Cast", [node.output[0]], [rows], name=f"{node.name}/single", to=onnx.TensorProto.FLOAT)
        graph.node.insert(index + 1, cast)
