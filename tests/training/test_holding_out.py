"""What is held out is the same for ever: a run that goes on must not train on what it was measured by."""

from __future__ import annotations

import numpy as np
import pytest

from speech2text.training.holding_out import draw, hold_out


def test_a_name_has_the_same_draw_on_every_machine():
    assert draw("a", size=4) == 0xCA978112 / 2**32
    assert draw("a", size=6) == 0xCA978112CA1B / 2**48


@pytest.mark.parametrize(
    ("draws", "share", "held_out"),
    [
        ([], 0.5, []),
        ([0.1], 0.5, [False]),
        ([0.1, 0.1], 0.5, [False, False]),
        ([0.9, 0.7, 0.7, 0.8], 0.5, [False, True, True, False]),
        ([0.3, 0.1, 0.2], 0.5, [False, True, True]),
        ([0.3, 0.1, 0.2], 0.0, [False, False, False]),
    ],
)
def test_a_share_is_held_out_and_where_it_can_be_neither_part_is_empty(draws, share, held_out):
    assert hold_out(np.array(draws), share).tolist() == held_out
