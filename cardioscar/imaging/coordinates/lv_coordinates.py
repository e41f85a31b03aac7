"""Coordinates of the left ventricle: apicobasal, transmural, rotational."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.spatial import cKDTree

from cardioscar.errors import GeometryError
from cardioscar.imaging.coordinates.laplace import solve_laplace, stiffness
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.tetrahedra import Tetrahedra, Triangles
from cardioscar.imaging.wall.measures import WallMeasures, measure_wall
from cardioscar.imaging.wall.surfaces import Surface, WallSurfaces, wall_surfaces
from cardioscar.types import NodeMask, NodeValues, Points

log = logging.getLogger(__name__)

RIGHT_ANTERIOR = np.array([-1.0, -1.0, 0.0]) / np.sqrt(2)
"""Where the right ventricle, and so the septum, lies as seen from the LV of most patients (LPS)."""

# Height of the apical patch where the apicobasal coordinate is 0, as a share of the LV's length.
APICAL_PATCH = 0.02


@dataclass(frozen=True)
class LVCoordinates:
    """Where in the LV wall each node lies.

    Attributes:
        apicobasal: 0 at the apex (or the apical cut) to 1 at the base, shape (nodes,).
        transmural: 0 at the endocardium to 1 at the epicardium, shape (nodes,).
        rotational: Angle about the long axis in radians, −π to π, shape (nodes,): 0 at the middle of the
            septum, positive towards the anterior wall.
        long_axis: Unit vector from apex to base, LPS.
        septum_direction: Unit vector from the axis to the middle of the septum, perpendicular to the axis,
            LPS.
        orientation: "given" where the caller gave the direction of the septum, "scanner axes" where it was
            assumed to be `RIGHT_ANTERIOR` of the patient.
        cavity_apex: Apicobasal coordinate at which the cavity ends; 0 where the apex is cut off.
        apex_closed: Whether wall closes the apex.
        measures: What endocardium and epicardium say about the wall and its cavity.
    """

    apicobasal: NodeValues
    transmural: NodeValues
    rotational: NodeValues
    long_axis: Float[np.ndarray, " xyz"]
    septum_direction: Float[np.ndarray, " xyz"]
    orientation: Literal["given", "scanner axes"]
    cavity_apex: float
    apex_closed: bool
    measures: WallMeasures | None = None

    def stored(self) -> dict[str, np.ndarray]:
        """The three coordinates as float32, within their ranges: float32 rounds π up, and an angle ends at π."""
        pi = np.nextafter(np.float32(np.pi), np.float32(0))
        return {
            "apicobasal": np.clip(self.apicobasal.astype(np.float32), 0, 1),
            "transmural": np.clip(self.transmural.astype(np.float32), 0, 1),
            "rotational": np.clip(self.rotational.astype(np.float32), -pi, pi),
        }


def lv_coordinates(
    mesh: LVMesh, *, septum_direction: np.ndarray | None = None, apex_to_base: np.ndarray | None = None
) -> LVCoordinates:
    r"""Give each node of an LV mesh its apicobasal, transmural and rotational coordinate.

    The transmural coordinate $t$ solves $\Delta t = 0$ with 0 at the endocardium, 1 at the epicardium and no
    flux through base and apical cut. The apicobasal one solves $\Delta u = 0$ with 0 at the apex (the outer
    apical patch, or the apical cut) and 1 at the base, and is then rescaled so that it grows in proportion to
    the mean height of its level sets along the long axis. The rotational one is the angle about the centre
    line of the cavity (Bayer et al., Med Image Anal 2018;45:83, for coordinates by Laplace solves).

    Anterior is `long_axis × septum_direction`, as in a heart whose right ventricle lies at the right of the
    patient.

    Args:
        mesh: Any LV wall mesh whose cavity is open at the base; its apex may be closed or cut off. If it is
            in several pieces, only the largest is solved for, and nodes of the others (and of no volumetric
            cell) take the values of the nearest node of it.
        septum_direction: Direction from the axis to the middle of the septum (LPS); default `RIGHT_ANTERIOR`.
        apex_to_base: Direction of the long axis (LPS); default is found from the shape.

    Returns:
        Coordinates, finite at each node.

    Raises:
        GeometryError: If the mesh is no LV wall, or the septum lies along the long axis.
    """
    nodes = mesh.nodes_mm
    cells, volumes, faces = _largest_piece(mesh)
    is_used = np.zeros(len(nodes), dtype=bool)
    is_used[cells] = True
    used = np.flatnonzero(is_used)
    local = np.empty(len(nodes), dtype=np.int32)  # half the memory of a large mesh's cells
    local[used] = np.arange(len(used))
    nodes_used, cells, faces = nodes[used], local[cells], local[faces]

    surfaces = wall_surfaces(nodes_used, cells, faces=faces, apex_to_base=apex_to_base, source=mesh.source)
    axis = surfaces.axis
    orientation: Literal["given", "scanner axes"] = "scanner axes" if septum_direction is None else "given"
    septum = _septum(
        RIGHT_ANTERIOR if septum_direction is None else septum_direction,
        axis.direction,
        orientation,
        mesh.source,
    )

    matrix = stiffness(nodes_used, cells)
    transmural = _transmural(matrix, nodes_used, surfaces)
    apicobasal = _apicobasal(matrix, nodes_used, cells, volumes, surfaces)
    radial = axis.radial(nodes_used)
    anterior = np.cross(axis.direction, septum)
    rotational = np.arctan2(radial @ anterior, radial @ septum)

    spread = local if len(used) == len(nodes) else cKDTree(nodes_used).query(nodes)[1]
    return LVCoordinates(
        apicobasal=apicobasal[spread],
        transmural=transmural[spread],
        rotational=rotational[spread],
        long_axis=axis.direction,
        septum_direction=septum,
        orientation=orientation,
        cavity_apex=float(apicobasal[surfaces.nodes(Surface.ENDO)].min()) if axis.closed_apex else 0.0,
        apex_closed=axis.closed_apex,
        measures=measure_wall(nodes_used, surfaces),
    )


def _largest_piece(mesh: LVMesh) -> tuple[Tetrahedra, np.ndarray, Triangles]:
    """Tetrahedra, their volumes and the boundary of the connected part of the mesh that has the greatest volume."""
    cells, volumes, faces = mesh.tetrahedra, mesh.tetrahedron_volumes_mm3, mesh.boundary
    label = mesh.part[cells[:, 0]]
    if not (label != label[:1]).any():
        return cells, volumes, faces
    volume = np.bincount(label, weights=volumes)
    pieces, kept = len(np.unique(label)), volume.max() / volume.sum()
    log.warning("%s: %d pieces; coordinates from the largest (%.1f %% of volume)", mesh.source, pieces, 100 * kept)
    largest = volume.argmax()
    kept = label == largest
    return cells[kept], volumes[kept], faces[mesh.part[faces[:, 0]] == largest]


def _septum(direction: np.ndarray, long_axis: np.ndarray, orientation: str, source: str) -> np.ndarray:
    septum = np.asarray(direction, dtype=float)
    if septum.shape != (3,) or not np.isfinite(septum).all() or np.linalg.norm(septum) == 0:
        raise GeometryError(source, "a direction of the septum", str(direction))
    septum = septum / np.linalg.norm(septum)
    across = septum - (septum @ long_axis) * long_axis
    if np.linalg.norm(across) < 0.05:
        rule = "a septum beside the long axis"
        raise GeometryError(source, rule, f"one along it, {orientation} (give its direction)")
    return across / np.linalg.norm(across)


def _transmural(matrix: sparse.csr_array, nodes_mm: Points, surfaces: WallSurfaces) -> NodeValues:
    fixed, values = np.zeros(len(nodes_mm), dtype=bool), np.full(len(nodes_mm), 0.5)
    # Nodes on the rim belong to both sides of it: endocardium first, so that it is whole.
    for part, value in ((Surface.EPI, 1.0), (Surface.ENDO, 0.0)):
        where = surfaces.nodes(part)
        fixed[where], values[where] = True, value
    return solve_laplace(matrix, nodes_mm, fixed, values, start=values)


def _apicobasal(
    matrix: sparse.csr_array, nodes_mm: Points, cells: Tetrahedra, volumes_mm3: np.ndarray, surfaces: WallSurfaces
) -> NodeValues:
    height = nodes_mm @ surfaces.axis.direction
    low, length = height.min(), np.ptp(height)
    if surfaces.axis.closed_apex:
        epi = surfaces.nodes(Surface.EPI)
        apex = epi[height[epi] <= height[epi].min() + APICAL_PATCH * length]
    else:
        apex = surfaces.nodes(Surface.APICAL_CUT)
    fixed: NodeMask = np.zeros(len(nodes_mm), dtype=bool)
    values = np.zeros(len(nodes_mm))
    base = surfaces.nodes(Surface.BASE)
    fixed[apex] = fixed[base] = True
    values[base] = 1.0
    solved = solve_laplace(matrix, nodes_mm, fixed, values, start=np.where(fixed, values, (height - low) / length))

    # Mean height of the wall between neighbouring levels, made monotone, from the apex (0) to the base (1).
    share = np.bincount(cells.ravel(), np.repeat(volumes_mm3 / 4, 4), len(nodes_mm))
    order = np.argsort(solved, kind="stable")
    order = order[~fixed[order]]
    bins = np.array_split(order, min(100, max(1, len(order) // 50)))
    level = [0.0, *(float(np.average(solved[b], weights=share[b] + 1e-12)) for b in bins), 1.0]
    mean = [
        height[apex].mean(),
        *(float(np.average(height[b], weights=share[b] + 1e-12)) for b in bins),
        height[base].mean(),
    ]
    rising = np.maximum.accumulate(np.array(mean))
    rising = (rising - rising[0]) / (rising[-1] - rising[0])
    # interpolation may round past its own ends
    return np.clip(np.interp(solved, np.maximum.accumulate(np.array(level)), np.clip(rising, 0, 1)), 0, 1)
