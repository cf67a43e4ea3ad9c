"""Several processes that train one model together: each hears its share of every batch, then gradients are averaged.

torchrun starts them, on one machine or on several, and tells each its number; a process started alone is a team of one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from numpy.typing import NDArray
from torch import distributed, nn

PATIENCE = timedelta(days=1)
"""The others wait for the leader while it decodes recordings, evaluates and writes checkpoints."""


@dataclass(frozen=True)
class Team:
    """Which of how many processes this one is; process 0 leads: it alone evaluates, prints and writes checkpoints."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is process 0."""
        return self.rank == 0

    def share(self, indices: NDArray[Any]) -> NDArray[Any]:
        """What this process hears of a batch; all of it where there are too few utterances for everybody."""
        return indices[self.rank :: self.size] if len(indices) >= self.size else indices

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Run a block in one process after the other, the leader first, so that they find what it has prepared."""
        self._wait(self.rank)
        yield
        self._wait(self.size - self.rank)

    def average_gradients(self, model: nn.Module) -> None:
        """Replace every gradient by its mean over the team, the same to the last bit in every process."""
        if self.size == 1:
            return
        gradients = [each.grad for each in model.parameters() if each.grad is not None]
        mean = nn.utils.parameters_to_vector(gradients)
        distributed.all_reduce(mean)
        nn.utils.vector_to_parameters(mean.div_(self.size), gradients)

    def _wait(self, times: int) -> None:
        if self.size > 1:
            for _ in range(times):
                distributed.barrier()


def join_team() -> Team:
    """The team that torchrun has started this process for; a team of one where it has not."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Team()
    if not distributed.is_initialized():
        distributed.init_process_group("gloo", timeout=PATIENCE)
    return Team(distributed.get_rank(), size)
