"""The speller: all steps at once equal one step after the other, and company changes nothing."""

from __future__ import annotations

import pytest
import torch

from speech2text.model.config import LASConfig
from speech2text.model.las import LAS
from speech2text.model.listener import Heard
from speech2text.model.speller import Speller

BATCH, STEPS, FRAMES = 3, 6, 9


@pytest.fixture(params=[1, 2], ids=["1-layer", "2-layers"])
def speller(request: pytest.FixtureRequest) -> Speller:
    torch.manual_seed(0)
    return Speller(
        LASConfig(vocabulary=11, memory=16, embedding=8, speller_layers=request.param, speller_units=12)
    ).eval()


@pytest.fixture
def heard() -> Heard:
    generator = torch.Generator().manual_seed(1)
    values, keys = (torch.randn(BATCH, FRAMES, 16, generator=generator) for _ in range(2))
    return Heard(values, keys, torch.empty(0), torch.tensor([9, 4, 1]))


def start(speller: Speller, hypotheses: int) -> torch.Tensor:
    return torch.zeros(BATCH, hypotheses, speller.lstm.num_layers, speller.lstm.hidden_size)


@torch.inference_mode()
def test_steps_equal_all_at_once(speller: Speller, heard: Heard) -> None:
    tokens = torch.randint(11, (BATCH, STEPS), generator=torch.Generator().manual_seed(2))
    expected, expected_attention = speller(tokens, heard)
    hidden = cell = start(speller, 1)
    for step in range(STEPS):
        log_probs, attention, hidden, cell = speller.step(tokens[:, step : step + 1], heard, hidden, cell)
        torch.testing.assert_close(log_probs[:, 0], expected[:, step], atol=1e-5, rtol=0)
        torch.testing.assert_close(attention[:, 0], expected_attention[:, step], atol=1e-5, rtol=0)


@torch.inference_mode()
def test_hypotheses_do_not_depend_on_each_other(speller: Speller, heard: Heard) -> None:
    generator = torch.Generator().manual_seed(3)
    tokens = torch.randint(11, (BATCH, 4), generator=generator)
    hidden, cell = (torch.randn(start(speller, 4).shape, generator=generator) for _ in range(2))
    together = speller.step(tokens, heard, hidden, cell)
    for index in range(4):
        one = slice(index, index + 1)
        alone = speller.step(tokens[:, one], heard, hidden[:, one], cell[:, one])
        for all_results, result in zip(together, alone, strict=True):
            torch.testing.assert_close(all_results[:, one], result, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_attention_stays_inside_the_memory_and_sums_to_one(speller: Speller, heard: Heard) -> None:
    _, attention = speller(torch.ones(BATCH, STEPS, dtype=torch.int64), heard)
    assert attention.shape == (BATCH, STEPS, FRAMES)
    torch.testing.assert_close(attention.sum(dim=2), torch.ones(BATCH, STEPS))
    for row, length in enumerate(heard.lengths.tolist()):
        assert not attention[row, :, length:].any()


@torch.inference_mode()
def test_padding_of_a_memory_changes_nothing(speller: Speller, heard: Heard) -> None:
    tokens = torch.ones(BATCH, STEPS, dtype=torch.int64)
    noisy = heard._replace(values=heard.values.clone(), keys=heard.keys.clone())
    for row, length in enumerate(heard.lengths.tolist()):
        noisy.values[row, length:] = noisy.keys[row, length:] = 7.0
    torch.testing.assert_close(speller(tokens, noisy)[0], speller(tokens, heard)[0])


@torch.inference_mode()
def test_the_whole_model_gives_log_probabilities_of_every_step() -> None:
    torch.manual_seed(0)
    model = LAS(LASConfig(vocabulary=11, listener_units=8, memory=16, embedding=8, speller_units=12)).eval()
    features = torch.randn(2, 21, 80)
    heard, log_probs, attention = model(features, torch.tensor([21, 13]), torch.ones(2, 5, dtype=torch.int64), None)
    assert heard.lengths.tolist() == [6, 4]
    assert log_probs.shape == (2, 5, 11)
    assert attention.shape == (2, 5, 6)
    torch.testing.assert_close(log_probs.exp().sum(dim=2), torch.ones(2, 5))


def test_heads_must_divide_the_memory() -> None:
    with pytest.raises(ValueError, match=r"heads \(4\) must divide memory \(10\)"):
        LASConfig(vocabulary=11, memory=10)
