"""The frame in which hearts are compared: along the long axis, towards the septum, in units of one reference heart.

Scanner coordinates do not match between hearts, so a network that is shared by hearts sees positions in the LV's own
frame. It is found from what every fit has, the observed nodes and the slice of each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.errors import GeometryError
from cardioscar.imaging.coordinates.lv_coordinates import RIGHT_ANTERIOR
from cardioscar.types import GroupNumbers, GroupOffsets, Points

RADIUS_MM = 30.0
"""Distance of the reference heart's wall from its long axis (root mean square over the wider half of the slices)."""


@dataclass(frozen=True)
class LVFrame:
    """Position, orientation and size of one left ventricle.

    A position x in mm LPS lies at `axes @ (x - center_mm) * scale` in mm of the reference heart.

    Attributes:
        center_mm: Point of the long axis halfway between the lowest and the highest observed node, mm LPS.
        axes: Unit vectors (rows) to the septum, to the anterior wall and from apex to base, LPS.
        scale: Size of the reference heart over that of this one; one factor, so that distances keep their shape.
    """

    center_mm: tuple[float, float, float]
    axes: tuple[tuple[float, float, float], ...]
    scale: float

    def place(self, points_mm: Points) -> Points:
        """Positions in mm of the reference heart, shape (points, 3)."""
        return (np.asarray(points_mm) - self.center_mm) @ np.array(self.axes).T * self.scale


def lv_frame(nodes_mm: Points, group_offsets: GroupOffsets, slice_number: GroupNumbers) -> LVFrame:
    """Find the frame of the LV that some slices show.

    The long axis is the line that comes nearest to the slices' centres, weighted by their nodes; the base is at the end
    where the slices are wider. The septum is taken to lie right anterior of the patient, and the size is the wall's
    distance from the axis.

    Args:
        nodes_mm: Observed nodes in group order, mm LPS, shape (nodes, 3).
        group_offsets: CSR offsets, shape (groups + 1,).
        slice_number: Slice of each group, shape (groups,).

    Returns:
        The frame.

    Raises:
        GeometryError: If fewer than two slices show wall, or their centres tell no axis.
    """
    numbers, of_group = np.unique(slice_number, return_inverse=True)
    where = "slices"
    if len(numbers) < 2:
        raise GeometryError(where, "at least two slices with wall, to find the long axis", str(len(numbers)))
    points = np.asarray(nodes_mm, dtype=float)
    of_node = np.repeat(of_group, np.diff(group_offsets))
    count = np.bincount(of_node).astype(float)
    centers = np.stack([np.bincount(of_node, points[:, i]) for i in range(3)], axis=1) / count[:, None]
    middle = np.average(centers, axis=0, weights=count)
    _, spread, directions = np.linalg.svd((centers - middle) * np.sqrt(count / count.sum())[:, None])
    if spread[0] < 1.0:
        raise GeometryError(where, "slices apart from each other", f"centres within {spread[0]:.2f} mm")
    axis = directions[0]
    away = _from_axis(points - middle, axis)
    radius = np.sqrt(np.bincount(of_node, away**2) / count)
    height = (centers - middle) @ axis
    if np.average(height * (radius - np.average(radius, weights=count)), weights=count) < 0:
        axis = -axis
    heights = (points - middle) @ axis
    septum = RIGHT_ANTERIOR - (RIGHT_ANTERIOR @ axis) * axis
    if np.linalg.norm(septum) < 0.05:
        raise GeometryError(where, "a long axis that does not point right anterior", "one along it")
    septum /= np.linalg.norm(septum)
    wide = radius >= np.median(radius)
    center = middle + (heights.min() + heights.max()) / 2 * axis
    rows = (septum, np.cross(axis, septum), axis)
    return LVFrame(
        center_mm=_rounded(center),
        axes=tuple(_rounded(row) for row in rows),
        scale=float(RADIUS_MM / np.sqrt(np.average(radius[wide] ** 2, weights=count[wide]))),
    )


def _from_axis(offsets_mm: Points, axis: Float[np.ndarray, " xyz"]) -> np.ndarray:
    return np.asarray(np.linalg.norm(offsets_mm - np.outer(offsets_mm @ axis, axis), axis=1))


def _rounded(vector: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 9) for value in vector)
    return x, y, z
