"""Axes of a left ventricle, and how those of two examinations of one heart are brought together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from cardioscar.errors import GeometryError
from cardioscar.types import Points

Vector = Float[np.ndarray, " xyz"]


@dataclass(frozen=True, eq=False)
class LVAxes:
    """Where a left ventricle lies, and which way round.

    Attributes:
        center_mm: A point of the long axis; what is brought together has to have it at the same height.
        long_axis: Unit vector from apex to base.
        septum: Unit vector from the axis to the middle of the septum, at right angles to the long axis.
    """

    center_mm: Vector
    long_axis: Vector
    septum: Vector

    @classmethod
    def of(cls, center_mm: Vector, long_axis: Vector, septum: Vector, *, where: str = "axes") -> LVAxes:
        """Axes of a long axis and a septum that need not be at right angles, nor of unit length.

        Raises:
            GeometryError: If one has no length, or the septum lies along the long axis.
        """
        axis, side = (np.asarray(one, dtype=np.float64) for one in (long_axis, septum))
        lengths = [float(np.linalg.norm(one)) for one in (axis, side)]
        if not (np.isfinite([*lengths, *np.ravel(center_mm)]).all() and min(lengths) > 0):
            raise GeometryError(where, "a center, a long axis and a septum of some length", "others")
        axis, side = axis / lengths[0], side / lengths[1]
        across = side - (side @ axis) * axis
        if np.linalg.norm(across) < 0.05:
            raise GeometryError(where, "a septum beside the long axis", "one along it")
        return cls(np.asarray(center_mm, dtype=np.float64), axis, across / np.linalg.norm(across))

    @property
    def anterior(self) -> Vector:
        """Unit vector towards the anterior wall, a quarter of the circumference from the septum."""
        return np.cross(self.long_axis, self.septum)

    def height_mm(self, points_mm: Points) -> Float[np.ndarray, " points"]:
        """Distance of points along the long axis from the center, growing towards the base."""
        return np.asarray((np.asarray(points_mm) - self.center_mm) @ self.long_axis)

    def angle(self, direction: Vector) -> float:
        """Rotational coordinate of a direction in radians: 0 at the septum, positive towards anterior."""
        return float(np.arctan2(direction @ self.anterior, direction @ self.septum))


@dataclass(frozen=True, eq=False)
class Together:
    """How far the axes of one examination are from those of another, and the rigid motion that takes it there.

    Attributes:
        rotation: Takes directions of the one to those of the other.
        apart_mm: Between their centers.
        tilt_deg: Between their long axes.
        turn_deg: Between their septums, about the long axis of the other; positive towards its anterior wall.
        moving: Center of the one.
        fixed: Center of the other.
    """

    rotation: Rotation
    apart_mm: float
    tilt_deg: float
    turn_deg: float
    moving: Vector
    fixed: Vector

    def moved(self, points_mm: Points) -> Points:
        """Points of the one, in the frame of the other."""
        return np.asarray(self.rotation.apply(np.asarray(points_mm) - self.moving) + self.fixed)


def bring_together(moving: LVAxes, fixed: LVAxes) -> Together:
    """The rigid motion that lays one ventricle's long axis and septum on another's.

    Args:
        moving: Axes that are to be moved.
        fixed: Axes that stay.

    >>> one = LVAxes.of(np.zeros(3), np.array([0, 0, 1.0]), np.array([1.0, 0, 0]))
    >>> other = LVAxes.of(np.array([3.0, 4, 0]), np.array([0, 0, 1.0]), np.array([0, 1.0, 0]))
    >>> found = bring_together(one, other)
    >>> found.apart_mm, round(found.turn_deg), found.moved(np.array([[2.0, 0, 7]])).round(6).tolist()
    (5.0, -90, [[3.0, 6.0, 7.0]])
    """
    # exact: of two pairs of vectors at right angles both are met
    rotation, _ = Rotation.align_vectors(
        np.stack([fixed.long_axis, fixed.septum]), np.stack([moving.long_axis, moving.septum])
    )
    tilt = np.degrees(np.arccos(np.clip(moving.long_axis @ fixed.long_axis, -1, 1)))
    # seen after the long axes are brought together by the shortest way, so that tilt is no turn
    upright, _ = Rotation.align_vectors(fixed.long_axis[None], moving.long_axis[None])
    turn = np.degrees(fixed.angle(upright.apply(moving.septum)))
    return Together(
        rotation=rotation,
        apart_mm=float(np.linalg.norm(moving.center_mm - fixed.center_mm)),
        tilt_deg=float(tilt),
        turn_deg=float(turn),
        moving=moving.center_mm,
        fixed=fixed.center_mm,
    )
