"""The learned prior at the nodes of a mesh."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.wall_prior.config import Pixels
from cardioscar.scar3d.wall_prior.features import base_logits, base_logits_along_wall, features, for_network
from cardioscar.scar3d.wall_prior.grid import grid_of_nodes
from cardioscar.scar3d.wall_prior.stored_unet import load_prior
from cardioscar.types import NodeValues

FEWEST_NODES = 500
"""A mesh of fewer nodes is too coarse to place a grid by."""


@dataclass(frozen=True)
class PriorLogits:
    """What the prior says of one subject.

    Attributes:
        logits: Scar logit at each node, shape (nodes,), float32; None where the prior cannot be applied.
        reason: Why there is none; empty where there is one.
    """

    logits: NodeValues | None
    reason: str = ""


def learned_prior(problem: Problem, *, weights: Path | None = None) -> PriorLogits:
    """Apply the learned prior: interpolation plus the network's residual, interpolated from the grid.

    Pixels that are labels have a prior of their own, which corrects interpolation along the wall, see record 31 of
    docs/decisions; that for fractions corrects log-odds interpolation.

    Args:
        problem: Nodes with LV coordinates, and slices.
        weights: Folder of a prior as `train_scar_prior` writes it; default the one that comes with the package.

    Returns:
        Logits at the nodes, or None and the reason: no coordinates, a mesh that is too coarse, or only a part of a
        ventricle. It is no error: the caller goes on without a prior.

    Raises:
        InputError: If the weights are missing or not what their description says.
    """
    coordinates = problem.coordinates
    if coordinates is None:
        return PriorLogits(None, "the mesh has no LV coordinates")
    coordinates = np.asarray(coordinates, dtype=np.float64)
    if coordinates.shape != (len(problem.nodes_mm), 3) or not np.isfinite(coordinates).all():
        return PriorLogits(None, "LV coordinates are not three finite numbers at each node")
    if len(coordinates) < FEWEST_NODES:
        return PriorLogits(None, f"{len(coordinates)} nodes; the prior's grid needs {FEWEST_NODES}")
    covered = np.histogram(coordinates[:, 1], bins=12, range=(-math.pi, math.pi))[0] > 0
    if not covered.all() or np.ptp(coordinates[:, 0]) < 0.5 or np.ptp(coordinates[:, 2]) < 0.5:
        return PriorLogits(None, "the mesh covers only a part of a ventricle's wall")
    pixels: Pixels = "labels" if problem.hard_labels else "fractions"
    network, about = load_prior(weights, pixels=pixels)
    cell_mm, layers = float(about["config"]["cell_mm"]), int(about["config"]["layers"])
    grid = grid_of_nodes(problem.nodes_mm, coordinates, cell_mm=cell_mm, layers=layers)
    stack = for_network(problem.stack)
    inputs = torch.from_numpy(features(stack, grid, cell_mm=cell_mm, pixels=pixels))
    with torch.inference_mode():
        residual = network(inputs[None])[0].numpy()
    if pixels == "labels":
        base = base_logits_along_wall(stack, problem.nodes_mm, coordinates)
    else:
        base = base_logits(stack, problem.nodes_mm)
    return PriorLogits((base + grid.at(residual, coordinates)).astype(np.float32))
