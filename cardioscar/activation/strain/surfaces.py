"""A surface of the left ventricle that moves with its nodes ▸ strain of sectors at levels along the long axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.sectors import heading_in_space, sector_of
from cardioscar.errors import GeometryError, InputError

_PARTS = 8
"""A triangle counts in sectors and levels by so many points along each edge."""
_ALONG = 0.95
"""Cosine between a triangle's normal and the long axis from which on it has no circumference: the cap of the apex."""
LEVELS = (0.25, 0.5, 0.75)
"""Middles of three slices, as shares of the length from apex (0) to base (1)."""


@dataclass(frozen=True, eq=False)
class MovingSurface:
    """A triangulated surface of the LV, open at the base, whose nodes are material.

    Attributes:
        nodes_mm: Position of each node in each frame, LPS, shape (frames, nodes, 3).
        triangles: Nodes of each triangle, shape (triangles, 3).
        frame_ms: Time of each frame in ms.
        source: Name of the files, for messages.
    """

    nodes_mm: Float[np.ndarray, "frames nodes 3"]
    triangles: Int[np.ndarray, "triangles 3"]
    frame_ms: Float[np.ndarray, " frames"]
    source: str = "surface"


def surface_strain(
    surface: MovingSurface,
    septum: Float[np.ndarray, " xyz"],
    *,
    levels: tuple[float, ...] = LEVELS,
    reference_frame: int = 0,
    sectors: int = SECTORS,
) -> list[StrainSlice]:
    """Strain of a surface along its circumference and along its length.

    Each triangle has one gradient of deformation. Its circumference runs around the long axis of the reference, in its
    own plane; its length at right angles, towards the base. What a sector shows is the mean over its area.

    Args:
        surface: Nodes of all frames.
        septum: Direction from the axis to the middle of the septum, LPS.
        levels: Middles of the slices as shares of the length from apex to base; each slice reaches half way to its
            neighbours, the outer ones as far to their other side.
        reference_frame: Frame of end-diastole.
        sectors: How many.

    Returns:
        One slice for each level, from apex to base, `location_mm` from the apex.

    Raises:
        InputError: If levels or the reference frame are none.
        GeometryError: If the surface is not open at the base, or a sector holds nothing of it.
    """
    frames = len(surface.nodes_mm)
    if not 0 <= reference_frame < frames:
        raise InputError(surface.source, f"a reference frame of 0 to {frames - 1}", f"{reference_frame}")
    if not levels or list(levels) != sorted(set(levels)) or not 0 < levels[0] <= levels[-1] < 1:
        raise InputError("levels", "shares of the length between 0 and 1, growing", str(levels))
    reference = surface.nodes_mm[reference_frame]
    axis = long_axis(surface, reference_frame)
    heading = heading_in_space(axis.direction, septum)
    corners = reference[surface.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1) / 2
    normals = normals / np.maximum(2 * areas, 1e-12)[:, None]
    around = np.cross(axis.direction, normals)
    usable = (areas > 1e-9) & (np.abs(normals @ axis.direction) < _ALONG)
    around[usable] /= np.linalg.norm(around[usable], axis=1, keepdims=True)
    directions = np.stack([around, np.cross(normals, around)], axis=1)
    strain = _triangle_strain(surface, corners, directions, usable)

    points, weights, owner = _points(corners[usable], areas[usable])
    offsets = points - axis.apex_mm
    height = offsets @ axis.direction / axis.length_mm
    from_axis = offsets - (offsets @ axis.direction)[:, None] * axis.direction
    sector = sector_of(heading.angles(from_axis), sectors)
    slices = []
    for level, (low, high) in zip(levels, _bounds(levels), strict=True):
        inside = (height >= low) & (height < high)
        share = np.bincount(sector[inside], weights[inside], sectors)
        if not share.all():
            rule = f"a surface around the whole circumference, {sectors} sectors"
            raise GeometryError(surface.source, rule, f"{int((share == 0).sum())} without any of it at level {level:g}")
        means = np.zeros((2, sectors, frames))
        for kind in range(2):
            np.add.at(means[kind], sector[inside], strain[kind, owner[inside]] * weights[inside][:, None])
        means /= share[:, None]
        place = level * axis.length_mm
        slices.append(
            StrainSlice(means[0], surface.frame_ms, longitudinal=means[1], location_mm=place, source=surface.source)
        )
    return slices


