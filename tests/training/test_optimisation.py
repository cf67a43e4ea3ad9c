"""What the trainers of the recogniser and of the language model share."""

from __future__ import annotations

import pytest

from speech2text.training.optimisation import FINAL_RATE, learning_rate


def test_the_learning_rate_warms_up_and_falls_to_its_share():
    rates = [learning_rate(step, steps=100, warmup_steps=10, highest=0.5) for step in range(101)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == rates[10] == rates[9] == 0.5
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.5 * FINAL_RATE)


@pytest.mark.parametrize("warmup_steps", [0, 6, 50])
def test_any_length_of_the_warm_up_will_do(warmup_steps):
    rates = [learning_rate(step, steps=6, warmup_steps=warmup_steps, highest=1.0) for step in range(7)]
    assert all(0 < rate <= 1 for rate in rates)
