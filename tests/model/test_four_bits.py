"""Four bits: near the weights, stored for a while only, and learned with."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils import parameters_to_vector

from speech2text.model.config import LASConfig
from speech2text.model.four_bits import MOST, as_stored, four_bits, whole_weights
from speech2text.model.language_model import LanguageModel, LanguageModelConfig
from speech2text.model.las import LAS

SIZES = {"vocabulary": 12, "listener_units": 24, "memory": 16, "speller_units": 16, "embedding": 8, "dropout": 0.0}


def make_model(bits: int) -> LAS:
    torch.manual_seed(0)
    return LAS(LASConfig(listener_bits=bits, **SIZES)).eval()


def best_error(weights: torch.Tensor) -> float:
    """The least squared error that any step has for one row."""
    steps = torch.linspace(0.01, 1.0, 2000)[:, None] * weights.abs().max() / MOST
    rounded = (weights / steps).round().clamp(-MOST, MOST) * steps
    return float((rounded - weights).square().sum(dim=1).min())


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e3])
def test_whole_numbers_and_a_step_are_nearly_as_near_as_they_can_be(size: float, heavy: bool) -> None:
    """On average: a single row in some hundreds is a third above its best."""
    torch.manual_seed(0)
    rows = torch.distributions.Laplace(0.0, 1.0).sample((200, 400)) if heavy else torch.randn(200, 400)
    weights = rows * size
    numbers, step = four_bits(weights)
    assert torch.equal(numbers, numbers.round())
    assert numbers.abs().max() <= MOST
    errors = (numbers * step - weights).square().sum(dim=1)
    best = torch.tensor([best_error(row[None]) for row in weights])
    assert (errors / best).mean() < 1.1


@given(st.integers(0, 2**31), st.floats(1e-3, 1e3))
def test_weights_are_found_again_that_are_rounded_to_the_same(seed: int, size: float) -> None:
    torch.manual_seed(seed)
    numbers, step = four_bits(torch.randn(3, 400) * size)
    again, same_step = four_bits(whole_weights(numbers, step))
    assert torch.equal(again, numbers)
    torch.testing.assert_close(same_step, step)


def test_a_row_of_zeros_stays_one() -> None:
    numbers, step = four_bits(torch.zeros(2, 5))
    assert not (numbers * step).any()


def test_weights_are_rounded_for_a_while_and_come_back_bit_for_bit() -> None:
    model = make_model(4)
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    with pytest.raises(ValueError, match="stop"), as_stored(model):
        for name, weights in model.state_dict().items():
            if "listener" in name and "lstm.weight" in name:
                assert all(len(row.unique()) <= 2 * MOST + 1 for row in weights)
            else:
                assert torch.equal(weights, before[name])
        raise ValueError("stop")
    assert all(torch.equal(weights, before[name]) for name, weights in model.state_dict().items())


def test_of_a_language_model_the_lstm_is_rounded() -> None:
    model = LanguageModel(LanguageModelConfig(12, embedding=16, units=20, layers=2, lstm_bits=4))
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    with as_stored(model):
        rounded = {name for name, weights in model.state_dict().items() if not torch.equal(weights, before[name])}
    assert rounded == {f"lstm.weight_{kind}_l{layer}" for kind in ("ih", "hh") for layer in (0, 1)}


@pytest.mark.parametrize("model", [make_model(8), LanguageModel(LanguageModelConfig(12, embedding=16, units=20))])
def test_a_model_of_eight_bits_is_left_alone(model: LAS | LanguageModel) -> None:
    before = parameters_to_vector(model.parameters())
    with as_stored(model):
        assert torch.equal(parameters_to_vector(model.parameters()), before)


def test_gradients_are_those_of_the_rounded_weights() -> None:
    """A step against them makes the rounded model better, which a step on the weights alone need not."""
    model = make_model(4)
    pcm, lengths = torch.randn(1, 16_000) * 0.1, torch.tensor([16_000])

    def loss() -> torch.Tensor:
        with as_stored(model):
            wrong = -model.listener(pcm, lengths)[0].ctc_log_probs[..., 3].mean()
            if torch.is_grad_enabled():
                wrong.backward()
        return wrong.detach()

    first = loss()
    optimizer = torch.optim.SGD(model.listener.parameters(), lr=0.1)
    for _ in range(5):
        optimizer.step()
        optimizer.zero_grad()
        last = loss()
    assert last < first
    assert model.listener.layers[0].forward_lstm.weight_hh_l0.grad.any()
