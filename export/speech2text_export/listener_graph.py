"""The listener as an ONNX graph, built from its weights node by node; inputs and outputs: ../README.md.

Each LSTM is one node that knows the length of every row: a backward one reverses each row by itself, and what lies
beyond a row's end costs nothing. Tracing the torch module gives several times the nodes, the reversals as gathers, and
another graph with every version of torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto

from speech2text.bundle import tensors
from speech2text.model.frontend import (
    FFT_SAMPLES,
    HOP_SAMPLES,
    LOG_FLOOR,
    MEL_BINS,
    OVERLAP_SAMPLES,
    WINDOW_SAMPLES,
    LogMel,
)
from speech2text.model.listener import ChunkedBidirectionalLSTM, Listener
from speech2text_export.graph_builder import Axes, GraphBuilder


def listener_graph(listener: Listener) -> onnx.ModelProto:
    """A graph from PCM and the state of a stream to the memory and the state after it."""
    graph = GraphBuilder("listener")
    state_axes: Axes = ["batch", len(listener.layers), listener.config.listener_units]
    pcm = graph.input(tensors.PCM, ["batch", "samples"])
    lengths = graph.input(tensors.LENGTHS, ["batch"], TensorProto.INT64)
    before = graph.input(tensors.PCM_STATE, ["batch", OVERLAP_SAMPLES])
    hidden = graph.input(tensors.FORWARD_HIDDEN, state_axes)
    cell = graph.input(tensors.FORWARD_CELL, state_axes)

    stream = _stream(graph, pcm, lengths, before)
    _next_pcm_state(graph, stream)
    features = _log_mel(graph, listener.frontend, _pad(graph, stream, HOP_SAMPLES * listener.config.reduction))
    lengths = _divide_up(graph, "frontend/lengths", lengths, HOP_SAMPLES)
    x, lengths = _pyramid(graph, listener, features, lengths, (hidden, cell))
    _heads(graph, listener, x)
    graph.output(lengths, tensors.MEMORY_LENGTHS, ["batch"], TensorProto.INT64)
    return graph.build()


def _stream(graph: GraphBuilder, pcm: str, lengths: str, before: str) -> str:
    """The samples before this call and those of it, zeros beyond each row's end: (B, 240 + N)."""
    samples = graph.positions("frontend/samples", pcm, 1)
    row_lengths = graph.add("Unsqueeze", "frontend/row_lengths", lengths, graph.integers(1))
    inside = graph.add("Less", "frontend/inside", samples, row_lengths)  # (B, N)
    pcm = graph.add("Where", "frontend/pcm", inside, pcm, graph.number(0.0))
    return graph.add("Concat", "frontend/stream", before, pcm, axis=1)


def _next_pcm_state(graph: GraphBuilder, stream: str) -> None:
    edges = (graph.integers(edge) for edge in (-OVERLAP_SAMPLES, np.iinfo(np.int64).max, 1))
    last = graph.add("Slice", "frontend/last", stream, *edges)
    graph.output(last, tensors.next_of(tensors.PCM_STATE), ["batch", OVERLAP_SAMPLES])


def _pad(graph: GraphBuilder, stream: str, multiple: int) -> str:
    """Zeros at the end, so that there are whole memory frames and no layer needs to pad: (B, 240 + multiple * T)."""
    length = graph.add("Shape", "frontend/stream_length", stream, start=1, end=2)
    beyond = graph.add("Sub", "frontend/beyond_state", graph.integers(OVERLAP_SAMPLES), length)
    missing = graph.add("Mod", "frontend/missing", beyond, graph.integers(multiple))
    padding = graph.add("Concat", "frontend/padding", graph.integers(0, 0, 0), missing, axis=0)
    return graph.add("Pad", "frontend/padded", stream, padding)


