"""The boundary of an LV wall told apart by its shape: endocardium, epicardium, base, apical cut, and the long
axis.

Nothing but geometry is used, so that any volumetric mesh of a left ventricle will do: with a closed apex or
one that was cut off, with a flat or a sloped base.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from cardioscar.errors import GeometryError
from cardioscar.imaging.tetrahedra import Tetrahedra, Triangles, boundary_faces
from cardioscar.types import Points

log = logging.getLogger(__name__)

LEVELS = 24
SECTORS = 24
# Base and apical cut: faces within this angle (cosine) of the direction of the opening.
CUT_COSINE = 0.7
# Faces that lie in one plane, as far as a rough surface shows it, and the share of the area that makes it a plane.
SAME_COSINE, PLANE_SHARE = 0.99, 0.15
# The rim of the base is rounded where the mesh is coarse: so many rings of faces may look further aside.
BASAL_RIM, RIM_COSINE = 2, 0.6
# How near to the end of the LV a cut must reach, as a share of its length.
END = 0.15
# How deep a cut may go, as a share of the length: the base may slope; near the apex the epicardium looks the same way.
BASAL_DEPTH, APICAL_DEPTH = 0.5, 0.12


class Surface(IntEnum):
    """Parts of the boundary of an LV wall."""

    ENDO = 0
    EPI = 1
    BASE = 2
    APICAL_CUT = 3


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


@dataclass(frozen=True)
class WallSurfaces:
    """Boundary faces of an LV wall, each with its part.

    Attributes:
        faces: Outward triangles.
        part: `Surface` of each face.
        axis: The long axis.
    """

    faces: Triangles
    part: Int[np.ndarray, " faces"]
    axis: LongAxis

    def nodes(self, part: Surface) -> Int[np.ndarray, " some"]:
        """Nodes of one part."""
        return np.unique(self.faces[self.part == part])


def wall_surfaces(
    nodes_mm: Points, cells: Tetrahedra, *, apex_to_base: np.ndarray | None = None, source: str = "mesh"
) -> WallSurfaces:
    """Tell endocardium, epicardium, base and apical cut apart.

    The base is where the boundary faces out of the LV along the axis at its basal end (and the apical cut
    likewise at the other end, if the axis leaves the cavity there). It parts the rest of the boundary in two
    or more connected pieces, each endocardium or epicardium by the side on which most of its area faces the
    centre line of the cavity.

    Args:
        nodes_mm: Node positions.
        cells: Tetrahedra of positive volume, one connected piece.
        apex_to_base: Direction of the long axis; default is found from the shape.
        source: File name, for messages.

    Returns:
        Faces, their parts, and the axis.

    Raises:
        GeometryError: If there is no cavity that is open at the base.
    """
    faces = boundary_faces(cells)
    corners = nodes_mm[faces]
    area_vectors = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    area = np.maximum(np.linalg.norm(area_vectors, axis=1), 1e-12)
    normals, centers = area_vectors / area[:, None], corners.mean(axis=1)
    axis = find_long_axis(centers, normals, area, apex_to_base=apex_to_base, source=source)

    neighbours = _face_graph(faces)
    part = np.full(len(faces), -1)
    part[_cut(normals, centers, area, axis.direction, BASAL_DEPTH, BASAL_RIM, neighbours)] = Surface.BASE
    if not axis.closed_apex:
        cut = _cut(normals, centers, area, -axis.direction, APICAL_DEPTH, 0, neighbours)
        part[cut & (part < 0)] = Surface.APICAL_CUT
    if not (part == Surface.BASE).any():
        raise GeometryError(source, "an LV wall with a base", "no boundary that faces out of the basal end")

    inward = np.einsum("ij,ij->i", normals, _to_cavity(centers, axis)) * area
    rest = np.flatnonzero(part < 0)
    count, piece = connected_components(neighbours[rest][:, rest], directed=False)
    votes = np.bincount(piece, weights=inward[rest], minlength=count)
    part[rest] = np.where(votes[piece] > 0, Surface.ENDO, Surface.EPI)
    areas = np.bincount(part, weights=area, minlength=4)
    if min(areas[Surface.ENDO], areas[Surface.EPI]) < 0.05 * area[rest].sum():
        # The base does not part endocardium from epicardium (a hole in the wall, a rounded rim): face by face
        # instead.
        log.warning("%s: endocardium and epicardium are connected, told apart by the direction of each face", source)
        part[rest] = np.where(inward[rest] > 0, Surface.ENDO, Surface.EPI)
        areas = np.bincount(part, weights=area, minlength=4)
    if min(areas[Surface.ENDO], areas[Surface.EPI]) == 0:
        raise GeometryError(source, "an LV wall with endocardium and epicardium", "only one of them")
    return WallSurfaces(faces, part, axis)


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


def _to_cavity(points: Points, axis: LongAxis) -> Points:
    """Unit vectors from points to the centre line, whose apical end lies a radius inside the cavity."""
    height = points @ axis.direction
    first = axis.height_mm[0]
    if axis.closed_apex:
        first = first + 0.25 * (axis.height_mm[-1] - first)
    level = np.clip(height, first, axis.height_mm[-1])
    target = np.column_stack([np.interp(level, axis.height_mm, axis.center_mm[:, a]) for a in range(3)])
    toward = target - points
    return toward / np.maximum(np.linalg.norm(toward, axis=1, keepdims=True), 1e-12)


def _cut(
    normals: Points,
    centers: Points,
    area: np.ndarray,
    outward: np.ndarray,
    depth: float,
    rim: int,
    neighbours: sparse.csr_array,
) -> Bool[np.ndarray, " faces"]:
    """Faces of the cut through the wall at one end: a connected part that looks out of it, tilted as it is."""
    chosen = np.zeros(len(area), dtype=bool)
    for _ in range(3):
        height = centers @ outward
        margin = 0.02 * np.ptp(height)
        eligible = height > height.max() - depth * np.ptp(height)
        facing = np.flatnonzero((normals @ outward > CUT_COSINE) & eligible)
        if not len(facing):
            return chosen
        count, piece = connected_components(neighbours[facing][:, facing], directed=False)
        size = np.bincount(piece, weights=area[facing], minlength=count)
        top, bottom = np.full(count, -np.inf), np.full(count, np.inf)
        np.maximum.at(top, piece, height[facing])
        np.minimum.at(bottom, piece, height[facing])
        largest = np.where(top >= height.max() - END * np.ptp(height), size, 0.0).argmax()
        # A notch may divide the cut: parts level with the largest belong to it, shelves further in do not.
        level = (bottom >= bottom[largest] - margin) & (top <= top[largest] + margin)
        chosen = np.zeros(len(area), dtype=bool)
        chosen[facing[(level & (size >= 0.1 * size[largest]))[piece]]] = True
        outward = _common_direction(normals[chosen], area[chosen])
    for _ in range(rim):
        chosen |= (neighbours @ chosen.astype(float) > 0) & (normals @ outward > RIM_COSINE) & eligible
    return chosen


def _common_direction(normals: Points, area: np.ndarray) -> Float[np.ndarray, " xyz"]:
    """Mean normal; if there is a plane among the faces, it outweighs the round wall beside it."""
    sample = np.linspace(0, len(normals) - 1, min(500, len(normals))).astype(int)
    shared = ((normals @ normals[sample].T > SAME_COSINE) * area[sample]).sum(axis=1)
    plane = shared.max() > PLANE_SHARE * area[sample].sum()
    mean = (normals * (area * (shared**2 if plane else 1))[:, None]).sum(axis=0)
    return mean / np.linalg.norm(mean)


def _face_graph(faces: Triangles) -> sparse.csr_array:
    """Faces that share an edge."""
    edges = np.sort(faces[:, [(0, 1), (1, 2), (2, 0)]].reshape(-1, 2), axis=1).astype(np.int64)
    _, edge = np.unique(edges[:, 0] * (int(faces.max()) + 1) + edges[:, 1], return_inverse=True)
    face = np.repeat(np.arange(len(faces)), 3)
    incidence = sparse.csr_array((np.ones(len(edge)), (face, edge.ravel())))
    return (incidence @ incidence.T).tocsr()
