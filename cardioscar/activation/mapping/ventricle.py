"""The ventricle of a mesh, as slices of strain are laid on it: its axis, its length, its radius."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.errors import GeometryError
from cardioscar.imaging.alignment.lv_axes import LVAxes
from cardioscar.types import NodeValues, Points

_MID_WALL = 0.3
"""How far from half the depth nodes count as the middle of the wall."""
_SECTORS = 24
_BESIDE_CAVITY = (0.25, 0.95)


@dataclass(frozen=True, eq=False)
class Ventricle:
    """The left ventricle of a mesh.

    Attributes:
        apex_mm: Where the long axis leaves the wall at the apex, LPS.
        axes: Half way between apex and base.
        length_mm: From apex to base.
        heights: At which the radius is told, 0 apex to 1 base, increasing.
        radii_mm: Of the middle of the wall there.
    """

    apex_mm: Float[np.ndarray, " xyz"]
    axes: LVAxes
    length_mm: float
    heights: Float[np.ndarray, " levels"]
    radii_mm: Float[np.ndarray, " levels"]

    @classmethod
    def of(
        cls,
        nodes_mm: Points,
        apicobasal: NodeValues,
        transmural: NodeValues,
        rotational: NodeValues,
        long_axis: Float[np.ndarray, " xyz"],
        septum: Float[np.ndarray, " xyz"],
    ) -> Ventricle:
        """The ventricle of a mesh with LV coordinates.

        Args:
            nodes_mm: Nodes, LPS.
            apicobasal: 0 at the apex to 1 at the base.
            transmural: 0 at the endocardium to 1 at the epicardium.
            rotational: Angle about the long axis, radians.
            long_axis: From apex to base.
            septum: From the axis to the middle of the septum.

        Raises:
            GeometryError: If the nodes are no ventricle: too few, or all at one height.
        """
        nodes = np.asarray(nodes_mm, dtype=np.float64)
        middle = np.abs(transmural - 0.5) <= _MID_WALL
        body = middle & (apicobasal >= _BESIDE_CAVITY[0]) & (apicobasal <= _BESIDE_CAVITY[1])
        sector = np.floor((rotational + np.pi) / (2 * np.pi) * _SECTORS).astype(int) % _SECTORS
        if len(np.unique(sector[body])) < _SECTORS / 2 or np.ptp(apicobasal[body]) < 0.1:
            raise GeometryError("mesh", "nodes all around a ventricle", "others")
        # nodes are not even around: the middle is that of the means of sectors
        center = np.mean([nodes[body & (sector == one)].mean(axis=0) for one in np.unique(sector[body])], axis=0)
        axes = LVAxes.of(center, long_axis, septum, where="mesh")
        slope, apex = np.polyfit(apicobasal, axes.height_mm(nodes), 1)
        if slope <= 1:
            raise GeometryError("mesh", "a base that lies above the apex", "another")
        away = nodes - center - np.outer(axes.height_mm(nodes), axes.long_axis)
        radius = np.linalg.norm(away, axis=1)
        edges = np.linspace(0.1, 1, 13)
        levels = [(one, middle & (np.abs(apicobasal - one) <= 0.05)) for one in edges]
        known = [(one, float(radius[near].mean())) for one, near in levels if near.any()]
        half_way = center + (apex + slope / 2) * axes.long_axis
        return cls(
            apex_mm=center + apex * axes.long_axis,
            axes=LVAxes(half_way, axes.long_axis, axes.septum),
            length_mm=float(slope),
            heights=np.array([one for one, _ in known]),
            radii_mm=np.array([one for _, one in known]),
        )

    def height(self, points_mm: Points) -> Float[np.ndarray, " points"]:
        """Height of points, 0 at the apex to 1 at the base, beyond these outside of the ventricle."""
        return np.asarray((np.asarray(points_mm) - self.apex_mm) @ self.axes.long_axis / self.length_mm)

    def at_height(self, height: float) -> LVAxes:
        """The axes with the point of the long axis at a height as their center."""
        center = self.apex_mm + height * self.length_mm * self.axes.long_axis
        return LVAxes(center, self.axes.long_axis, self.axes.septum)

    def radius_mm(self, heights: Float[np.ndarray, " places"]) -> Float[np.ndarray, " places"]:
        """Radius of the middle of the wall at heights."""
        return np.interp(heights, self.heights, self.radii_mm)
