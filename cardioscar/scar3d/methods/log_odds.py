"""Log-odds interpolation between slices, see `cardioscar.scar3d.observation.interpolation`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardioscar.scar3d.methods.method import Reconstruction
from cardioscar.scar3d.observation.interpolation import log_odds
from cardioscar.scar3d.observation.problem import Problem


@dataclass(frozen=True)
class LogOdds:
    """Interpolation of the log-odds of the scar fraction in the exact slice frames."""

    clip: float = 0.02
    """Fractions are kept within [clip, 1 - clip], so that the log-odds are finite."""

    @property
    def name(self) -> str:
        """Short name in tables."""
        return "log-odds"

    def reconstruct(self, problem: Problem, *, seed: int = 0) -> Reconstruction:
        """Interpolate at every node; nothing here is random."""
        return Reconstruction(log_odds(problem.stack, problem.nodes_mm, clip=self.clip).astype(np.float32))
