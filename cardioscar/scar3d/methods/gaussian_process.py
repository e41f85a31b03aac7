"""Block Gaussian process on the group means, without a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.special import logit

from cardioscar.scar3d.methods.method import Reconstruction
from cardioscar.scar3d.observation.interpolation import log_odds
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.posterior.scar_posterior import ScarPosterior


@dataclass(frozen=True)
class GaussianProcess:
    """Area-to-point kriging with a sigmoid link, see `residual_process`; about a constant, or about interpolation."""

    mean: Literal["constant", "log-odds"] = "log-odds"
    """Prior mean: the same scar logit everywhere, or log-odds interpolation between slices."""
    constant: float = -3.0
    """The logit of the constant mean: without evidence, tissue is alive."""
    config: PosteriorConfig = field(default_factory=PosteriorConfig)
    """Covariance and discrepancy."""
    projection: Literal["soft", "hard", "none"] = "none"
    """Projection onto the pixels after the fit."""

    @property
    def name(self) -> str:
        """Short name in tables."""
        return f"Gaussian process about {'a constant' if self.mean == 'constant' else 'log-odds'}"

    def reconstruct(self, problem: Problem, *, seed: int = 0) -> Reconstruction:
        """Fit the process; the map is its mode, a draw is a possible heart."""
        if self.mean == "constant":
            prior = np.full(len(problem.nodes_mm), self.constant)
        else:
            prior = logit(np.clip(log_odds(problem.stack, problem.nodes_mm), 1e-4, 1 - 1e-4))
        posterior = ScarPosterior(problem, prior, self.config, projection=self.projection)
        return Reconstruction(posterior.probability, posterior.draws, posterior.facts())
