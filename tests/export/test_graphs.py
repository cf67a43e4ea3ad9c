"""What the contract in export/README.md promises of the graphs beyond equality with torch."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from speech2text.model.las import LAS
from speech2text.model.listener import ListenerState
from speech2text_export.listener_graph import listener_graph
from speech2text_export.parity import OnnxModel
from speech2text_export.speller_graph import speller_graph


@pytest.fixture(scope="module")
def graphs(model: LAS) -> dict[str, onnx.ModelProto]:
    return {"listener": listener_graph(model.listener), "speller": speller_graph(model.speller)}


@pytest.fixture(scope="module")
def onnx_model(graphs: dict[str, onnx.ModelProto]) -> OnnxModel:
    return OnnxModel(graphs["listener"].SerializeToString(), graphs["speller"].SerializeToString())


def describe(values: list[onnx.ValueInfoProto]) -> dict[str, list[str | int]]:
    return {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim] for value in values
    }


def test_the_listeners_inputs_and_outputs(graphs: dict[str, onnx.ModelProto]) -> None:
    graph = graphs["listener"].graph
    state = {"forward_hidden": ["batch", 3, 24], "forward_cell": ["batch", 3, 24]}
    assert describe(graph.input) == {
        "pcm": ["batch", "samples"],
        "lengths": ["batch"],
        "pcm_state": ["batch", 240],
        **state,
    }
    assert describe(graph.output) == {
        "memory": ["batch", "frames", 16],
        "keys": ["batch", "frames", 16],
        "ctc_log_probs": ["batch", "frames", 14],
        "memory_lengths": ["batch"],
        "next_pcm_state": ["batch", 240],
        **{f"next_{name}": axes for name, axes in state.items()},
    }


def test_the_spellers_inputs_and_outputs(graphs: dict[str, onnx.ModelProto]) -> None:
    graph = graphs["speller"].graph
    state = ["batch", "hypotheses", 2, 20]
    assert describe(graph.input) == {
        "tokens": ["batch", "hypotheses"],
        "hidden": state,
        "cell": state,
        "memory": ["batch", "frames", 16],
        "keys": ["batch", "frames", 16],
        "memory_lengths": ["batch"],
    }
    assert describe(graph.output) == {
        "log_probs": ["batch", "hypotheses", 14],
        "attention": ["batch", "hypotheses", "frames"],
        "next_hidden": state,
        "next_cell": state,
    }


@pytest.mark.parametrize("name", ["listener", "speller"])
def test_only_standard_operators_of_one_version(graphs: dict[str, onnx.ModelProto], name: str) -> None:
    assert [(opset.domain, opset.version) for opset in graphs[name].opset_import] == [("", 17)]
    assert {node.domain for node in graphs[name].graph.node} == {""}


def test_the_same_weights_give_the_same_bytes(model: LAS, graphs: dict[str, onnx.ModelProto]) -> None:
    assert listener_graph(model.listener).SerializeToString() == graphs["listener"].SerializeToString()
    assert speller_graph(model.speller).SerializeToString() == graphs["speller"].SerializeToString()


def test_a_row_of_no_samples_hears_nothing_and_disturbs_nobody(model: LAS, onnx_model: OnnxModel) -> None:
    pcm = torch.randn(2, 5000, generator=torch.Generator().manual_seed(0)) * 0.1
    heard, _ = onnx_model.listen(pcm, torch.tensor([5000, 0]), model.listener.start(2))
    alone, _ = onnx_model.listen(pcm[:1], torch.tensor([5000]), model.listener.start(1))
    assert heard.lengths.tolist() == [8, 0]
    torch.testing.assert_close(heard.ctc_log_probs[0], alone.ctc_log_probs[0], atol=1e-5, rtol=0)


def test_samples_beyond_a_rows_end_are_ignored(model: LAS, onnx_model: OnnxModel) -> None:
    pcm = torch.randn(1, 5000, generator=torch.Generator().manual_seed(0)) * 0.1
    lengths = torch.tensor([3000])
    one, _ = onnx_model.listen(pcm, lengths, model.listener.start(1))
    two, _ = onnx_model.listen(pcm[:, :3000], lengths, model.listener.start(1))
    frames = int(lengths) // 640 + 1
    torch.testing.assert_close(one.ctc_log_probs[:, :frames], two.ctc_log_probs, atol=1e-5, rtol=0)


def test_state_matters(model: LAS, onnx_model: OnnxModel) -> None:
    pcm = torch.randn(1, 640, generator=torch.Generator().manual_seed(0)) * 0.1
    fresh = model.listener.start(1)
    heard, after = onnx_model.listen(pcm, torch.tensor([640]), fresh)
    assert not any(np.array_equal(old, new) for old, new in zip(fresh, after, strict=True))
    for changed in range(3):
        state = ListenerState(*(after[i] if i == changed else fresh[i] for i in range(3)))
        again, _ = onnx_model.listen(pcm, torch.tensor([640]), state)
        assert not torch.allclose(again.ctc_log_probs, heard.ctc_log_probs, atol=1e-3)
