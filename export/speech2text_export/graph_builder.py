"""A thin layer over onnx.helper: nodes and weights by name, in the order of the computation.

Fine-tuning finds the weights by these names again (speech2text/training/bundle_weights.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

OPSET = 17
"""The first with LayerNormalization; every ONNX Runtime since 1.13 reads it, browsers and phones included."""
IR_VERSION = 8
"""What belongs to that opset."""

Axes: TypeAlias = "Sequence[str | int]"
Attribute: TypeAlias = "int | float | str | Sequence[int]"


class GraphBuilder:
    """Collects a graph; every method that adds a node returns the name of the node's output.

    Nodes are named `part/what`, such as `frontend/spectrum`: quantisation tells the parts apart by these names.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}

    def input(self, name: str, axes: Axes, element_type: int = TensorProto.FLOAT) -> str:
        """Declare an input; an axis is its size, or a name where it may be of any size."""
        self._inputs.append(helper.make_tensor_value_info(name, element_type, list(axes)))
        return name

    def output(self, value: str, name: str, axes: Axes, element_type: int = TensorProto.FLOAT) -> None:
        """Declare that the graph gives `value` under the name `name`."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name=f"output/{name}"))
        self._outputs.append(helper.make_tensor_value_info(name, element_type, list(axes)))

    def weight(self, name: str, values: Tensor | NDArray[Any]) -> str:
        """A constant that the model learned, or any other large one."""
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
        self._weights[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def integers(self, *values: int) -> str:
        """A small int64 constant (N,), such as a shape or the axes of an operator."""
        return self.weight("integers/" + ",".join(map(str, values)), np.array(values, np.int64))

    def number(self, value: float | int, kind: type[np.generic] = np.float32) -> str:
        """A scalar constant."""
        return self.weight(f"{kind.__name__}/{value}", np.array(value, kind))

    def add(self, operator: str, name: str, *inputs: str, outputs: int = 1, **attributes: Attribute) -> str:
        """Add a node called `name`; with several outputs, the others are called `name:1`, `name:2`, ..."""
        names = [name, *(f"{name}:{index}" for index in range(1, outputs))]
        node = helper.make_node(operator, list(inputs), names, name=name)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self._nodes.append(node)
        return name

    def linear(self, name: str, x: str, layer: nn.Linear) -> str:
        """x (..., inputs) -> (..., outputs)"""
        product = self.add("MatMul", f"{name}/product", x, self.weight(f"{name}/weight", layer.weight.T))
        return self.add("Add", name, product, self.weight(f"{name}/bias", layer.bias))

    def lstm(
        self,
        name: str,
        x: str,
        layer: nn.LSTM,
        *,
        depth: int = 0,
        lengths: str = "",
        state: Sequence[str] = (),
        direction: str = "forward",
    ) -> str:
        """One layer of a torch LSTM over x (T, B, inputs) -> (T, 1, B, units), zero beyond each row's length.

        The last hidden and cell states are `name:1` and `name:2`, (1, B, units). `state` names those before the first.
        """
        kinds = [f"{kind}_l{depth}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        of_inputs, of_state, *biases = (_gates_in_onnx_order(getattr(layer, kind)) for kind in kinds)
        weights = {"of_inputs": of_inputs, "of_state": of_state, "biases": np.concatenate(biases)}
        names = [self.weight(f"{name}/{kind}", values[None]) for kind, values in weights.items()]
        inputs = (x, *names, lengths, *state)
        return self.add("LSTM", name, *inputs, outputs=3, hidden_size=layer.hidden_size, direction=direction)

    def states_of_layers(self, name: str, states: str, layers: int) -> list[str]:
        """States (B, layers, units) as one (1, B, units) for each layer, as `lstm` takes it."""
        by_layer = self.add("Transpose", name, states, perm=[1, 0, 2])
        return [
            self.add("Gather", f"{name}/{layer}", by_layer, self.integers(layer), axis=0) for layer in range(layers)
        ]

    def states_by_row(self, name: str, states: Iterable[str]) -> str:
        """The states of all layers, (1, B, units) each, as one (B, layers, units)."""
        by_layer = self.add("Concat", name, *states, axis=0)
        return self.add("Transpose", f"{name}/by_row", by_layer, perm=[1, 0, 2])

    def size(self, name: str, x: str, axis: int) -> str:
        """The size of one axis of x, as a scalar."""
        size = self.add("Shape", f"{name}/shape", x, start=axis, end=axis + 1)
        return self.add("Squeeze", name, size)

    def positions(self, name: str, x: str, axis: int) -> str:
        """0, 1, 2, ... along one axis of x."""
        end = self.size(f"{name}/size", x, axis)
        return self.add("Range", name, self.number(0, np.int64), end, self.number(1, np.int64))

    def build(self) -> onnx.ModelProto:
        """The model, checked; sizes of inner values are inferred."""
        weights = list(self._weights.values())
        graph = helper.make_graph(self._nodes, self._name, self._inputs, self._outputs, weights)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="speech2text",
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def _gates_in_onnx_order(weights: Tensor) -> NDArray[np.float32]:
    """torch stacks the input, forget, cell and output gates; ONNX input, output, forget, cell."""
    i, f, c, o = weights.detach().cpu().float().numpy().reshape(4, -1, *weights.shape[1:])
    return np.concatenate([i, o, f, c])
