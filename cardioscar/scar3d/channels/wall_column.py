"""Looking through the wall: what lies over and under a point, from endocardium to epicardium."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from cardioscar.imaging.tetrahedra import Tetrahedra
from cardioscar.scar3d.channels.mesh_graph import nodal_gradient
from cardioscar.types import NodeMask, NodeValues, Points

# Depths at which a column is looked at.
_DEPTHS = np.linspace(0.025, 0.975, 20)


def gradient_at(
    nodes_mm: Points, cells: Tetrahedra, values: NodeValues, where: Int[np.ndarray, " some"]
) -> Float[np.ndarray, "some 3"]:
    """Gradient of a nodal field at a few nodes, per mm; only the cells at these are touched."""
    wanted = np.zeros(len(nodes_mm), dtype=bool)
    wanted[where] = True
    around = cells[wanted[cells].any(axis=1)]
    used, local = np.unique(around, return_inverse=True)
    gradient = nodal_gradient(nodes_mm[used], local.reshape(-1, 4), np.asarray(values[used], dtype=float))
    return gradient[np.searchsorted(used, where)]


def covered_share(
    nodes_mm: Points,
    cells: Tetrahedra,
    transmural: NodeValues,
    path: Int[np.ndarray, " some"],
    living: NodeMask,
    outside: NodeMask,
    edge_mm: float,
) -> float:
    """Share of the nodes of a path over and under which scar, or the surface of the wall, comes before healthy tissue.

    Args:
        nodes_mm: Node positions, shape (nodes, 3).
        cells: Tetrahedra.
        transmural: 0 at the endocardium to 1 at the epicardium, shape (nodes,).
        path: Nodes of the path.
        living: Whether tissue lives, shape (nodes,).
        outside: Whether it is healthy tissue outside the scar, shape (nodes,).
        edge_mm: Typical distance between neighbouring nodes.

    Returns:
        0 to 1.
    """
    slope = gradient_at(nodes_mm, cells, transmural, path)
    per_depth = slope / np.maximum(np.einsum("ij,ij->i", slope, slope), 1e-6)[:, None]
    steps = _DEPTHS[None, :] - np.asarray(transmural[path], dtype=float)[:, None]
    points = nodes_mm[path][:, None, :] + steps[..., None] * per_depth[:, None, :]
    margin = 2 * edge_mm
    box = (points.min(axis=(0, 1)) - margin, points.max(axis=(0, 1)) + margin)
    near = np.flatnonzero(((nodes_mm > box[0]) & (nodes_mm < box[1])).all(axis=1))
    nearest = near[cKDTree(nodes_mm[near]).query(points.reshape(-1, 3))[1]].reshape(steps.shape)
    scar, healthy = ~living[nearest], outside[nearest]
    over = healthy & ~np.logical_or.accumulate(scar & (steps > 0), axis=1) & (steps > 0)
    under = healthy & ~np.logical_or.accumulate((scar & (steps < 0))[:, ::-1], axis=1)[:, ::-1] & (steps < 0)
    return float(1 - (over | under).any(axis=1).mean())
