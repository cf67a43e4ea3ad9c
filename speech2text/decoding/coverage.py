"""Coverage: how many frames a hypothesis has looked at (Chorowski & Jaitly 2017, section 3.2).

    coverage(tokens) = Σ_t [Σ_steps attention_t > ½]

Reading on where nothing was read yet is rewarded, reading the same once more is not. (The penalty of Wu et al. 2016,
Σ_t log min(Σ_steps attention_t, 1), has no lower bound on frames of silence, which nobody should look at.)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from speech2text.decoding.protocols import FloatArray, IntArray, ScoreArray

COVERED = 0.5
"""A frame is covered when it got more attention than this over all steps, that of END included."""


@dataclass(frozen=True)
class Coverage:
    """The term `weight · coverage` of H hypotheses; weight is at least 0, attended is (H, T)."""

    weight: float
    attended: ScoreArray = field(default_factory=lambda: np.zeros((1, 1)))

    @property
    def gains(self) -> float:
        """A step has attention for 1 / COVERED frames."""
        return self.weight / COVERED

    def advance(self, _tokens: IntArray, attention: FloatArray) -> tuple[ScoreArray, Coverage]:
        """See `protocols.Term.advance`; what is added is the same for every next token."""
        attended = self.attended + attention
        newly = (attended > COVERED).sum(axis=1) - (self.attended > COVERED).sum(axis=1)
        return self.weight * newly[:, None], replace(self, attended=attended)

    def select(self, hypotheses: IntArray) -> Coverage:
        """See `protocols.Term.select`."""
        return replace(self, attended=self.attended[hypotheses])

    def prospects(self) -> ScoreArray:
        """The step of END covers as a token does, and frames attended to in part need less to be covered."""
        started = np.where(self.attended > COVERED, 0.0, self.attended / COVERED).sum(axis=1)
        bound: ScoreArray = self.weight * (started + 1 / COVERED)
        return bound
