"""int8: the weights of LSTMs and matrix products as 8-bit integers, their inputs quantised as they come.

Left in fp32 are the frontend, whose logarithm would magnify the errors of quiet bands, the speller's embedding, which
is looked up and not multiplied, and everything without weights. Figures: ../README.md.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

QUANTISED_OPERATORS = ("LSTM", "MatMul")
FRONTEND = "frontend/"
"""What the names of the frontend's nodes begin with."""


def quantize(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with integer weights from -64 to 64, one scale for each output of a matrix.

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
        return onnx.load(file)
