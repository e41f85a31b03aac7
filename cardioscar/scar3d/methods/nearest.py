"""Nearest pixel: the simplest map there is, and the floor under every other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from cardioscar.scar3d.methods.method import Reconstruction
from cardioscar.scar3d.observation.problem import Problem


@dataclass(frozen=True)
class Nearest:
    """Each node takes the scar fraction of the wall pixel whose centre is nearest."""

    @property
    def name(self) -> str:
        """Short name in tables."""
        return "nearest"

    def reconstruct(self, problem: Problem, *, seed: int = 0) -> Reconstruction:
        """Copy the nearest pixel's value; nothing here is random."""
        centers = np.concatenate([piece.pixel_centers_mm() for piece in problem.stack])
        values = np.concatenate([piece.values[piece.observed] for piece in problem.stack])
        return Reconstruction(values[cKDTree(centers).query(problem.nodes_mm)[1]].astype(np.float32))
