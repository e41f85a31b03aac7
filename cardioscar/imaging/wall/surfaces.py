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
from cardioscar.imaging.wall.long_axis import LongAxis, find_long_axis
from cardioscar.types import Points

log = logging.getLogger(__name__)

# Base and apical cut: faces within this angle (cosine) of the direction of the opening.
CUT_COSINE = 0.7
# Faces that lie in one plane, as far as a rough surface shows it, and the share of the area that makes it a plane.
SAME_COSINE, PLANE_SHARE = 0.99, 0.15
# The rim of the base is rounded where the mesh is coarse: so many rings of faces may look further aside.
BASAL_RIM, RIM_COSINE = 2, 0.6
# How near to an end of the LV, as a share of its length, endocardium and epicardium may meet at its rim.
RIM_SHARE = 0.1
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
class WallSurfaces:
    """Boundary faces of an LV wall, each with its part.

    Attributes:
        faces: Outward triangles.
        part: `Surface` of each face.
        axis: The long axis.
        torn: Whether endocardium and epicardium are connected elsewhere than at a rim of the wall, so that the
            direction of each face told them apart.
    """

    faces: Triangles
    part: Int[np.ndarray, " faces"]
    axis: LongAxis
    torn: bool = False

    def nodes(self, part: Surface) -> Int[np.ndarray, " some"]:
        """Nodes of one part."""
        return np.unique(self.faces[self.part == part])


def wall_surfaces(
    nodes_mm: Points,
    cells: Tetrahedra,
    *,
    faces: Triangles | None = None,
    apex_to_base: np.ndarray | None = None,
    source: str = "mesh",
) -> WallSurfaces:
    """Tell endocardium, epicardium, base and apical cut apart.

    The base is where the boundary faces out of the LV along the axis at its basal end (and the apical cut
    likewise at the other end, if the axis leaves the cavity there). It parts the rest of the boundary in two
    or more connected pieces, each endocardium or epicardium by the side on which most of its area faces the
    centre line of the cavity.

    Args:
        nodes_mm: Node positions.
        cells: Tetrahedra of positive volume, one connected piece.
        faces: Their boundary, where it is known already, see `boundary_faces`.
        apex_to_base: Direction of the long axis; default is found from the shape.
        source: File name, for messages.

    Returns:
        Faces, their parts, and the axis.

    Raises:
        GeometryError: If there is no cavity that is open at the base.
    """
    faces = boundary_faces(cells) if faces is None else faces
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
    areas, torn = np.bincount(part, weights=area, minlength=4), False
    if min(areas[Surface.ENDO], areas[Surface.EPI]) < 0.05 * area[rest].sum():
        # The base does not part endocardium from epicardium (a hole in the wall, a rounded rim): face by face
        # instead.
        part[rest] = np.where(inward[rest] > 0, Surface.ENDO, Surface.EPI)
        areas = np.bincount(part, weights=area, minlength=4)
        torn = _torn(nodes_mm, faces, part, centers, axis, neighbours, source)
    if min(areas[Surface.ENDO], areas[Surface.EPI]) == 0:
        raise GeometryError(source, "an LV wall with endocardium and epicardium", "only one of them")
    return WallSurfaces(faces, part, axis, torn)


def _torn(
    nodes_mm: Points,
    faces: Triangles,
    part: Int[np.ndarray, " faces"],
    centers: Float[np.ndarray, "faces 3"],
    axis: LongAxis,
    neighbours: sparse.csr_array,
    source: str,
) -> bool:
    """Whether endocardium meets epicardium elsewhere than at the ends of the wall; says over which length."""
    pairs = neighbours.tocoo()
    met = (part[pairs.row] == Surface.ENDO) & (part[pairs.col] == Surface.EPI)
    one, other = pairs.row[met], pairs.col[met]
    shared = (faces[one][:, :, None] == faces[other][:, None, :]).any(axis=2)
    ends = faces[one][shared].reshape(-1, 2) if (shared.sum(axis=1) == 2).all() else np.empty((0, 2), dtype=np.int64)
    length_mm = float(np.linalg.norm(nodes_mm[ends[:, 0]] - nodes_mm[ends[:, 1]], axis=1).sum())
    height = centers @ axis.direction
    share = (height[one] - height.min()) / np.ptp(height)
    at_rim = (share > 1 - RIM_SHARE) | ((share < RIM_SHARE) & (not axis.closed_apex))
    if at_rim.all():
        log.info("%s: endocardium and epicardium meet at the rim, told apart by the direction of each face", source)
        return False
    log.warning(
        "%s: endocardium and epicardium are connected (they meet over %.0f mm, at %.0f to %.0f %% of the height: a "
        "hole in the wall?) and told apart by the direction of each face: depth and AHA segments are less sure",
        source, length_mm, 100 * share.min(), 100 * share.max(),
    )  # fmt: skip
    return True


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
    centers: Float[np.ndarray, "faces 3"],
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
