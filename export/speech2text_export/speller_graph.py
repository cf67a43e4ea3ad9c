"""The speller's step as an ONNX graph, built from its weights node by node; inputs and outputs: ../README.md."""

from __future__ import annotations

import onnx
from onnx import TensorProto

from speech2text.bundle import tensors
from speech2text.model.attention import OUTSIDE_SCORE
from speech2text.model.speller import Speller
from speech2text_export.graph_builder import Axes, GraphBuilder


def speller_graph(speller: Speller) -> onnx.ModelProto:
    """A graph that reads the last token of every hypothesis of every utterance and spells the next."""
    graph = GraphBuilder("speller")
    memory_axes: Axes = ["batch", "frames", speller.attention.query.out_features]
    state_axes: Axes = ["batch", "hypotheses", speller.lstm.num_layers, speller.lstm.hidden_size]
    tokens = graph.input(tensors.TOKENS, ["batch", "hypotheses"], TensorProto.INT64)
    state = (graph.input(tensors.HIDDEN, state_axes), graph.input(tensors.CELL, state_axes))
    memory = graph.input(tensors.MEMORY, memory_axes)
    keys = graph.input(tensors.KEYS, memory_axes)
    lengths = graph.input(tensors.MEMORY_LENGTHS, ["batch"], TensorProto.INT64)

    read = _read(graph, speller, tokens, state)
    context = _attend(graph, speller, read, (memory, keys, lengths))
    both = graph.add("Concat", "speller/both", read, context, axis=-1)
    hidden = graph.add("Tanh", "speller/features", graph.linear("speller/hidden", both, speller.hidden))
    log_probs = graph.add(
        "LogSoftmax", "speller/log_probs", graph.linear("speller/output", hidden, speller.output), axis=-1
    )
    graph.output(log_probs, tensors.LOG_PROBS, ["batch", "hypotheses", speller.output.out_features])
    return graph.build()


def _read(graph: GraphBuilder, speller: Speller, tokens: str, state: tuple[str, str]) -> str:
    """Tokens (B, H) -> what the LSTM says (B, H, units); its state after them becomes an output."""
    layers, units = speller.lstm.num_layers, speller.lstm.hidden_size
    width = speller.embedding.embedding_dim
    states = []
    for name in state:
        rows = graph.add("Reshape", f"speller/lstm/{name}/rows", name, graph.integers(-1, layers, units))
        states.append(graph.states_of_layers(f"speller/lstm/{name}", rows, layers))  # (1, B H, units) each
    x = graph.add("Gather", "speller/embedded", graph.weight("speller/embedding", speller.embedding.weight), tokens)
    x = graph.add("Reshape", "speller/embedded/rows", x, graph.integers(1, -1, width))  # (1, B H, width)
    for layer, carried in enumerate(zip(*states, strict=True)):
        x = graph.lstm(f"speller/lstm/{layer}", x, speller.lstm, depth=layer, state=carried)  # (1, 1, B H, units)
        x = graph.add("Squeeze", f"speller/lstm/{layer}/last", x, graph.integers(1))
    shape = graph.add("Shape", "speller/shape", tokens)
    for index, name in enumerate(state, start=1):
        after = (f"speller/lstm/{layer}:{index}" for layer in range(layers))
        by_row = graph.states_by_row(f"speller/next_{name}", after)  # (B H, layers, units)
        axes = graph.add("Concat", f"speller/next_{name}/shape", shape, graph.integers(layers, units), axis=0)
        split = graph.add("Reshape", f"speller/next_{name}/split", by_row, axes)
        graph.output(split, tensors.next_of(name), ["batch", "hypotheses", layers, units])
    axes = graph.add("Concat", "speller/read/shape", shape, graph.integers(units), axis=0)
    return graph.add("Reshape", "speller/read", x, axes)


def _attend(graph: GraphBuilder, speller: Speller, read: str, heard: tuple[str, str, str]) -> str:
    """What the heads find in the memory, (B, H, D), for readings (B, H, units); their mean weights become an output."""
    memory, keys, lengths = heard
    heads = speller.attention.heads
    width = speller.attention.query.out_features // heads

    def split(name: str, x: str, perm: list[int]) -> str:
        parts = graph.add("Reshape", f"{name}/parts", x, graph.integers(0, 0, heads, width))  # (B, L, heads, width)
        return graph.add("Transpose", f"{name}/heads", parts, perm=perm)

    query = graph.linear("speller/query", read, speller.attention.query)
    query = graph.add("Mul", "speller/query/scaled", query, graph.number(width**-0.5))
    query = split("speller/query", query, [0, 2, 1, 3])  # (B, heads, H, width)
    scores = graph.add("MatMul", "speller/scores", query, split("speller/keys", keys, [0, 2, 3, 1]))  # (B, heads, H, T)
    frames = graph.positions("speller/frames", keys, 1)
    row_lengths = graph.add("Unsqueeze", "speller/row_lengths", lengths, graph.integers(1, 2, 3))  # (B, 1, 1, 1)
    inside = graph.add("Less", "speller/inside", frames, row_lengths)  # (B, 1, 1, T)
    scores = graph.add("Where", "speller/scores/inside", inside, scores, graph.number(OUTSIDE_SCORE))
    weights = graph.add("Softmax", "speller/weights", scores, axis=-1)
    mean = graph.add("ReduceMean", "speller/attention", weights, axes=[1], keepdims=0)
    graph.output(mean, tensors.ATTENTION, ["batch", "hypotheses", "frames"])
    context = graph.add("MatMul", "speller/context", weights, split("speller/values", memory, [0, 2, 1, 3]))
    context = graph.add("Transpose", "speller/context/by_row", context, perm=[0, 2, 1, 3])  # (B, H, heads, width)
    return graph.add("Reshape", "speller/context/joined", context, graph.integers(0, 0, heads * width))
