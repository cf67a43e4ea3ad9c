"""Law 4: torch = ONNX, whole and piece by piece, for models of all sizes; and what differs is not exported."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from speech2text.errors import ExportError
from speech2text.model.frontend import HOP_SAMPLES
from speech2text_export.parity import TOLERANCE, OnnxModel, check_parity
from tests.laws.random_model import export, make_model

SIZES = [
    {},
    {"stack": 1, "pyramid_layers": 0},
    {"stack": 2, "pyramid_layers": 2, "plain_layers": 2, "speller_layers": 2},
    {"stack": 3, "pyramid_layers": 1, "heads": 1},
    {"residual_layers": 2},
]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_graphs_equal_the_model(sizes: dict[str, int]) -> None:
    model = make_model(**sizes)
    assert check_parity(model, *export(model)) <= TOLERANCE


MODEL = make_model()
ONNX_MODEL = OnnxModel(*export(MODEL))
LENGTHS = st.lists(st.integers(1, 12_000), min_size=1, max_size=3)


@torch.inference_mode()
@settings(max_examples=25)
@given(lengths=LENGTHS, piece_frames=st.integers(1, 6), seed=st.integers(0, 100))
def test_any_batch_in_any_pieces(lengths: list[int], piece_frames: int, seed: int) -> None:
    pcm = torch.randn(len(lengths), max(lengths), generator=torch.Generator().manual_seed(seed)) * 0.1
    rows = torch.tensor(lengths)
    piece = piece_frames * MODEL.config.reduction * HOP_SAMPLES
    state = onnx_state = MODEL.listener.start(len(lengths))
    for start in range(0, max(lengths), piece):
        part, part_lengths = pcm[:, start : start + piece], (rows - start).clamp(0, piece)
        expected, state = MODEL.listener(part, part_lengths, state)
        found, onnx_state = ONNX_MODEL.listen(part, part_lengths, onnx_state)
        assert found.lengths.tolist() == expected.lengths.tolist()
        for row, frames in enumerate(expected.lengths.tolist()):
            for one, other in zip(expected[:3], found[:3], strict=True):
                torch.testing.assert_close(one[row, :frames], other[row, :frames], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    "weight",
    [
        "frontend/mel/weight",
        "frontend/deviation",
        "listener/0/backward/of_inputs",
        "listener/2/forward/of_state",
        "listener/1/norm/scale",
        "listener/ctc/bias",
    ],
)
def test_a_listener_with_another_weight_is_refused(weight: str) -> None:
    listener, speller = export(MODEL)
    with pytest.raises(ExportError, match=r"do not compute what the model does .*nothing was written"):
        check_parity(MODEL, perturb(listener, weight), speller)


@pytest.mark.parametrize("weight", ["listener/keys/weight", "listener/values/bias"])
def test_a_memory_that_spells_otherwise_is_refused(weight: str) -> None:
    listener, speller = export(MODEL)
    with pytest.raises(ExportError, match="hypotheses: token 1"):
        check_parity(MODEL, perturb(listener, weight), speller)


@pytest.mark.parametrize("weight", ["speller/embedding", "speller/lstm/0/biases", "speller/output/weight"])
def test_a_speller_with_another_weight_is_refused(weight: str) -> None:
    listener, speller = export(MODEL)
    with pytest.raises(ExportError, match="hypotheses: token"):
        check_parity(MODEL, listener, perturb(speller, weight))


def test_attention_that_is_no_mean_over_the_heads_is_refused() -> None:
    listener, speller = export(MODEL)
    graph = onnx.load_from_string(speller)
    (mean,) = (node for node in graph.graph.node if node.op_type == "ReduceMean")
    mean.op_type = "ReduceMax"
    with pytest.raises(ExportError, match="token 1: attention differs by"):
        check_parity(MODEL, listener, graph.SerializeToString())


def test_nan_is_refused() -> None:
    listener, speller = export(MODEL)
    with pytest.raises(ExportError, match="differ by nan"):
        check_parity(MODEL, perturb(listener, "listener/ctc/bias", by=np.nan), speller)


def perturb(graph: bytes, weight: str, by: float = 0.02) -> bytes:
    """The graph with one of its weights changed, all numbers in it by the same share."""
    model = onnx.load_from_string(graph)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == weight)
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1 + by), weight))
    return model.SerializeToString()
