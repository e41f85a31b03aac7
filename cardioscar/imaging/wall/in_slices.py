"""Whether a mesh lies where the slices show the wall."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from cardioscar.imaging.slices import SliceStack
from cardioscar.types import NodeValues, Points

_MOST_NODES, _MOST_PIXELS = 30_000, 3_000


def aside_mm(nodes_mm: Points, stack: SliceStack) -> NodeValues:
    """Distance of nodes from the wall as it is drawn, within the plane of the slice that shows them.

    Args:
        nodes_mm: Positions in mm LPS, shape (nodes, 3).
        stack: Slices whose observed pixels are the wall as drawn.

    Returns:
        Distance from the nearest wall pixel of the nearest slice in mm, 0 on one, shape (nodes,); NaN of nodes that lie
        in the slab of no slice with wall.
    """
    nodes_mm = np.asarray(nodes_mm, dtype=np.float64)
    found = np.full(len(nodes_mm), np.nan)
    nearest = np.full(len(nodes_mm), np.inf)
    for piece in stack:
        if not piece.observed.any():
            continue
        offset = np.abs((nodes_mm - piece.affine[:3, 3]) @ piece.normal)
        near = np.flatnonzero((offset <= piece.thickness_mm / 2) & (offset < nearest))
        index = nodes_mm[near] @ piece.frame.inverse[:2, :3].T + piece.frame.inverse[:2, 3]
        away = cKDTree(np.argwhere(piece.observed) * piece.pixel_mm).query(index * piece.pixel_mm)[0]
        found[near] = np.maximum(away - piece.pixel_mm.max() / np.sqrt(2), 0)
        nearest[near] = offset[near]
    return found


def wall_near_mesh(nodes_mm: Points, edge_mm: float, stack: SliceStack) -> float:
    """Share of the wall pixels that lie at the mesh, 0 to 1.

    Args:
        nodes_mm: Node positions in mm LPS, shape (nodes, 3); of many, some are taken.
        edge_mm: Edge length of the mesh.
        stack: Slices whose observed pixels are the wall as drawn.
    """
    step = -(-len(nodes_mm) // _MOST_NODES)
    pixels = np.concatenate([piece.pixel_centers_mm() for piece in stack])
    pixels = pixels[:: max(1, len(pixels) // _MOST_PIXELS)]
    reach = 1.2 * edge_mm * float(np.cbrt(step))
    return float((cKDTree(nodes_mm[::step]).query(pixels, distance_upper_bound=reach)[0] < np.inf).mean())


def turned(nodes_mm: Points) -> Points:
    """Positions in RAS of positions in LPS, or the other way round."""
    return np.asarray(nodes_mm, dtype=np.float64) * [-1, -1, 1]
