"""Law 3: what is heard and spelled of an utterance does not depend on what shares its batch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.model.listener import Heard
from speech2text_export.parity import OnnxModel
from tests.laws.random_model import export, make_model

TOLERANCE = 1e-4
MODELS = [
    make_model(),
    make_model(stack=1, pyramid_layers=2, plain_layers=1, residual_layers=1, speller_layers=2),
    make_model(stack=3, pyramid_layers=0),
]
ragged = st.lists(st.integers(1, 12_000), min_size=2, max_size=4)
seeds = st.integers(0, 100)


def make_batch(lengths: list[int], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise up to each row's end, and beyond it noise too: nobody may hear that."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(lengths), max(lengths), generator=generator) * 0.1, torch.tensor(lengths)


def assert_same_row(heard: Heard, row: int, alone: Heard) -> None:
    frames = int(alone.lengths[0])
    assert int(heard.lengths[row]) == frames
    for together, single in zip(heard[:3], alone[:3], strict=True):
        torch.testing.assert_close(together[row, :frames], single[0, :frames], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"reduction-{model.config.reduction}")
@torch.inference_mode()
@settings(max_examples=15)
@given(lengths=ragged, chunk_of_memory_frames=st.sampled_from([None, 1, 3]), seed=seeds)
def test_torch_hears_each_row_as_if_alone(model, lengths, chunk_of_memory_frames, seed):
    chunk = chunk_of_memory_frames and chunk_of_memory_frames * model.config.reduction
    pcm, rows = make_batch(lengths, seed)
    heard, _ = model.listener(pcm, rows, chunk=chunk)
    for row, length in enumerate(lengths):
        alone, _ = model.listener(pcm[row : row + 1, :length], rows[row : row + 1], chunk=chunk)
        assert_same_row(heard, row, alone)


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: f"reduction-{model.config.reduction}")
def model_and_graphs(request):
    return request.param, OnnxModel(*export(request.param))


@torch.inference_mode()
@settings(max_examples=15)
@given(lengths=ragged, seed=seeds)
def test_graphs_hear_each_row_as_if_alone(model_and_graphs, lengths, seed):
    model, graphs = model_and_graphs
    pcm, rows = make_batch(lengths, seed)
    heard, _ = graphs.listen(pcm, rows, model.listener.start(len(lengths)))
    for row, length in enumerate(lengths):
        alone, _ = graphs.listen(pcm[row : row + 1, :length], rows[row : row + 1], model.listener.start(1))
        assert_same_row(heard, row, alone)


@pytest.mark.parametrize("by", ["torch", "graphs"])
@torch.inference_mode()
@settings(max_examples=15)
@given(lengths=st.lists(st.integers(1, 12), min_size=2, max_size=4), hypotheses=st.integers(1, 4), seed=seeds)
def test_each_hypothesis_of_each_row_is_spelled_as_if_alone(model_and_graphs, by, lengths, hypotheses, seed):
    model, graphs = model_and_graphs
    step = graphs.step if by == "graphs" else model.speller.step
    config, generator = model.config, torch.Generator().manual_seed(seed)
    values, keys = torch.randn(2, len(lengths), max(lengths), config.memory, generator=generator)
    rows = torch.tensor(lengths)
    tokens = torch.randint(config.vocabulary, (len(lengths), hypotheses), generator=generator)
    state_shape = (2, len(lengths), hypotheses, config.speller_layers, config.speller_units)
    hidden, cell = torch.randn(state_shape, generator=generator)
    together = step(tokens, Heard(values, keys, torch.empty(0), rows), hidden, cell)
    for row, length in enumerate(lengths):
        memory = Heard(values[row, None, :length], keys[row, None, :length], torch.empty(0), rows[row : row + 1])
        for hypothesis in range(hypotheses):
            one = (slice(row, row + 1), slice(hypothesis, hypothesis + 1))
            log_probs, attention, *states = step(tokens[one], memory, hidden[one], cell[one])
            alone = [log_probs, attention, *states]
            expected = [together[0][one], together[1][one][:, :, :length], together[2][one], together[3][one]]
            for found, wanted in zip(alone, expected, strict=True):
                torch.testing.assert_close(found, wanted, atol=TOLERANCE, rtol=0)
