"""Interpolation along the wall, see `cardioscar.scar3d.observation.along_wall`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardioscar.scar3d.methods.method import Reconstruction
from cardioscar.scar3d.observation.along_wall import WallBlur, along_wall
from cardioscar.scar3d.observation.baselines import ALONG_WALL
from cardioscar.scar3d.observation.interpolation import log_odds
from cardioscar.scar3d.observation.problem import Problem


@dataclass(frozen=True)
class AlongWall:
    """Linear interpolation between slices at the same angle and depth in the wall; log-odds without LV coordinates."""

    blur: WallBlur = ALONG_WALL
    """How much each slice is smoothed."""

    @property
    def name(self) -> str:
        """Short name in tables."""
        return "along the wall"

    def reconstruct(self, problem: Problem, *, seed: int = 0) -> Reconstruction:
        """Interpolate at every node; nothing here is random."""
        if problem.coordinates is None:
            instead = log_odds(problem.stack, problem.nodes_mm)
            return Reconstruction(instead.astype(np.float32), facts={"instead": "log-odds"})
        found = along_wall(problem.stack, problem.nodes_mm, np.asarray(problem.coordinates), blur=self.blur)
        return Reconstruction(found.astype(np.float32))
