"""The wall of an analytic left ventricle: two truncated ellipsoids, made uneven, placed in the patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from cardioscar.types import Points

APEX_TO_BASE = np.array([-1.0, 1.0, 1.0]) / np.sqrt(3)
"""Long axis of an average heart in LPS: the apex points left, anterior and down."""
SEPTUM = np.array([-1.0, -1.0, 0.0]) / np.sqrt(2)
"""The septum of an average heart faces right and anterior, in LPS."""
SURFACE_TOLERANCE = 1e-5
"""Share of the wall, and mm above the base, by which a surface node may miss its surface through rounding."""


@dataclass(frozen=True)
class WallCoordinates:
    """Where points lie with respect to the wall; all arrays have one row for each point.

    Attributes:
        local_mm: Position in the ventricle's own frame (x septum, y anterior, z apex to base; origin at the
            centre of the base plane), shape (points, 3).
        direction: Unit vector from the base centre, in the stretched frame, shape (points, 3).
        transmural: 0 on the endocardium, 1 on the epicardium; negative inside the cavity; shape (points,).
    """

    local_mm: np.ndarray
    direction: np.ndarray
    transmural: np.ndarray

    @property
    def in_wall(self) -> np.ndarray:
        """Points of the wall, shape (points,)."""
        depth, tolerance = self.transmural, SURFACE_TOLERANCE
        return (depth >= -tolerance) & (depth <= 1 + tolerance) & (self.local_mm[:, 2] <= tolerance)

    @property
    def in_cavity(self) -> np.ndarray:
        """Points of the LV cavity, shape (points,)."""
        return (self.transmural < -SURFACE_TOLERANCE) & (self.local_mm[:, 2] <= SURFACE_TOLERANCE)

    def where(self, mask: np.ndarray) -> WallCoordinates:
        """The points of a mask."""
        return WallCoordinates(self.local_mm[mask], self.direction[mask], self.transmural[mask])


@dataclass(frozen=True)
class LVShape:
    """A left ventricle, open at a flat base and closed at a rounded apex.

    Endocardium and epicardium are ellipsoids cut above their equator, so that the ventricle narrows towards
    the base. Seen from the centre of the base plane both are star-shaped, which makes the wall coordinates
    of any point a closed formula.

    Attributes:
        length_mm: Base plane to epicardial apex.
        wall_mm: Wall thickness at the widest level.
        apex_wall_mm: Wall thickness at the apex.
        cavity_radius_mm: Largest inner radius.
        equator: Depth of the widest level below the base, as a share of the length.
        septum_flattening: Share by which the septal radius is reduced.
        ovality: Share by which the cross-section is longer along `ovality_angle_rad` and shorter across it.
        ovality_angle_rad: Direction of the longer cross-section, from septum (0) towards anterior.
        thin_direction: Centre of an infarct that thins the wall, a unit vector as in
            `WallCoordinates.direction`.
        thinning: Share of the thickness lost there, 0 for an even wall.
        axes: Columns are the local x, y, z axes in LPS, shape (3, 3).
        base_center_mm: Centre of the base plane in mm LPS, shape (3,).
    """

    length_mm: float
    wall_mm: float
    apex_wall_mm: float
    cavity_radius_mm: float
    equator: float
    septum_flattening: float
    ovality: float
    ovality_angle_rad: float
    thin_direction: np.ndarray
    thinning: float
    axes: np.ndarray
    base_center_mm: np.ndarray

    @property
    def stretch(self) -> float:
        """Length over epicardial radius: dividing z by it makes the heart about as long as wide."""
        return self.length_mm / (self.cavity_radius_mm + self.wall_mm)

    @property
    def apex_to_base(self) -> np.ndarray:
        """Unit vector of the long axis in LPS."""
        return self.axes[:, 2]

    @property
    def septum_direction(self) -> np.ndarray:
        """Unit vector from the long axis to the middle of the septum in LPS."""
        return self.axes[:, 0]

    def radii(self, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Endocardial and epicardial radius along directions, in the stretched frame.

        Args:
            direction: Unit vectors, shape (points, 3).

        Returns:
            Two arrays of shape (points,), mm.
        """
        depth_mm = self.equator * self.length_mm
        endo = self._ellipsoid(
            direction, self.cavity_radius_mm, self.length_mm - self.apex_wall_mm - depth_mm, depth_mm
        )
        epi = self._ellipsoid(direction, self.cavity_radius_mm + self.wall_mm, self.length_mm - depth_mm, depth_mm)
        x, y = direction[:, 0], direction[:, 1]
        across = x * x + y * y
        cosine = x / np.sqrt(np.maximum(across, 1e-20))
        uneven = 1 - self.septum_flattening * across * np.exp(2 * (cosine - 1))
        angle = 2 * self.ovality_angle_rad
        uneven += self.ovality * ((x * x - y * y) * np.cos(angle) + 2 * x * y * np.sin(angle))
        epi *= uneven
        endo *= uneven
        if self.thinning:
            # An infarct thins from within (the cavity dilates); with 8 the thinning fades over about 30°.
            endo += (epi - endo) * self.thinning * np.exp(8 * (direction @ self.thin_direction - 1))
        return endo, epi

    def _ellipsoid(self, direction: np.ndarray, radius_mm: float, half_mm: float, depth_mm: float) -> np.ndarray:
        half, depth = half_mm / self.stretch, depth_mm / self.stretch
        z = direction[:, 2]
        square = (1 - z * z) / radius_mm**2 + z * z / half**2
        linear = z * depth / half**2
        return (np.sqrt(linear * linear + square * (1 - (depth / half) ** 2)) - linear) / square

    def coordinates(self, points_mm: Points) -> WallCoordinates:
        """Wall coordinates of any points of the patient.

        Args:
            points_mm: Positions in mm LPS, shape (points, 3).
        """
        local = (np.asarray(points_mm) - self.base_center_mm) @ self.axes
        direction = local / np.array([1, 1, self.stretch])
        radius = np.sqrt(np.einsum("ij,ij->i", direction, direction))
        direction /= np.maximum(radius, 1e-12)[:, None]
        endo, epi = self.radii(direction)
        return WallCoordinates(local, direction, (radius - endo) / (epi - endo))

    def place(self, direction: np.ndarray, transmural: np.ndarray) -> WallCoordinates:
        """Wall coordinates of points given by direction and depth; the inverse of `coordinates`."""
        endo, epi = self.radii(direction)
        local = (endo + transmural * (epi - endo))[:, None] * direction * np.array([1, 1, self.stretch])
        return WallCoordinates(local, direction, transmural)

    def outline_mm(self) -> Points:
        """Points on endocardium and epicardium, close enough to bound the wall, in mm LPS."""
        meridian, rotation = np.meshgrid(np.linspace(0, np.pi / 2, 46), np.linspace(0, 2 * np.pi, 91))
        directions = direction_from_angles(meridian.ravel(), rotation.ravel())
        sides = [self.place(directions, np.full(len(directions), t)).local_mm for t in (0.0, 1.0)]
        return self.to_patient_mm(np.concatenate(sides))

    def to_patient_mm(self, local_mm: np.ndarray) -> Points:
        """Positions of the ventricle's own frame in mm LPS."""
        return local_mm @ self.axes.T + self.base_center_mm


