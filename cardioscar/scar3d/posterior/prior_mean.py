"""The prior mean of the scar logit: fitted field, interpolation, and a prior learned from other scars, averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logit

from cardioscar.errors import ConfigError
from cardioscar.scar3d.observation.along_wall import along_wall
from cardioscar.scar3d.observation.interpolation import log_odds, signed_distance
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.posterior.projection import LIMIT
from cardioscar.types import NodeValues


@dataclass(frozen=True)
class Blend:
    """What stands beside the field in the logit average, and its weight; the rest is the field's."""

    fractions: float = 0.2
    """Weight beside the field where pixels are scar fractions: of the learned prior, or of log-odds interpolation."""
    labels: float = 1.0
    """The same where pixels are labels, in wide gaps: of the prior learned for them, or interpolation along the wall.
    Near the pixels the field stands alone, see `PosteriorConfig.label_handover_mm`."""
    learned: bool = True
    """Take the priors learned from synthetic scars, where the mesh has LV coordinates."""

    def __post_init__(self) -> None:
        for name in ("fractions", "labels"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(name, "a weight from 0 to 1", f"{getattr(self, name):g}")


@dataclass(frozen=True)
class Beside:
    """What stands beside the field.

    Attributes:
        kind: `learned`, `along_wall`, `log_odds`, `signed_distance` or `nothing`.
        weight: Its weight, 0 to 1.
        logits: Scar logit at each node, shape (nodes,); None for nothing.
        reason: Why interpolation stands in for the learned prior; empty where it does not.
    """

    kind: str
    weight: float
    logits: NodeValues | None
    reason: str = ""


NOTHING = Beside("nothing", 0.0, None)
"""The field alone."""


def beside_field(problem: Problem, blend: Blend) -> Beside:
    """Choose and compute what suits the pixels."""
    weight = blend.labels if problem.hard_labels else blend.fractions
    if weight == 0:
        return NOTHING
    reason = ""
    if blend.learned:
        from cardioscar.scar3d.wall_prior.apply import learned_prior

        found = learned_prior(problem)
        if found.logits is not None:
            return Beside("learned", weight, np.clip(found.logits, -LIMIT, LIMIT))
        reason = found.reason
    if not problem.hard_labels:
        return Beside("log_odds", weight, _logits(log_odds(problem.stack, problem.nodes_mm)), reason)
    if problem.coordinates is not None and np.isfinite(problem.coordinates).all():
        along = along_wall(problem.stack, problem.nodes_mm, np.asarray(problem.coordinates))
        return Beside("along_wall", weight, _logits(along), reason)
    return Beside("signed_distance", weight, _logits(signed_distance(problem.stack, problem.nodes_mm)), reason)


def prior_mean(field_logits: NodeValues, beside: Beside, share: NodeValues | float = 1.0) -> NodeValues:
    """Average the fitted field's logits with what stands beside it.

    Args:
        field_logits: Shape (nodes,).
        beside: What stands beside the field.
        share: How much of its weight counts at each node, 0 to 1, shape (nodes,), or everywhere.

    Returns:
        Shape (nodes,), float32.
    """
    if beside.logits is None:
        return np.asarray(field_logits, dtype=np.float32)
    weight = beside.weight * share
    return np.asarray((1 - weight) * field_logits + weight * beside.logits, dtype=np.float32)


def share_beside(problem: Problem, handover_mm: tuple[float, float]) -> NodeValues:
    """How much what stands beside the field counts where pixels are labels.

    Between slices that lie close together the field, which has seen nothing but this heart, is the better one; a hand
    that draws each slice by itself, and a wall that turns, make it the worse one where gaps are wide.

    Args:
        problem: Nodes and slices.
        handover_mm: Distances from the pixels (`Reach.bridged_mm`) at which it begins to count, and at which it is all.

    Returns:
        0 to 1, shape (nodes,).
    """
    first, last = handover_mm
    return np.clip((problem.reach.bridged_mm - first) / (last - first), 0, 1)


def _logits(probability: NodeValues) -> NodeValues:
    return np.asarray(logit(np.clip(probability, 1e-4, 1 - 1e-4)))
