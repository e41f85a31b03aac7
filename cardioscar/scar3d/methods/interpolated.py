"""An interpolation between slices as a method, with the settings that were chosen for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardioscar.errors import ConfigError
from cardioscar.scar3d.methods.method import Reconstruction
from cardioscar.scar3d.observation.baselines import BASELINES
from cardioscar.scar3d.observation.problem import Problem


@dataclass(frozen=True)
class Interpolated:
    """One of `cardioscar.scar3d.observation.baselines`."""

    baseline: str
    """Its key."""

    def __post_init__(self) -> None:
        if self.baseline not in BASELINES:
            raise ConfigError("baseline", f"one of {', '.join(BASELINES)}", repr(self.baseline))

    @property
    def name(self) -> str:
        """Short name in tables."""
        return BASELINES[self.baseline].name

    def reconstruct(self, problem: Problem, *, seed: int = 0) -> Reconstruction:
        """Interpolate at every node; nothing here is random."""
        return Reconstruction(BASELINES[self.baseline].at(problem.stack, problem.nodes_mm).astype(np.float32))
