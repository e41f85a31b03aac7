"""Signed-distance interpolation between slices, see `cardioscar.scar3d.observation.interpolation`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardioscar.scar3d.methods.method import Reconstruction
from cardioscar.scar3d.observation.interpolation import signed_distance
from cardioscar.scar3d.observation.problem import Problem


@dataclass(frozen=True)
class SignedDistance:
    """Shape-based interpolation of the scar's outline [@raya1990]."""

    width_mm: float = 1.0
    """Scale that turns a distance into a probability, mm."""

    @property
    def name(self) -> str:
        """Short name in tables."""
        return "signed distance"

    def reconstruct(self, problem: Problem, *, seed: int = 0) -> Reconstruction:
        """Interpolate at every node; nothing here is random."""
        return Reconstruction(
            signed_distance(problem.stack, problem.nodes_mm, width_mm=self.width_mm).astype(np.float32)
        )
