"""Muon (Jordan et al. 2024): the matrices of hidden layers move by the orthogonal factor of their momentum.

AdamW's steps are led by the few directions in which gradients are large; the orthogonal factor moves all directions of
a matrix alike. All else, such as biases and what reads or writes tokens, keeps to AdamW, and both have one learning
rate: the steps are scaled to the size that AdamW's usually have (Liu et al. 2025, section 2.2).

torch.optim.Muon takes the four gates of an LSTM for one matrix and computes in bf16, which is slow on a processor that
has none. Here each gate is a matrix of its own, and the processes of a team share the work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from speech2text.model.las import LAS
from speech2text.training.team import Team

MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of Jordan et al. 2024, which bring singular values near 1 in a few steps, not exactly to 1."""
NEWTON_SCHULZ_STEPS = 5
USUAL_SIZE = 0.2
"""Of a step of AdamW, as the root mean square of its elements at a learning rate of 1 (Liu et al. 2025)."""
GATES = 4


class Hidden(NamedTuple):
    """A weight (rows, columns) of a hidden layer: `blocks` matrices, one below the other."""

    weight: Tensor
    blocks: int


def hidden_matrices(model: LAS) -> list[Hidden]:
    """What of a model Muon moves, the largest first: its LSTMs and projections, but not what writes tokens."""
    writers = (model.listener.ctc, model.speller.output)
    hidden = []
    for module in model.modules():
        if isinstance(module, nn.LSTM):
            hidden += [Hidden(weight, GATES) for name, weight in module.named_parameters() if "weight" in name]
        elif isinstance(module, nn.Linear) and module not in writers:
            hidden.append(Hidden(module.weight, 1))
    return sorted(hidden, key=lambda each: -each.weight.numel())


class Muon(torch.optim.AdamW):
    """AdamW, but for the hidden matrices of a model; a team shares these and every process gets the same to the bit."""

    def __init__(self, trained: nn.Module, hidden: list[Hidden], team: Team, *, lr: float, weight_decay: float) -> None:
        super().__init__(trained.parameters(), lr=lr, weight_decay=weight_decay)
        self.hidden = hidden
        self.team = team

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move all weights once.

        Raises:
            TrainingError: another process of the team has ended.
        """
        rate, decay = (self.param_groups[0][name] for name in ("lr", "weight_decay"))
        for (weight, _), direction in zip(self.hidden, self._directions(), strict=True):
            weight.mul_(1 - rate * decay).add_(direction, alpha=-rate)
            weight.grad = None  # AdamW passes over what has none
        return super().step(closure)

    def _directions(self) -> list[Tensor]:
        """Where to move each hidden matrix; each process finds those of its turn."""
        directions = []
        for turn, (weight, blocks) in enumerate(self.hidden):
            ahead = self._look_ahead(weight)
            mine = turn % self.team.size == self.team.rank
            directions.append(_direction(ahead, blocks) if mine else torch.zeros_like(ahead))
        self.team.add_up(directions)
        return directions

    def _look_ahead(self, weight: Tensor) -> Tensor:
        """Nesterov's momentum: the gradient drawn towards its running mean, which it has moved before."""
        assert weight.grad is not None
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        mean = state["momentum_buffer"].lerp_(weight.grad, 1 - MOMENTUM)
        return weight.grad.lerp(mean, MOMENTUM)


def _direction(ahead: Tensor, blocks: int) -> Tensor:
    matrices = ahead.view(blocks, -1, ahead.shape[1])
    size = max(matrices.shape[1:]) ** 0.5 * USUAL_SIZE
    return (orthogonal_factor(matrices) * size).view_as(ahead)


def orthogonal_factor(matrices: Tensor) -> Tensor:
    """About U V^T of matrices (N, rows, columns) = U S V^T: all singular values are brought near 1 (0.7 to 1.2).

    Those that are next to nothing beside the largest stay smaller. The iteration is that of Newton and Schulz, with a
    polynomial of the fifth degree (Jordan et al. 2024).
    """
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices  # the products of the shorter side are the smaller
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        square = x @ x.mT
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.mT if tall else x
