"""How far each node lies from what the slices show."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from cardioscar.errors import GeometryError
from cardioscar.imaging.slices import SliceStack
from cardioscar.types import NodeValues, Points


def distance_to_pixels_mm(stack: SliceStack, nodes_mm: Points) -> NodeValues:
    """Distance of each node to the nearest observed pixel.

    A pixel is taken as the line through its slab, at its centre and from face to face, so a node between two slices is
    as far as the nearer slab's face, and a node inside a slab is about half a pixel away at most.

    Args:
        stack: Slices; only observed pixels (wall) count.
        nodes_mm: Positions in mm LPS, shape (nodes, 3).

    Returns:
        Distance in mm, at least 0, shape (nodes,).

    Raises:
        GeometryError: If no pixel is observed.

    >>> from cardioscar.imaging.slices import Slice
    >>> one = Slice(np.zeros((1, 1)), np.ones((1, 1), bool), np.diag([1.0, 1.0, 8.0, 1.0]), 0)
    >>> distance_to_pixels_mm(SliceStack((one,), "lge"), np.array([[0, 0, 3.0], [0, 0, 10.0], [5.0, 0, 0]])).round(3)
    array([0., 6., 5.])
    """
    seen = [piece for piece in stack if piece.observed.any()]
    if not seen:
        raise GeometryError(stack.source, "at least one observed pixel", "none")
    nearest = np.full(len(nodes_mm), np.inf)
    for piece in seen:
        offset = (np.asarray(nodes_mm) - piece.affine[:3, 3]) @ piece.normal
        beyond = np.maximum(np.abs(offset) - piece.thickness_mm / 2, 0)  # along the normal, from the slab's face
        flat = np.asarray(nodes_mm) - np.outer(offset, piece.normal)
        near = np.flatnonzero(beyond < nearest)
        across, _ = cKDTree(piece.pixel_centers_mm()).query(flat[near], workers=1)
        nearest[near] = np.minimum(nearest[near], np.hypot(across, beyond[near]))
    return nearest
