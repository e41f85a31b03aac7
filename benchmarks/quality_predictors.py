"""Ways to predict a hidden slice from the others, to be compared by how well their error tells a map's true Dice."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from cardioscar.imaging.slices import SliceStack
from cardioscar.scar3d.field.fit import fit_field
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.field.mc_dropout import sample_logits
from cardioscar.scar3d.observation.groups import group_nodes
from cardioscar.scar3d.observation.interpolation import log_odds, signed_distance
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.observation.sorting import sort_by_group
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.posterior.residual_process import fit_residual
from cardioscar.scar3d.quality.leave_one_out import DEPTHS, Predictor, interpolated
from cardioscar.types import Points

BLOCK_MM = 2.0
"""Pixels are merged in blocks of about this size."""


def residual_process(others: SliceStack, points_mm: Points) -> np.ndarray:
    """Log-odds interpolation, corrected by a Gaussian process on what it leaves unexplained."""
    problem = _problem(others, points_mm)
    prior = _logit(log_odds(others, problem.nodes_mm))
    found = fit_residual(problem, prior, PosteriorConfig())
    prior[found.nodes] += found.mean()
    return np.asarray(expit(prior[-len(points_mm) :]))


def network(others: SliceStack, points_mm: Points) -> np.ndarray:
    """A short fit of the network, blended with log-odds interpolation as in the map."""
    problem = _problem(others, points_mm)
    fit = fit_field(problem.observations(), FitConfig(steps=60, device="cpu"))
    drawn = expit(sample_logits(fit.field, points_mm, samples=4, seed=0)).mean(axis=0)
    return np.asarray(expit(0.75 * _logit(drawn) + 0.25 * _logit(log_odds(others, points_mm))))


def _problem(others: SliceStack, points_mm: Points) -> Problem:
    """Nodes in the prisms of the pixels, and, last, the points to be predicted."""
    prisms = [piece.pixel_centers_mm() + depth * piece.affine[:3, 2] for piece in others for depth in DEPTHS]
    nodes_mm = np.concatenate([*prisms, points_mm])
    merge = max(1, round(BLOCK_MM / float(others.slices[0].pixel_mm.mean())))
    found = group_nodes(nodes_mm, others, merge=merge)
    order = sort_by_group(found.group_index, found.n_groups)
    return Problem(nodes_mm, order, found.targets, found.pixels, found.slice_number, others)


def _logit(probability: np.ndarray) -> np.ndarray:
    return np.asarray(logit(np.clip(probability, 1e-4, 1 - 1e-4)), dtype=np.float64)


PREDICTORS: dict[str, Predictor] = {
    "log_odds": interpolated,
    "signed_distance": signed_distance,
    "residual_process": residual_process,
    "network": network,
}
