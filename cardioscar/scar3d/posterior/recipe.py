"""From a fitted network to the scar's posterior: the steps after the fit, in the one place that says which they are."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
from jaxtyping import Float

from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.posterior.label_posterior import LabelPosterior
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.posterior.prior_mean import Beside, Blend, beside_field, prior_mean, share_beside
from cardioscar.scar3d.posterior.projection import LIMIT
from cardioscar.scar3d.posterior.scar_posterior import ScarPosterior

log = logging.getLogger(__name__)


def scar_posterior(
    problem: Problem,
    sampled: Float[np.ndarray, "samples nodes"],
    *,
    blend: Blend,
    config: PosteriorConfig,
    projection: Literal["soft", "hard", "none"] = "soft",
    reach_mm: float = 4.0,
    threshold: float = 0.5,
) -> ScarPosterior | LabelPosterior:
    """Average the network with what suits the pixels, and condition the result on them.

    Args:
        problem: Nodes, groups and slices.
        sampled: Logits of the network's MC-Dropout samples, see `sample_logits`; their mean counts.
        blend: What stands beside the network.
        config: Settings of what follows.
        projection: As for `ScarPosterior`, as are the following.
        reach_mm: How far the projection's shifts reach into tissue between slices, in mm.
        threshold: Probability from which a node is scar.

    Returns:
        The posterior that suits the pixels; what stands beside the network is in its facts.
    """
    beside = beside_what_suits(problem, blend)
    field = np.clip(sampled.mean(axis=0), -LIMIT, LIMIT)
    if problem.hard_labels:
        prior = prior_mean(field, beside, share_beside(problem, config.label_handover_mm))
    else:
        prior = prior_mean(field, beside)
    kind = LabelPosterior if problem.hard_labels else ScarPosterior
    return kind(
        problem,
        prior,
        config,
        projection=projection,
        reach_mm=reach_mm,
        threshold=threshold,
        beside=beside.kind,
    )


def beside_what_suits(problem: Problem, blend: Blend) -> Beside:
    """What stands beside the network; the log says where it is not what was meant."""
    found = beside_field(problem, blend)
    if found.reason:
        log.info("%s interpolation in place of the learned prior: %s", found.kind.replace("_", "-"), found.reason)
    return found
