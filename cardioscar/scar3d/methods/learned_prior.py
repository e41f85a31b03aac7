"""The prior learned from synthetic scars, alone: no fit to the subject."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit

from cardioscar.scar3d.methods.method import Reconstruction
from cardioscar.scar3d.observation.interpolation import log_odds
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.wall_prior.apply import learned_prior


@dataclass(frozen=True)
class LearnedPrior:
    """One pass of a network trained on synthetic scars; log-odds interpolation where it cannot be applied."""

    weights: Path | None = None
    """Folder of a trained prior; by default the one that comes with the package."""

    @property
    def name(self) -> str:
        """Short name in tables."""
        return "learned prior"

    def reconstruct(self, problem: Problem, *, seed: int = 0) -> Reconstruction:
        """Apply the prior; nothing here is random. `facts` says why where log-odds interpolation stands in."""
        prior = learned_prior(problem, weights=self.weights)
        if prior.logits is None:
            instead = log_odds(problem.stack, problem.nodes_mm)
            return Reconstruction(instead.astype(np.float32), facts={"prior": "log-odds", "reason": prior.reason})
        return Reconstruction(expit(prior.logits).astype(np.float32), facts={"prior": "learned"})
