"""A fitted field's MC-Dropout map in one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import logit

from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.scar3d.field.mc_dropout import sample_logits
from cardioscar.scar3d.field.scar_field import ScarField
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.observation.sorting import SortedGroups
from cardioscar.scar3d.posterior.dropout_maps import DropoutMaps
from cardioscar.scar3d.posterior.prior_mean import NOTHING, Beside

NOWHERE = SliceStack((Slice(np.zeros((1, 1), np.float32), np.zeros((1, 1), bool), np.eye(4), 0),), "none")
"""A projection needs groups alone."""


@dataclass(frozen=True)
class Prediction:
    """Mean and standard deviation over the projected samples at each node."""

    probability: np.ndarray
    uncertainty: np.ndarray


def predict(
    field: ScarField,
    nodes_mm: np.ndarray,
    groups: SortedGroups,
    targets: np.ndarray,
    *,
    samples: int = 20,
    seed: int = 0,
    projection: Literal["soft", "hard", "none"] = "soft",
    interpolated: np.ndarray | None = None,
    blend: float = 0.25,
    **options: Any,
) -> Prediction:
    """Sample, project and average."""
    ones = np.ones(len(targets), dtype=int)
    problem = Problem(nodes_mm, groups, targets, ones, ones, NOWHERE)
    sampled = sample_logits(field, nodes_mm, samples=samples, seed=seed)
    beside = NOTHING
    if interpolated is not None:
        beside = Beside("log_odds", blend, logit(np.clip(interpolated, 1e-4, 1 - 1e-4)))
    maps = DropoutMaps(problem, sampled, beside=beside, projection=projection, **options)
    return Prediction(maps.probability, np.std(list(maps.samples()), axis=0))
