"""Directions about a heart that a picture is named by: its long axis, and the side where its scar lies."""

from __future__ import annotations

import numpy as np

from cardioscar.types import NodeValues, Points

# Patient's right and front: where the septum of a normally placed heart looks.
RIGHT_ANTERIOR = np.array([-1.0, -1.0, 0.0])


def long_axis(nodes_mm: Points) -> np.ndarray:
    """Estimate the long axis of an LV wall, from apex to base.

    The axis is the principal axis about which the nodes are most nearly round; the base is the wide end.

    Args:
        nodes_mm: Node positions in mm, shape (nodes, 3).

    Returns:
        Unit vector, shape (3,).
    """
    offset = nodes_mm - nodes_mm.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov(offset.T))
    axis = axes[:, 2] if spread[2] - spread[1] >= spread[1] - spread[0] else axes[:, 0]
    height = offset @ axis
    radius = np.linalg.norm(offset - np.outer(height, axis), axis=1)
    return axis if np.dot(height - height.mean(), radius - radius.mean()) > 0 else -axis


def scar_side(
    nodes_mm: Points, weight: NodeValues, axis: np.ndarray, septal_direction: np.ndarray | None
) -> np.ndarray:
    """Direction, across the long axis, in which the scar lies; the septum's where there is no scar to one side.

    Args:
        nodes_mm: Node positions in mm, shape (nodes, 3).
        weight: Scar at each node, 0 or more, shape (nodes,).
        axis: Long axis, unit vector.
        septal_direction: From the LV to the septum, or None: right and front of the patient.

    Returns:
        Unit vector perpendicular to the axis, shape (3,).
    """
    centre = nodes_mm.mean(axis=0)
    candidates = [septal_direction if septal_direction is not None else RIGHT_ANTERIOR, np.eye(3)[0], np.eye(3)[1]]
    if weight.sum() > 0:
        offset = (weight @ (nodes_mm - centre)) / weight.sum()
        if np.linalg.norm(offset - (offset @ axis) * axis) > 2.0:  # mm; less is a scar all around
            candidates.insert(0, offset)
    for candidate in candidates:
        across = np.asarray(candidate, dtype=float) - (np.asarray(candidate) @ axis) * axis
        length = np.linalg.norm(across)
        if length > 0.1 * np.linalg.norm(candidate):
            return across / length
    raise ValueError("no direction lies across the long axis")  # pragma: no cover (x and y cannot both be along it)
