"""The language model's step as an ONNX graph, built from its weights node by node; inputs and outputs: ../README.md."""

from __future__ import annotations

import onnx
from onnx import TensorProto

from speech2text.bundle import tensors
from speech2text.model.language_model import LanguageModel
from speech2text_export.graph_builder import Axes, GraphBuilder


def language_model_graph(model: LanguageModel) -> onnx.ModelProto:
    """A graph that reads the last token of every hypothesis and says how likely each next one is."""
    graph = GraphBuilder("lm")
    config = model.config
    state_axes: Axes = ["hypotheses", config.layers, config.units]
    tokens = graph.input(tensors.TOKENS, ["hypotheses"], TensorProto.INT64)
    states = [
        graph.states_of_layers(f"lm/{name}", graph.input(name, state_axes), config.layers)
        for name in tensors.SPELLER_STATE
    ]
    x = graph.add("Gather", "lm/embedded", graph.weight("lm/embedding", model.embedding.weight), tokens)  # (H, E)
    x = graph.add("Unsqueeze", "lm/embedded/step", x, graph.integers(0))  # (1, H, E)
    for layer, carried in enumerate(zip(*states, strict=True)):
        x = graph.lstm(f"lm/lstm/{layer}", x, model.lstm, depth=layer, state=carried)  # (1, 1, H, units)
        x = graph.add("Squeeze", f"lm/lstm/{layer}/last", x, graph.integers(1))  # (1, H, units)
    for index, name in enumerate(tensors.NEXT_SPELLER_STATE, start=1):
        after = (f"lm/lstm/{layer}:{index}" for layer in range(config.layers))
        graph.output(graph.states_by_row(f"lm/{name}", after), name, state_axes)

    x = graph.add("Squeeze", "lm/read", x, graph.integers(0))  # (H, units)
    projected = graph.linear("lm/projection", x, model.projection)  # (H, E)
    logits = graph.add("MatMul", "lm/logits", projected, graph.weight("lm/output", model.embedding.weight.T))
    logits = graph.add("Add", "lm/logits/possible", logits, graph.weight("lm/bias", model.bias + model.possible))
    log_probs = graph.add("LogSoftmax", "lm/log_probs", logits, axis=-1)
    graph.output(log_probs, tensors.LOG_PROBS, ["hypotheses", config.vocabulary])
    return graph.build()