def direction_from_angles(meridian_rad: np.ndarray | float, rotation_rad: np.ndarray | float) -> np.ndarray:
    """Unit vectors from the angle off the apex (0 to π/2, the base) and around (0 septum, π/2 anterior).

    >>> direction_from_angles(0.0, 0.0).round(3).tolist()
    [0.0, 0.0, -1.0]
    """
    sine = np.sin(meridian_rad)
    return np.stack(
        np.broadcast_arrays(sine * np.cos(rotation_rad), sine * np.sin(rotation_rad), -np.cos(meridian_rad)),
        axis=-1,
    )


def draw_shape(
    rng: np.random.Generator,
    *,
    length_mm: tuple[float, float],
    wall_mm: tuple[float, float],
    thin_direction: np.ndarray,
    thinning: float,
) -> LVShape:
    """Draw an adult left ventricle: cavity 46 to 58 mm wide, apex thin, about 9° off the mean axis.

    Args:
        rng: Source of the draws.
        length_mm: Range of the length.
        wall_mm: Range of the wall thickness.
        thin_direction: Unit vector to the centre of the thinned wall.
        thinning: Share of the thickness lost there.
    """
    mean_axes = np.column_stack([SEPTUM, np.cross(APEX_TO_BASE, SEPTUM), APEX_TO_BASE])
    wall = rng.uniform(*wall_mm)
    return LVShape(
        length_mm=rng.uniform(*length_mm),
        wall_mm=wall,
        apex_wall_mm=wall * rng.uniform(0.6, 0.8),
        cavity_radius_mm=rng.uniform(23, 29),
        equator=rng.uniform(0.15, 0.28),
        septum_flattening=rng.uniform(0.04, 0.10),
        ovality=rng.uniform(0, 0.05),
        ovality_angle_rad=rng.uniform(0, np.pi),
        thin_direction=thin_direction,
        thinning=thinning,
        axes=Rotation.from_rotvec(rng.normal(0, np.radians(9), 3)).as_matrix() @ mean_axes,
        base_center_mm=rng.normal([5, -10, 40], [12, 12, 30]),
    )
