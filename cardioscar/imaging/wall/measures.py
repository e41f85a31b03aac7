"""Size of an LV wall and of its cavity, from its boundary told apart into endocardium and epicardium."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import ndimage, sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from cardioscar.imaging.tetrahedra import Triangles
from cardioscar.imaging.wall.cross_section import cut_triangles, inside_outlines
from cardioscar.imaging.wall.surfaces import Surface, WallSurfaces
from cardioscar.types import Points

LEVELS = 9
"""Cross-sections in which cavities are counted, between a tenth and nine tenths of the length."""
LEAST_CAVITY_MM2 = 100.0
"""Area from which a hole in a cross-section is a cavity, and not a space between trabeculae."""
LEAST_SHARE = 0.15
"""Its share of the largest hole of the section from which it is one."""

_PIXEL_MM = 1.0
_MOST_NODES = 2000


@dataclass(frozen=True)
class WallMeasures:
    """What the boundary of a wall says about it.

    Attributes:
        cavity_ml: Volume inside the endocardium, closed by flat lids; None where the wall is torn.
        thickness_mm: Median distance from endocardium to epicardium.
        torn: Whether endocardium and epicardium are connected through the wall, see `WallSurfaces`.
    """

    cavity_ml: float | None
    thickness_mm: float
    torn: bool


def measure_wall(nodes_mm: Points, surfaces: WallSurfaces) -> WallMeasures:
    """Measure a wall and its cavity.

    Args:
        nodes_mm: Nodes that the faces refer to.
        surfaces: The boundary, told apart.

    Returns:
        The measures.
    """
    endo = surfaces.faces[surfaces.part == Surface.ENDO]
    inner, outer = surfaces.nodes(Surface.ENDO), surfaces.nodes(Surface.EPI)
    sample = inner[:: max(1, len(inner) // _MOST_NODES)]
    thickness = cKDTree(nodes_mm[outer]).query(nodes_mm[sample])[0]
    return WallMeasures(
        cavity_ml=None if surfaces.torn else closed_volume_ml(nodes_mm, endo),
        thickness_mm=float(np.median(thickness)),
        torn=surfaces.torn,
    )


def closed_volume_ml(nodes_mm: Points, faces: Triangles) -> float:
    """Volume inside a surface in ml, each of its openings closed by a fan of triangles from the middle of its rim.

    >>> corners = 10.0 * np.array([(x, y, z) for z in (0, 1) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))])
    >>> quads = np.array([(0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)])  # a cube without top and bottom
    >>> closed_volume_ml(corners, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]))
    1.0
    """
    edges = faces[:, [(0, 1), (1, 2), (2, 0)]].reshape(-1, 2).astype(np.int64)
    count = int(edges.max()) + 1
    there, back = edges[:, 0] * count + edges[:, 1], edges[:, 1] * count + edges[:, 0]
    rim = edges[~np.isin(there, back)]
    origin = nodes_mm[faces[:, 0]].mean(axis=0)
    triangles = [nodes_mm[faces] - origin]
    if len(rim):
        used, local = np.unique(rim, return_inverse=True)
        local = local.reshape(-1, 2)
        links = sparse.coo_array((np.ones(len(local)), tuple(local.T)), shape=(len(used),) * 2)
        number, loop = connected_components(links, directed=False)
        size = np.bincount(loop, minlength=number)
        middle = np.column_stack([np.bincount(loop, nodes_mm[used, a], number) / size for a in range(3)])
        lid = np.stack([nodes_mm[rim[:, 1]], nodes_mm[rim[:, 0]], middle[loop[local[:, 0]]]], axis=1)
        triangles.append(lid - origin)
    a, b, c = np.concatenate(triangles).transpose(1, 0, 2)
    return abs(float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum())) / 6000


def cavities(nodes_mm: Points, faces: Triangles, direction: Float[np.ndarray, " xyz"]) -> Int[np.ndarray, " levels"]:
    """Number of cavities in cross-sections of a wall: one of a left ventricle, two of both ventricles.

    Args:
        nodes_mm: Nodes that the faces refer to.
        faces: Closed boundary of the wall.
        direction: Unit vector across the sections, along the long axis.

    Returns:
        Number in each of `LEVELS` sections.
    """
    side = np.linalg.svd(direction[None])[2][1:]
    flat, height = nodes_mm @ side.T / _PIXEL_MM, nodes_mm @ direction
    corners = np.unique(faces)
    first = flat[corners].min(axis=0) - 2
    shape = np.ceil(flat[corners].max(axis=0) - first + 3).astype(int)
    points = np.column_stack([flat - first, height])
    low, length = height[corners].min(), np.ptp(height[corners])
    counts = []
    for share in np.linspace(0.1, 0.9, LEVELS):
        wall = inside_outlines(cut_triangles(points, faces, low + share * length), tuple(shape.tolist()))
        outside, number = ndimage.label(~wall)
        area = np.bincount(outside.ravel(), minlength=number + 1) * _PIXEL_MM**2
        area[[0, *np.unique(outside[[0, -1]]), *np.unique(outside[:, [0, -1]])]] = 0
        counts.append((area >= max(LEAST_CAVITY_MM2, LEAST_SHARE * area.max())).sum())
    return np.array(counts)
