"""Where sectors lie: counted from the middle of the septum through the inferior wall, once around.

Sector s of S is centred at the angle 2π (s + ½) / S, so that the shares of six AHA segments follow each other as
inferoseptal, inferior, inferolateral, anterolateral, anterior, anteroseptal [@cerqueira2002]. The rotational coordinate
of an LV mesh, which grows towards the anterior wall, is minus this angle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cardioscar.errors import GeometryError

SEGMENTS = ("inferoseptal", "inferior", "inferolateral", "anterolateral", "anterior", "anteroseptal")
"""Sixths of the circumference in the order of sectors."""

Vector = Float[np.ndarray, " axes"]


@dataclass(frozen=True, eq=False)
class Heading:
    """Directions of a slice by which angles are told, unit vectors at right angles, in the plane or in space.

    Attributes:
        septum: From the middle of the cavity to the middle of the septum.
        inferior: A quarter of the circumference further on, in the order of sectors.
    """

    septum: Vector
    inferior: Vector

    def angles(self, offsets: Float[np.ndarray, "points axes"]) -> Float[np.ndarray, " points"]:
        """Angle of positions relative to the middle of the cavity, 0 to 2π."""
        return np.mod(np.arctan2(offsets @ self.inferior, offsets @ self.septum), 2 * np.pi)

    def direction(self, angles: Float[np.ndarray, " angles"]) -> Float[np.ndarray, "angles axes"]:
        """Unit vector towards an angle."""
        return np.cos(angles)[:, None] * self.septum + np.sin(angles)[:, None] * self.inferior

    def tangent(self, angles: Float[np.ndarray, " angles"]) -> Float[np.ndarray, "angles axes"]:
        """Unit vector along the circumference, in the order of sectors."""
        return self.direction(angles + np.pi / 2)


def heading_in_picture(septum: Vector = np.array([-1.0, 0.0])) -> Heading:  # noqa: B008 - is not changed
    """Directions in a short-axis picture as it is usually shown: from the apex, anterior above, septum at the left.

    Args:
        septum: From the middle of the cavity to the septum, (columns, rows); default the left of the picture.

    Returns:
        Directions as (columns, rows); rows grow downwards.

    >>> heading_in_picture().inferior
    array([0., 1.])
    """
    septum = _unit(septum)
    return Heading(septum, np.array([septum[1], -septum[0]]) + 0.0)


def heading_in_space(long_axis: Vector, septum: Vector) -> Heading:
    """Directions in the patient.

    Args:
        long_axis: From apex to base, LPS.
        septum: From the axis to the middle of the septum, LPS; what lies along the axis is left out.

    Returns:
        Directions in LPS; anterior is `long_axis × septum`, as in `lv_coordinates`.

    Raises:
        GeometryError: If the septum lies along the long axis, or a direction has no length.
    """
    axis = _unit(long_axis)
    septum = _unit(septum)
    across = septum - (septum @ axis) * axis
    if np.linalg.norm(across) < 0.05:
        raise GeometryError("septum", "a septum beside the long axis", "one along it")
    across = _unit(across)
    return Heading(across, np.cross(across, axis))


def heading_by_insertions(anterior: Vector, inferior: Vector, center: Vector) -> Heading:
    """Directions by the points where the right ventricle meets the left one, in the plane or in space.

    The septum is the lesser arc between them. In space the plane is that of the three points.

    Args:
        anterior: Anterior (upper) insertion point.
        inferior: Inferior (lower) insertion point.
        center: Middle of the cavity.

    Raises:
        GeometryError: If they coincide, or lie on a line with the middle of the cavity.

    >>> h = heading_by_insertions(np.array([-1.0, -1.0]), np.array([-1.0, 1.0]), np.zeros(2))
    >>> h.septum, h.inferior
    (array([-1.,  0.]), array([0., 1.]))
    """
    to_anterior, to_inferior = _unit(anterior - center), _unit(inferior - center)
    septum, along = to_anterior + to_inferior, to_inferior - to_anterior
    if np.linalg.norm(septum) < 0.05 or np.linalg.norm(along) < 0.05:
        rule = "two insertion points apart from each other and beside the middle of the cavity"
        raise GeometryError("insertion points", rule, "points on a line with it")
    return Heading(_unit(septum) + 0.0, _unit(along) + 0.0)


def sector_centers(sectors: int) -> Float[np.ndarray, " sectors"]:
    """Angle of the middle of each sector in radians, 0 to 2π."""
    return 2 * np.pi * (np.arange(sectors) + 0.5) / sectors


def rotational_coordinates(sectors: int) -> Float[np.ndarray, " sectors"]:
    """Rotational coordinate of the middle of each sector, −π to π: 0 at the septum, positive towards anterior.

    >>> np.degrees(rotational_coordinates(4)).round()
    array([ -45., -135.,  135.,   45.])
    """
    return (np.pi - sector_centers(sectors)) % (2 * np.pi) - np.pi


def sector_of(angles: Float[np.ndarray, " points"], sectors: int) -> Int[np.ndarray, " points"]:
    """Sector of each angle in radians."""
    return np.floor(np.mod(angles, 2 * np.pi) * sectors / (2 * np.pi)).astype(np.int64) % sectors


def renumbered(
    values: Float[np.ndarray, "sectors ..."], first: int, *, reverse: bool = False
) -> Float[np.ndarray, "sectors ..."]:
    """Values of a source that counts its sectors from elsewhere, or the other way round.

    Args:
        values: One value or row a sector, as the source counts them.
        first: The source's sector that begins at the middle of the septum: the new sector 0.
        reverse: The source counts from the septum through the anterior wall; then sector `first` is the one that ends
            at the middle of the septum in the source's way, and comes first here too.

    >>> renumbered(np.arange(6), 2), renumbered(np.arange(6), 5, reverse=True)
    (array([2, 3, 4, 5, 0, 1]), array([5, 4, 3, 2, 1, 0]))
    """
    order = first + (-1 if reverse else 1) * np.arange(len(values))
    return np.asarray(values)[order % len(values)]


def _unit(vector: Vector) -> Vector:
    vector = np.asarray(vector, dtype=np.float64)
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        raise GeometryError("direction", "a vector of some length", "none")
    return vector / length
