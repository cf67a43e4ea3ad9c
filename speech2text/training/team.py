"""Several processes that train one model together: each hears its share of every batch, then gradients are averaged.

torchrun starts them, on one machine, and tells each its number; a process started alone is a team of one. The loss of a
process is a mean over its own tokens and the team's the mean of those, which is that of the whole batch where shares
have equally many.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import distributed, nn

from speech2text.errors import TrainingError

PATIENCE = timedelta(days=1)
"""The others wait for the leader while it decodes recordings, evaluates and writes checkpoints."""

T = TypeVar("T")


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
        """What this process hears of a batch; all of it where that is too little for all, since none may stay away.

        The longest and the shortest utterances are spread over the team, so that none waits long for another.
        """
        return indices[self.rank :: self.size] if len(indices) >= self.size else indices

    def seed(self, seed: int) -> int:
        """A seed of this process alone made of one that all of them know; the leader's is that itself."""
        return seed if self.leads else int(np.random.SeedSequence([seed, self.rank]).generate_state(1)[0])

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Run a block in one process after the other, the leader first, so that they find what it has decoded.

        Raises:
            TrainingError: as `average_gradients`.
        """
        self._wait(self.rank)
        yield
        self._wait(self.size - self.rank)

    def agree(self, decision: T) -> T:
        """The leader's decision.

        Raises:
            TrainingError: as `average_gradients`.
        """
        decisions = [decision]
        if self.size > 1:
            with _company():
                distributed.broadcast_object_list(decisions)
        return decisions[0]

    def average_gradients(self, model: nn.Module) -> None:
        """Replace every gradient by its mean over the team, the same to the last bit in every process.

        Raises:
            TrainingError: another process has ended.
        """
        if self.size == 1:
            return
        gradients = [each.grad for each in model.parameters() if each.grad is not None]
        mean = nn.utils.parameters_to_vector(gradients)
        with _company():
            distributed.all_reduce(mean)
        nn.utils.vector_to_parameters(mean.div_(self.size), gradients)

    def _wait(self, times: int) -> None:
        if self.size > 1:
            with _company():
                for _ in range(times):
                    distributed.barrier()


ALONE = Team()


def join_team() -> Team:
    """The team that torchrun has started this process for; a team of one where it has not."""
    if not distributed.is_torchelastic_launched() or os.environ.get("WORLD_SIZE") == "1":
        return ALONE
    if not distributed.is_initialized():
        distributed.init_process_group("gloo", timeout=PATIENCE)
    return Team(distributed.get_rank(), distributed.get_world_size())


@contextmanager
def _company() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise TrainingError(f"another process of the team has ended; its own message says why ({error})") from None
