"""The axis about which an LV wall surrounds its cavity, found from the boundary of the wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from cardioscar.errors import GeometryError
from cardioscar.imaging.tetrahedra import Triangles
from cardioscar.types import Points

LEVELS = 24
SECTORS = 24


@dataclass(frozen=True)
class LongAxis:
    """Straight long axis of the LV, and the centre of the cavity along it.

    Attributes:
        direction: Unit vector from apex to base.
        height_mm: Positions along the axis (dot product with `direction`) at which the centre is known,
            ascending.
        center_mm: Centre of the cavity at these heights, LPS.
        closed_apex: Whether wall closes the cavity at the apical end.
    """

    direction: Float[np.ndarray, " xyz"]
    height_mm: Float[np.ndarray, " levels"]
    center_mm: Float[np.ndarray, "levels 3"]
    closed_apex: bool

    def radial(self, points_mm: Points) -> Points:
        """Vectors from the centre of the cavity at the same height to the points, perpendicular to the axis."""
        height = points_mm @ self.direction
        center = np.column_stack([np.interp(height, self.height_mm, self.center_mm[:, a]) for a in range(3)])
        offset = points_mm - center
        return offset - np.outer(offset @ self.direction, self.direction)


def find_long_axis(
    centers_mm: Points,
    normals: Points,
    area_mm2: Float[np.ndarray, " faces"],
    *,
    apex_to_base: np.ndarray | None = None,
    source: str = "mesh",
) -> LongAxis:
    """Find the axis about which the wall surrounds its cavity.

    Of the principal axes of the boundary and of its normals the one along which most cross-sections are closed rings is
    taken, and turned onto the line through the centres of the rings. The apex is the end where the ring is
    filled, or else the narrower one.

    Args:
        centers_mm: Centres of the boundary faces.
        normals: Outward unit normals.
        area_mm2: Areas of the faces.
        apex_to_base: Direction of the axis, where it is known.
        source: File name, for messages.

    Returns:
        The axis with the centre line of the cavity.

    Raises:
        GeometryError: If no axis has rings about it.
    """
    if apex_to_base is not None:
        direction = np.asarray(apex_to_base, dtype=float)
        if direction.shape != (3,) or not np.isfinite(direction).all() or np.linalg.norm(direction) == 0:
            raise GeometryError(source, "a direction apex_to_base", str(apex_to_base))
        direction = direction / np.linalg.norm(direction)
        rings = _Rings.about(direction, centers_mm, normals)
    else:
        # Principal axes of the boundary, and of its normals: those of the sides are across the long axis.
        spread = np.cov(centers_mm.T, aweights=area_mm2)
        facing = (normals * area_mm2[:, None]).T @ normals
        directions = np.concatenate([np.linalg.eigh(m)[1].T for m in (spread, facing)])

        def merit(rings: _Rings) -> float:
            # Much closed, and little of the boundary across the axis.
            across = np.average(np.abs(normals @ rings.direction), weights=area_mm2)
            return float(rings.closed.mean() - across)

        rings = max((_Rings.about(v, centers_mm, normals) for v in directions), key=merit)
        for _ in range(3):
            if rings.closed.sum() < 6:
                break  # A short stack has no centre line worth following.
            centers = rings.center[rings.closed]
            line = np.linalg.svd(centers - centers.mean(axis=0))[2][0]
            line = line * np.sign(line @ rings.direction)
            turned = _Rings.about(line, centers_mm, normals)
            if line @ rings.direction < 0.8 or merit(turned) < merit(rings) - 0.03:
                break
            rings = turned
    if rings.closed.sum() < 3:
        raise GeometryError(source, "a wall around a cavity", f"{int(rings.closed.sum())} closed rings of {LEVELS}")
    if apex_to_base is None and rings.apex_is_up():
        rings = rings.reversed()
    known = rings.closed
    return LongAxis(rings.direction, rings.height[known], rings.center[known], rings.filled_below())


def axis_direction(nodes_mm: Points, faces: Triangles) -> Float[np.ndarray, " xyz"]:
    """Direction of the long axis, or that of the greatest extent of a boundary that has no rings about any."""
    corners = nodes_mm[faces]
    vectors = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    area = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
    centers = corners.mean(axis=1)
    try:
        return find_long_axis(centers, vectors / area[:, None], area).direction
    except GeometryError:
        return np.asarray(np.linalg.eigh(np.cov(centers.T, aweights=area))[1][:, -1])


@dataclass(frozen=True)
class _Rings:
    """Cross-sections of the boundary in slabs across a direction, ascending."""

    direction: np.ndarray
    height: np.ndarray
    center: np.ndarray
    outer_radius: np.ndarray
    closed: Bool[np.ndarray, " levels"]
    filled_ends: tuple[bool, bool]

    @classmethod
    def about(cls, direction: np.ndarray, points: Points, normals: Points) -> _Rings:
        height = points @ direction
        edges = np.linspace(height.min(), height.max(), LEVELS + 1)
        slab = np.clip(np.searchsorted(edges, height, side="right") - 1, 0, LEVELS - 1)
        side = np.linalg.svd(direction[None])[2][1:]
        flat = points @ side.T
        normal = normals @ side.T
        center, outer = np.zeros((LEVELS, 2)), np.zeros(LEVELS)
        closed = np.zeros(LEVELS, dtype=bool)
        for level in range(LEVELS):
            here = slab == level
            if here.sum() < 2 * SECTORS:
                continue
            center[level], outer[level], closed[level] = _ring(flat[here], normal[here])
        filled = (False, False)
        if closed.any():
            levels = np.flatnonzero(closed)
            lower, upper = levels[: max(1, len(levels) // 4)], levels[-max(1, len(levels) // 4) :]
            filled = (
                _blocked(flat, height, center[lower[0]], outer[lower[0]], height < edges[lower[-1] + 1]),
                _blocked(flat, height, center[upper[-1]], outer[upper[-1]], height > edges[upper[0]]),
            )
        middle = (edges[1:] + edges[:-1]) / 2
        return cls(direction, middle, center @ side + np.outer(middle, direction), outer, closed, filled)

    def apex_is_up(self) -> bool:
        below, above = self.filled_ends
        if below != above:
            return above
        levels = np.flatnonzero(self.closed)
        third = max(1, len(levels) // 3)
        return bool(self.outer_radius[levels[:third]].mean() > self.outer_radius[levels[-third:]].mean())

    def filled_below(self) -> bool:
        return self.filled_ends[0]

    def reversed(self) -> _Rings:
        return _Rings(
            -self.direction,
            -self.height[::-1],
            self.center[::-1],
            self.outer_radius[::-1],
            self.closed[::-1],
            (self.filled_ends[1], self.filled_ends[0]),
        )


def _ring(points: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, float, bool]:
    """Centre of the cavity in a cross-section, outer radius, and whether the wall goes all the way round it."""
    center = points.mean(axis=0)
    for _ in range(8):
        offset = points - center
        radius = np.hypot(*offset.T)
        sector = ((np.arctan2(offset[:, 1], offset[:, 0]) / (2 * np.pi) + 0.5) * SECTORS).astype(int) % SECTORS
        inner = np.full(SECTORS, np.inf)
        inside = np.einsum("ij,ij->i", normals, offset) < 0
        np.minimum.at(inner, sector[inside], radius[inside])
        known = np.isfinite(inner)
        if known.sum() < 0.8 * SECTORS:
            return center, float(radius.max()), False
        angle = (np.arange(SECTORS) + 0.5) / SECTORS * 2 * np.pi - np.pi
        # First harmonic of the inner radius: how far the centre is off.
        step = 2 * np.mean(
            np.where(known, inner, inner[known].mean())[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]),
            axis=0,
        )
        center = center + step
        if np.hypot(*step) < 1e-3 * radius.max():
            break
    radius = np.hypot(*(points - center).T)
    return center, float(np.percentile(radius, 95)), bool(known.all() or known.sum() >= SECTORS - 1)


def _blocked(flat: np.ndarray, height: np.ndarray, center: np.ndarray, radius: float, beyond: np.ndarray) -> bool:
    """Whether the boundary crosses the axis at an end of the LV."""
    offset = flat[beyond] - center
    distance = np.hypot(*offset.T)
    return bool((distance < 0.25 * radius).any())
