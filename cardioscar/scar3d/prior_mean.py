"""The prior mean of the scar logit: fitted field, interpolation, and a prior learned from other scars, averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logit

from cardioscar.errors import ConfigError
from cardioscar.scar3d.interpolation import log_odds, signed_distance
from cardioscar.scar3d.problem import Problem
from cardioscar.scar3d.projection import LIMIT
from cardioscar.types import NodeValues


@dataclass(frozen=True)
class Blend:
    """Weights of the logit average; what they leave is the field's."""

    fractions: float = 0.15
    """Weight of log-odds interpolation, where pixels are scar fractions."""
    labels: float = 0.4
    """Weight of signed-distance interpolation, where pixels are labels: an outline says more than zeros and ones."""
    learned: float = 0.0
    """Weight of the learned prior, where there is one."""

    def __post_init__(self) -> None:
        for name in ("fractions", "labels"):
            if not 0 <= getattr(self, name) < 1 - self.learned:
                raise ConfigError(name, f"a weight from 0 to below {1 - self.learned:g}", f"{getattr(self, name):g}")
        if not 0 <= self.learned < 1:
            raise ConfigError("learned", "a weight from 0 to below 1", f"{self.learned:g}")


def interpolated(problem: Problem, blend: Blend) -> tuple[NodeValues | None, float]:
    """Logits by the interpolation that suits the pixels, shape (nodes,), and their weight; None for no weight."""
    weight = blend.labels if problem.hard_labels else blend.fractions
    if weight == 0:
        return None, 0.0
    method = signed_distance if problem.hard_labels else log_odds
    return logit(np.clip(method(problem.stack, problem.nodes_mm), 1e-4, 1 - 1e-4)), weight


def prior_mean(
    field_logits: NodeValues,
    other: tuple[NodeValues | None, float],
    learned_logits: NodeValues | None = None,
    *,
    learned: float = 0.0,
) -> NodeValues:
    """Average in logit space.

    Args:
        field_logits: Scar logit of the fitted field at each node, shape (nodes,).
        other: Interpolation and its weight, see `interpolated`.
        learned_logits: Scar logit of a learned prior, shape (nodes,); None leaves its weight to the field.
        learned: Weight of `learned_logits`.

    Returns:
        Logits, shape (nodes,), float32.
    """
    logits, weight = other
    total, left = np.zeros(len(field_logits)), 1.0
    if logits is not None:
        total += weight * logits
        left -= weight
    if learned_logits is not None and learned > 0:
        total += learned * np.clip(learned_logits, -LIMIT, LIMIT)
        left -= learned
    return np.asarray(total + left * field_logits, dtype=np.float32)