@dataclass(frozen=True, eq=False)
class SurfaceAxis:
    """Long axis of an open surface.

    Attributes:
        apex_mm: Foot of the apex on the axis.
        direction: From apex to base, unit vector.
        length_mm: From the apex to the middle of the opening.
    """

    apex_mm: Float[np.ndarray, " xyz"]
    direction: Float[np.ndarray, " xyz"]
    length_mm: float


def long_axis(surface: MovingSurface, frame: int = 0) -> SurfaceAxis:
    """The long axis: from the node that is furthest from the opening to the middle of the opening.

    Args:
        surface: Open at the base; where it has several openings (two valves), their edges are taken together.
        frame: At which frame.

    Raises:
        GeometryError: If it is closed.
    """
    nodes = surface.nodes_mm[frame]
    edges = np.sort(surface.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, counts = np.unique(edges, axis=0, return_counts=True)
    rim = edges[counts == 1]
    if not len(rim):
        raise GeometryError(surface.source, "a surface that is open at the base", "a closed one")
    ends = nodes[rim]
    lengths = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    base = (ends.mean(axis=1) * lengths[:, None]).sum(axis=0) / lengths.sum()
    used = np.unique(surface.triangles)
    apex = nodes[used][np.linalg.norm(nodes[used] - base, axis=1).argmax()]
    direction = base - apex
    return SurfaceAxis(apex, direction / np.linalg.norm(direction), float(np.linalg.norm(direction)))


def _triangle_strain(
    surface: MovingSurface, corners: np.ndarray, directions: np.ndarray, usable: np.ndarray
) -> Float[np.ndarray, "2 triangles frames"]:
    """Strain of the usable triangles along their two directions."""
    edges = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=-1)[usable]
    # a direction as a combination of two edges moves as the same combination of the moved edges
    shares = np.linalg.pinv(edges) @ np.swapaxes(directions[usable], 1, 2)
    strain = np.empty((2, int(usable.sum()), len(surface.nodes_mm)))
    for frame, nodes in enumerate(surface.nodes_mm):
        moved = nodes[surface.triangles[usable]]
        moved_edges = np.stack([moved[:, 1] - moved[:, 0], moved[:, 2] - moved[:, 0]], axis=-1)
        strain[..., frame] = ((np.linalg.norm(moved_edges @ shares, axis=1) ** 2 - 1) / 2).T
    return strain


def _points(corners: np.ndarray, areas: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middles of the small triangles that each triangle is cut into, the area of each, and of which triangle it is."""
    shares = []
    for i in range(_PARTS):
        for j in range(_PARTS - i):
            shares.append((i + 1 / 3, j + 1 / 3))
            if i + j < _PARTS - 1:
                shares.append((i + 2 / 3, j + 2 / 3))
    a, b = np.array(shares).T / _PARTS
    weights = np.column_stack([1 - a - b, a, b])
    points = np.einsum("pk,tkx->tpx", weights, corners).reshape(-1, 3)
    return points, np.repeat(areas / len(weights), len(weights)), np.repeat(np.arange(len(corners)), len(weights))


def _bounds(levels: tuple[float, ...]) -> list[tuple[float, float]]:
    if len(levels) == 1:
        return [(max(levels[0] - 0.125, 0.0), min(levels[0] + 0.125, 1.0))]
    edges = (np.array(levels[1:]) + np.array(levels[:-1])) / 2
    low, high = 2 * levels[0] - edges[0], 2 * levels[-1] - edges[-1]
    edges = np.concatenate([[max(low, 0.0)], edges, [min(high, 1.0)]])
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
