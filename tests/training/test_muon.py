"""Muon moves hidden matrices in all directions alike, and everything else as AdamW does."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from speech2text.model.las import LAS
from speech2text.training.muon import MOMENTUM, USUAL_SIZE, Muon, hidden_matrices, orthogonal_factor
from speech2text.training.team import ALONE
from tests.training.tiny import tiny_recipe

RATE, DECAY = 0.01, 0.1


@pytest.fixture
def model():
    torch.manual_seed(0)
    return LAS(tiny_recipe().las_config(vocabulary=8))


def give_gradients(model, seed):
    torch.manual_seed(seed)
    for weight in model.parameters():
        weight.grad = torch.randn_like(weight)


@pytest.mark.parametrize("shape", [(4, 16, 64), (2, 64, 16), (1, 32, 32)])
def test_the_factor_turns_as_the_matrix_and_stretches_nothing(shape):
    torch.manual_seed(0)
    left, stretch, right = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    stretch = stretch.clamp(min=0.05 * stretch.amax())
    factor = orthogonal_factor((left * stretch[:, None]) @ right)
    turned_back = left.mT @ factor @ right.mT  # diagonal, where the factor has the same directions
    lengths = turned_back.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(turned_back, torch.diag_embed(lengths), rtol=0, atol=1e-4)
    assert lengths.min() > 0.6
    assert lengths.max() < 1.3


def test_a_matrix_without_a_gradient_stays():
    assert not orthogonal_factor(torch.zeros(1, 4, 4)).any()


def test_hidden_matrices_are_those_that_neither_read_nor_write_tokens(model):
    hidden = {id(weight) for weight, _ in hidden_matrices(model)}
    left = {name for name, weight in model.named_parameters() if weight.dim() == 2 and id(weight) not in hidden}
    assert left == {"listener.ctc.weight", "speller.output.weight", "speller.embedding.weight"}


def test_every_gate_of_an_lstm_is_a_matrix_of_its_own(model):
    weight = model.speller.lstm.weight_hh_l0
    before = weight.detach().clone()
    give_gradients(model, seed=1)
    gradient = weight.grad.clone()
    Muon(model, hidden_matrices(model), ALONE, lr=RATE, weight_decay=DECAY).step()
    for gate, was, now in zip(gradient.chunk(4), before.chunk(4), weight.detach().chunk(4), strict=True):
        step = orthogonal_factor(gate[None])[0] * len(gate) ** 0.5 * USUAL_SIZE
        torch.testing.assert_close(now, was * (1 - RATE * DECAY) - RATE * step)


def test_all_else_moves_as_in_adamw(model):
    other = deepcopy(model)
    hidden = {id(weight) for weight, _ in hidden_matrices(model)}
    optimizers = (
        Muon(model, hidden_matrices(model), ALONE, lr=RATE, weight_decay=DECAY),
        torch.optim.AdamW(other.parameters(), lr=RATE, weight_decay=DECAY),
    )
    for seed in range(3):
        for each, optimizer in zip((model, other), optimizers, strict=True):
            give_gradients(each, seed)
            optimizer.step()
    pairs = zip(model.parameters(), other.parameters(), strict=True)
    assert all(torch.equal(mine, theirs) == (id(mine) not in hidden) for mine, theirs in pairs)


def test_the_momentum_remembers_the_gradients_before(model):
    weight = model.listener.keys.weight
    optimizer = Muon(model, hidden_matrices(model), ALONE, lr=RATE, weight_decay=0.0)
    mean = torch.zeros_like(weight)
    for seed in range(3):
        give_gradients(model, seed)
        mean = MOMENTUM * mean + (1 - MOMENTUM) * weight.grad
        ahead = (1 - MOMENTUM) * weight.grad + MOMENTUM * mean
        before = weight.detach().clone()
        optimizer.step()
        step = orthogonal_factor(ahead[None])[0] * max(weight.shape) ** 0.5 * USUAL_SIZE
        torch.testing.assert_close(weight.detach(), before - RATE * step)