def _log_mel(graph: GraphBuilder, frontend: LogMel, stream: str) -> str:
    """Normalised features (T, 1, B, 80) of samples (B, 240 + 160 T)."""
    kernels = _spectrum_kernels(graph, frontend)
    channel = graph.add("Unsqueeze", "frontend/channel", stream, graph.integers(1))  # (B, 1, N)
    spectrum = graph.add("Conv", "frontend/spectrum", channel, kernels, strides=[HOP_SAMPLES])  # (B, 2 * 257, T)
    halves = graph.integers(*[FFT_SAMPLES // 2 + 1] * 2)  # without their sizes opset 18 and later want their number
    cosines = graph.add("Split", "frontend/cosines", spectrum, halves, outputs=2, axis=1)
    squares = [graph.add("Mul", f"frontend/square/{i}", x, x) for i, x in enumerate((cosines, f"{cosines}:1"))]
    power = graph.add("Add", "frontend/power", *squares)  # (B, 257, T)
    mel = graph.add("MatMul", "frontend/mel", graph.weight("frontend/mel/weight", frontend.mel.T), power)  # (B, 80, T)
    log_mel = graph.add("Log", "frontend/log", graph.add("Add", "frontend/floor", mel, graph.number(LOG_FLOOR)))
    mean = graph.weight("frontend/mean", frontend.mean[:, None])
    deviation = graph.weight("frontend/deviation", frontend.deviation[:, None])
    features = graph.add("Div", "frontend/features", graph.add("Sub", "frontend/centred", log_mel, mean), deviation)
    directions = graph.add("Unsqueeze", "frontend/directions", features, graph.integers(0))  # (1, B, 80, T)
    return graph.add("Transpose", "frontend/by_frame", directions, perm=[3, 0, 1, 2])


def _spectrum_kernels(graph: GraphBuilder, frontend: LogMel) -> str:
    """The frontend's transform (2 * 257, 1, 400), computed when the graph is loaded; as weights it would be 0.8 MB.

    The cosine of 2 pi f n / 512 is looked up in one period of 512 values, at f n modulo 512, so no precision is lost.
    """
    frequencies, samples = np.arange(FFT_SAMPLES // 2 + 1)[:, None], np.arange(WINDOW_SAMPLES)[None]
    product = graph.add(
        "Mul",
        "frontend/phase_product",
        graph.weight("frontend/frequencies", frequencies),
        graph.weight("frontend/window_samples", samples),
    )
    phases = graph.add("Mod", "frontend/phases", product, graph.integers(FFT_SAMPLES))  # (257, 400)
    period = 2 * np.pi / FFT_SAMPLES * np.arange(FFT_SAMPLES)
    waves = [
        graph.add(
            "Gather",
            f"frontend/{name}_waves",
            graph.weight(f"frontend/{name}", function(period).astype(np.float32)),
            phases,
        )
        for name, function in (("cosine", np.cos), ("sine", np.sin))
    ]
    both = graph.add("Concat", "frontend/waves", *waves, axis=0)
    window = graph.weight("frontend/window", frontend.spectrum[0, 0])  # the cosine of frequency 0 is 1 everywhere
    kernels = graph.add("Mul", "frontend/windowed_waves", both, window)
    return graph.add("Unsqueeze", "frontend/kernels", kernels, graph.integers(1))


def _pyramid(graph: GraphBuilder, listener: Listener, x: str, lengths: str, state: tuple[str, str]) -> tuple[str, str]:
    """Features (T, 1, B, 80) -> the top layer's output (T / reduction, 1, B, 2 units) and its lengths.

    Between the layers x is (T, 1, B, F), as LSTM nodes give it. The state after this call becomes an output.
    """
    states = [graph.states_of_layers(f"listener/{name}", name, len(listener.layers)) for name in state]
    x, lengths = _join(graph, "listener/stack", (x, lengths), listener.config.stack, MEL_BINS)
    for depth, layer in enumerate(listener.layers):
        assert isinstance(layer, ChunkedBidirectionalLSTM)
        below = x
        if 0 < depth <= listener.config.pyramid_layers:
            x, lengths = _join(graph, f"listener/{depth}/join", (x, lengths), 2, 2 * listener.config.listener_units)
        elif depth:
            x = graph.add("Squeeze", f"listener/{depth}/squeeze", x, graph.integers(1))
        x = _layer(graph, f"listener/{depth}", layer, (x, lengths), [layers[depth] for layers in states])
        if depth >= listener.config.first_residual:
            x = graph.add("Add", f"listener/{depth}{tensors.RESIDUAL}", below, x)
    for index, name in enumerate(state, start=1):
        after = (f"listener/{depth}/forward:{index}" for depth in range(len(listener.layers)))
        by_row = graph.states_by_row(f"listener/next_{name}", after)
        graph.output(by_row, tensors.next_of(name), ["batch", len(listener.layers), listener.config.listener_units])
    return x, lengths


def _join(graph: GraphBuilder, name: str, frames: tuple[str, str], count: int, width: int) -> tuple[str, str]:
    """Concatenate every `count` frames, zeros beyond each row's end: (T, 1, B, width) -> (T / count, B, count width).

    Returns:
        the joined frames and their lengths.
    """
    x, lengths = frames
    positions = graph.positions(f"{name}/positions", x, 0)
    positions = graph.add("Unsqueeze", f"{name}/frames", positions, graph.integers(1, 2, 3))  # (T, 1, 1, 1)
    row_lengths = graph.add("Unsqueeze", f"{name}/row_lengths", lengths, graph.integers(1))  # (B, 1)
    inside = graph.add("Less", f"{name}/inside", positions, row_lengths)  # (T, 1, B, 1)
    x = graph.add("Where", f"{name}/masked", inside, x, graph.number(0.0))
    x = graph.add("Reshape", f"{name}/neighbours", x, graph.integers(-1, count, 0, width))
    x = graph.add("Transpose", f"{name}/by_row", x, perm=[0, 2, 1, 3])  # (T / count, B, count, width)
    x = graph.add("Reshape", name, x, graph.integers(0, 0, -1))
    return x, _divide_up(graph, f"{name}/lengths", lengths, count)


def _layer(
    graph: GraphBuilder, name: str, layer: ChunkedBidirectionalLSTM, frames: tuple[str, str], state: Sequence[str]
) -> str:
    """A forward LSTM that goes on from `state` beside a backward one: (T, B, F) -> (T, 1, B, 2 units)."""
    x, lengths = frames
    lengths = graph.add("Cast", f"{name}/lengths", lengths, to=TensorProto.INT32)
    ahead = graph.lstm(f"{name}/forward", x, layer.forward_lstm, lengths=lengths, state=state)
    back = graph.lstm(f"{name}/backward", x, layer.backward_lstm, lengths=lengths, direction="reverse")
    both = graph.add("Concat", f"{name}/both", ahead, back, axis=3)
    scale = graph.weight(f"{name}/norm/scale", layer.norm.weight)
    shift = graph.weight(f"{name}/norm/shift", layer.norm.bias)
    return graph.add("LayerNormalization", f"{name}/norm", both, scale, shift, axis=-1, epsilon=layer.norm.eps)


def _heads(graph: GraphBuilder, listener: Listener, x: str) -> None:
    """What attention returns, what it compares with, and CTC's log-probabilities, from (T, 1, B, 2 units)."""
    x = graph.add("Transpose", "listener/by_row", x, perm=[2, 0, 1, 3])  # (B, T, 1, 2 units)
    x = graph.add("Squeeze", "listener/top", x, graph.integers(2))
    values = graph.linear("listener/values", x, listener.values)
    keys = graph.linear("listener/keys", x, listener.keys)
    ctc = graph.add("LogSoftmax", "listener/log_probs", graph.linear("listener/ctc", x, listener.ctc), axis=-1)
    graph.output(values, tensors.MEMORY, ["batch", "frames", listener.values.out_features])
    graph.output(keys, tensors.KEYS, ["batch", "frames", listener.keys.out_features])
    graph.output(ctc, tensors.CTC_LOG_PROBS, ["batch", "frames", listener.ctc.out_features])


def _divide_up(graph: GraphBuilder, name: str, lengths: str, count: int) -> str:
    """ceil(lengths / count)"""
    raised = graph.add("Add", f"{name}/raised", lengths, graph.number(count - 1, np.int64))
    return graph.add("Div", name, raised, graph.number(count, np.int64))
