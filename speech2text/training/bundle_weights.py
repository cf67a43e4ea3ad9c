"""The weights of a bundle's graphs as those of a model: the other way round what `speech2text_export` does.

Its graphs hold matrices of products transposed, the gates of an LSTM in the order of ONNX (input, output, forget,
cell), quantised ones as integers of 8 or 4 bits with a scale for each output, the rest of such a bundle in fp16. The
names are those that `listener_graph`, `speller_graph` and `quantization` give.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from speech2text.bundle.manifest import ModelShape
from speech2text.bundle.tensors import FORWARD_HIDDEN, IN_FOUR_BITS, RESIDUAL
from speech2text.model.four_bits import BITS, whole_weights
from speech2text.model.frontend import MEL_BINS

Arrays = Mapping[str, NDArray[Any]]


def read_arrays(graphs: Iterable[onnx.ModelProto]) -> Arrays:
    """Every weight of the graphs in fp32, by the name it had before quantisation."""
    return {name: array for graph in graphs for name, array in _arrays(graph)}


def read_sizes(
    arrays: Arrays, listener: onnx.ModelProto, speller: onnx.ModelProto, shape: ModelShape
) -> dict[str, int]:
    """The table `model` of a recipe, without its dropout, which no graph keeps.

    Raises:
        KeyError, StopIteration: a weight or a node is not there.
    """
    layers, units = shape.listener_state[FORWARD_HIDDEN]
    stack = arrays["listener/0/forward/of_inputs"].shape[2] // MEL_BINS
    pyramid_layers = (shape.reduction // stack).bit_length() - 1
    residual_layers = sum(node.output[0].endswith(RESIDUAL) for node in listener.graph.node)
    constants = {each.name: each for each in speller.graph.initializer}
    split = next(node for node in speller.graph.node if node.output[0] == "speller/query/parts")
    return {
        "stack": stack,
        "pyramid_layers": pyramid_layers,
        "plain_layers": layers - 1 - pyramid_layers - residual_layers,
        "residual_layers": residual_layers,
        "listener_units": units,
        "listener_bits": BITS if any(each.name.endswith(IN_FOUR_BITS) for each in listener.graph.initializer) else 8,
        "memory": arrays["listener/values/weight"].shape[1],
        "heads": int(numpy_helper.to_array(constants[split.input[1]])[2]),
        "embedding": arrays["speller/embedding"].shape[1],
        "speller_layers": shape.speller.layers,
        "speller_units": shape.speller.units,
    }


def _arrays(graph: onnx.ModelProto) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every weight by the name it had before quantisation.

    `W_quantized`, `W_scale` and `W_zero_point` become W; `W/half`, or what is in fp16 without that name, W in fp32; of
    four bits, weights that are rounded to what is stored.
    """
    read = {each.name: numpy_helper.to_array(each) for each in graph.graph.initializer}
    stored = {name.removesuffix(IN_FOUR_BITS).removesuffix("/half"): array for name, array in read.items()}
    for name, array in stored.items():
        plain = name.removesuffix("_quantized")
        if plain == name:
            yield name, array.astype(np.float32) if array.dtype == np.float16 else array
            continue
        zero, scale = (stored[f"{plain}_{kind}"][..., None, :].astype(np.float32) for kind in ("zero_point", "scale"))
        numbers = array.astype(np.float32) - zero  # the last axis is that of the outputs
        if f"{name}{IN_FOUR_BITS}" in read:
            rows = whole_weights(torch.from_numpy(numbers[0].T), torch.from_numpy(scale[0].T))
            yield plain, rows.numpy()[None]
        else:
            real = numbers * scale
            yield plain, real.swapaxes(1, 2) if real.ndim == 3 else real  # quantised LSTMs are stored transposed


def named_as_in_model(arrays: Arrays, shape: ModelShape) -> Iterator[tuple[str, NDArray[Any]]]:
    """The weights of the graphs under the names and in the shapes of a LAS.

    Raises:
        KeyError: a weight is not there.
    """
    for name in ("mean", "deviation"):
        yield f"listener.frontend.{name}", arrays[f"frontend/{name}"][:, 0]
    for depth in range(shape.listener_state[FORWARD_HIDDEN][0]):
        for direction in ("forward", "backward"):
            yield from _lstm(arrays, f"listener/{depth}/{direction}", f"listener.layers.{depth}.{direction}_lstm", 0)
        for name, kind in (("scale", "weight"), ("shift", "bias")):
            yield f"listener.layers.{depth}.norm.{kind}", arrays[f"listener/{depth}/norm/{name}"]
    for layer in range(shape.speller.layers):
        yield from _lstm(arrays, f"speller/lstm/{layer}", "speller.lstm", layer)
    yield "speller.embedding.weight", arrays["speller/embedding"]
    linears = {f"listener/{name}": f"listener.{name}" for name in ("values", "keys", "ctc")}
    linears |= {f"speller/{name}": f"speller.{name}" for name in ("hidden", "output")}
    linears["speller/query"] = "speller.attention.query"
    for name, own_name in linears.items():
        yield f"{own_name}.weight", arrays[f"{name}/weight"].T
        yield f"{own_name}.bias", arrays[f"{name}/bias"]


def _lstm(arrays: Arrays, name: str, own_name: str, depth: int) -> Iterator[tuple[str, Any]]:
    biases = np.split(arrays[f"{name}/biases"][0], 2)
    parts = (arrays[f"{name}/of_inputs"][0], arrays[f"{name}/of_state"][0], *biases)
    for kind, values in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), parts, strict=True):
        yield f"{own_name}.{kind}_l{depth}", _gates_in_torch_order(values)


def _gates_in_torch_order(values: NDArray[Any]) -> NDArray[Any]:
    i, o, f, c = np.split(values, 4)
    return np.concatenate([i, f, c, o])
