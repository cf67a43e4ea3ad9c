"""What the trainers of the recogniser and of the language model share."""

from __future__ import annotations

import pytest
import torch

from speech2text.errors import TrainingError
from speech2text.training.optimisation import AVERAGE_WARMUP, FINAL_RATE, check_gradient, learning_rate, move_average


def test_the_learning_rate_warms_up_and_falls_to_its_share():
    rates = [learning_rate(step, steps=100, warmup_steps=10, highest=0.5) for step in range(101)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == rates[10] == rates[9] == 0.5
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.5 * FINAL_RATE)
    fallen = [(0.5 - rates[step]) / (0.5 - rates[100]) for step in (40, 55, 70)]  # a third of the way, half, two thirds
    assert fallen == pytest.approx([0.25, 0.5, 0.75], abs=0.02)


@pytest.mark.parametrize("steps", [1, 2, 6, 7])
@pytest.mark.parametrize("warmup_steps", [0, 6, 50])
def test_any_length_of_the_warm_up_ends_at_a_low_rate(warmup_steps, steps):
    rates = [learning_rate(step, steps=steps, warmup_steps=warmup_steps, highest=1.0) for step in range(steps + 1)]
    assert all(0 < rate <= 1 for rate in rates)
    assert max(rates) == 1
    assert rates[-1] == pytest.approx(FINAL_RATE)


def test_the_average_is_that_of_its_definition():
    average, model = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(average.weight, 5.0)
    expected = 5.0
    for step, weight in enumerate((1.0, -2.0, 0.5, 4.0)):
        torch.nn.init.constant_(model.weight, weight)
        move_average(average, model, step, highest_decay=0.2)
        kept = min(0.2, (1 + step) / (AVERAGE_WARMUP + step))
        expected = kept * expected + (1 - kept) * weight
        assert average.weight.item() == pytest.approx(expected)


@pytest.mark.parametrize("norm", [float("nan"), float("inf")])
def test_a_step_without_a_finite_gradient_is_not_taken(norm):
    with pytest.raises(TrainingError, match="step 7 has no finite gradient: rest"):
        check_gradient(torch.tensor(norm), 7, "rest")
