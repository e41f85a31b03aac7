"""The default: network and interpolation as prior mean of a Gaussian process, softly projected, with its posterior."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from cardioscar.scar3d.field.fit import fit_field
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.field.mc_dropout import sample_logits
from cardioscar.scar3d.methods.method import Reconstruction
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.posterior.prior_mean import Blend
from cardioscar.scar3d.posterior.recipe import scar_posterior


@dataclass(frozen=True)
class Posterior:
    """What `cardioscar run` does, in one call."""

    fit: FitConfig = field(default_factory=FitConfig)
    """Settings of the network; its seed is replaced by that of `reconstruct`."""
    posterior: PosteriorConfig = field(default_factory=PosteriorConfig)
    """Settings of what follows the network."""
    samples: int = 20
    """MC-Dropout samples whose mean logit is the network's."""
    blend: Blend = field(default_factory=Blend)
    """What stands beside the network in the prior mean."""
    projection: Literal["soft", "hard", "none"] = "soft"
    """Projection onto the pixels."""

    @property
    def name(self) -> str:
        """Short name in tables."""
        return "cardioscar"

    def reconstruct(self, problem: Problem, *, seed: int = 0) -> Reconstruction:
        """Fit, blend, correct and project; a draw is a possible heart."""
        fit = fit_field(problem.observations(), replace(self.fit, seed=seed))
        sampled = sample_logits(fit.field, problem.nodes_mm, samples=self.samples, seed=seed)
        posterior = scar_posterior(
            problem, sampled, blend=self.blend, config=self.posterior, projection=self.projection
        )
        del sampled
        facts = {"steps": fit.steps, "stop_reason": fit.stop_reason, "fit_seconds": round(fit.seconds, 3)}
        return Reconstruction(posterior.probability, posterior.draws, facts | posterior.facts())
