"""Volumetric LV meshes from label volumes and from closed surfaces.

Labels become a signed distance, and isosurface stuffing fills that with tetrahedra. fTetWild, the mesher used for
surfaces, is not used for labels: it takes minutes where stuffing takes a second (122 ml at 1.5 mm), and its result
differs from run to run (github.com/wildmeshing/fTetWild issue 72), so that a subject that is run again would get
another mesh.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.meshing.stuffing import lattice_step_mm, stuff_isosurface
from cardioscar.imaging.meshing.tetwild import fill_surface
from cardioscar.imaging.meshing.wall_shape import WallGrid, sample_wall, slice_wall
from cardioscar.imaging.tetrahedra import (
    boundary_faces,
    divide,
    scaled_jacobian,
    signed_volumes,
    tetrahedral_grid,
)
from cardioscar.imaging.volume import Volume

if TYPE_CHECKING:
    import pyvista as pv

log = logging.getLogger(__name__)

MAX_CELLS = 5_000_000
# Where mesh and labels differ in volume by more than this share, the wall is made thicker or thinner to match.
VOLUME_TOLERANCE = 1e-3
SPECK = 0.001
"""Share of the wall below which pieces apart from it raise no question."""
# fTetWild takes seconds for edges of 3.5 to 7 mm and minutes for 1.5 mm, so finer meshes are divided from such ones.
COARSE_EDGE_MM = 5.0
# fTetWild's median edge over the edge that it was asked for, measured between 1.5 and 6 mm.
EDGE_RATIO = 0.94
# How far fTetWild's boundary may lie off the surface: a share of the edge, and an upper limit.
ENVELOPE, ENVELOPE_MM = 1 / 6, 0.5
# Energy of the worst cell at which fTetWild stops.
STOP_ENERGY = 10.0


@dataclass(frozen=True)
class MeshQuality:
    """How well-shaped the tetrahedra of a mesh are, by the scaled Jacobian: 1 is regular, 0 is flat.

    Attributes:
        worst: Of all cells.
        fifth_percentile: 95 % of the cells are better.
        median: Of all cells.
        n_cells: Number of tetrahedra (other volumetric cells are divided).
        n_inverted: Cells without volume.
    """

    worst: float
    fifth_percentile: float
    median: float
    n_cells: int
    n_inverted: int


def mesh_quality(mesh: LVMesh) -> MeshQuality:
    """Rate the cells of a mesh by the scaled Jacobian of its tetrahedra.

    Args:
        mesh: Any volumetric mesh; hexahedra, wedges and pyramids are divided into tetrahedra first.

    Returns:
        The worst, the fifth percentile and the median.
    """
    quality = scaled_jacobian(mesh.nodes_mm, mesh.tetrahedra, mesh.tetrahedron_volumes_mm3)
    return MeshQuality(
        worst=float(quality.min()),
        fifth_percentile=float(np.percentile(quality, 5)),
        median=float(np.median(quality)),
        n_cells=len(quality),
        n_inverted=int((quality <= 0).sum()),
    )


def mesh_from_labels(
    labels: Volume,
    *,
    edge_mm: float = 1.5,
    cap_mm: float | None = None,
    shifts_mm: Mapping[int, np.ndarray] | None = None,
) -> LVMesh:
    """Make a tetrahedral mesh of the LV wall from a label volume.

    The wall (myocardium and scar) is interpolated between slices by shape, unlabelled slices included, continued
    straight for half a slice distance beyond the first and the last labelled slice, and cut flat there. The mesh holds
    the labelled volume. Pieces apart from the largest are dropped with a warning.

    Args:
        labels: Values of `Label`, any orientation.
        edge_mm: Edge length aimed at, mm: cells have the mean volume of regular tetrahedra of this edge.
        cap_mm: How far the wall reaches beyond the end slices; default half the slice distance, with which the volume
            is the voxel count times the voxel volume.
        shifts_mm: Displacement of the heart in a slice along i and j, by slice number; the wall is built without it.

    Returns:
        Tetrahedra in LPS mm. The same labels give the same mesh.

    Raises:
        InputError: If there is no wall or only one slice of it, `edge_mm` or `cap_mm` is not positive, or the mesh
            would have more than `MAX_CELLS` cells.
        GeometryError: If the wall is too thin for the edge length.
    """
    if cap_mm is not None and not (np.isfinite(cap_mm) and cap_mm > 0):
        raise InputError("cap_mm", "a positive distance", f"{cap_mm:g} mm")
    _check_edge(edge_mm)
    wall = slice_wall(labels, shifts_mm)
    cap = wall.spacing_mm / 2 if cap_mm is None else cap_mm
    aim_ml = wall.wall_ml(cap)
    _check_cells(edge_mm, aim_ml)
    if wall.thin_mm < edge_mm:
        log.warning("%s: wall of %.1f mm is thinner than an edge, %.1f mm", labels.source, wall.thin_mm, edge_mm)

    # The lattice fits between the caps, so that they come out flat.
    height_mm = float(np.ptp(wall.z_mm)) + 2 * cap
    step_mm = height_mm / max(2, 2 * round(height_mm / (2 * lattice_step_mm(edge_mm))))
    grid, dropped_ml = _largest_piece(sample_wall(wall, step_mm=step_mm, cap_mm=cap))
    if dropped_ml > 0:
        say = log.info if dropped_ml < SPECK * aim_ml else log.warning
        say("%s: pieces apart from the LV wall dropped (%.2f ml)", labels.source, dropped_ml)
        aim_ml -= dropped_ml
    thicker_mm = 0.0
    for _ in range(3):
        nodes, cells = stuff_isosurface(grid.distance_mm(thicker_mm), grid.origin_mm, grid.step_mm)
        if len(cells) == 0:
            raise GeometryError(labels.source, f"a wall thicker than the edge length {edge_mm:g} mm", "none")
        missing_mm3 = aim_ml * 1000 - float(signed_volumes(nodes, cells).sum())
        if abs(missing_mm3) < VOLUME_TOLERANCE * aim_ml * 1000:
            break
        a, b, c = (nodes[n] for n in boundary_faces(cells).T)
        thicker_mm += missing_mm3 / float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    mesh = LVMesh(tetrahedral_grid(nodes @ wall.frame[:3, :3].T + wall.frame[:3, 3], cells), labels.source)
    return _reported(mesh, aim_ml)


def mesh_from_surface(surface: pv.PolyData, *, edge_mm: float = 1.5, source: str = "surface") -> LVMesh:
    """Fill a closed surface with tetrahedra, by fTetWild.

    Args:
        surface: Closed surface in LPS mm (epicardium, endocardium and base together).
        edge_mm: Edge length aimed at, mm.
        source: File name, for messages.

    Returns:
        Tetrahedra whose boundary lies within 0.5 mm of the surface. Two runs differ in the places of the nodes.

    Raises:
        GeometryError: If the surface is empty, not closed, or fTetWild fails on it.
        InputError: If `edge_mm` is not positive or the mesh would have more than `MAX_CELLS` cells.
    """
    _check_edge(edge_mm)
    if surface.n_cells == 0:
        raise GeometryError(source, "a closed surface", "no faces")
    triangles = surface.triangulate().clean()
    if triangles.n_open_edges:
        raise GeometryError(source, "a closed surface", f"{triangles.n_open_edges} open edges")
    volume_ml = float(triangles.volume) / 1000
    _check_cells(edge_mm, volume_ml)
    divisions = max(0, round(float(np.log2(COARSE_EDGE_MM / edge_mm))))
    coarse_mm = edge_mm * 2**divisions
    nodes, cells = fill_surface(
        np.asarray(triangles.points),
        np.asarray(triangles.regular_faces),
        edge_mm=coarse_mm / EDGE_RATIO,
        envelope_mm=min(ENVELOPE * coarse_mm, ENVELOPE_MM),
        stop_energy=STOP_ENERGY,
        source=source,
    )
    for _ in range(divisions):
        nodes, cells = divide(nodes, cells)
    return _reported(LVMesh(tetrahedral_grid(nodes, cells), source), volume_ml)


def _check_edge(edge_mm: float) -> None:
    if not np.isfinite(edge_mm) or edge_mm <= 0:
        raise InputError("edge_mm", "a positive edge length", f"{edge_mm:g} mm")


def _check_cells(edge_mm: float, volume_ml: float) -> None:
    cell_mm3 = edge_mm**3 / (6 * np.sqrt(2))
    cells = volume_ml * 1000 / cell_mm3
    if cells > MAX_CELLS:
        least_mm = edge_mm * np.cbrt(cells / MAX_CELLS)
        rule = f"at least {np.ceil(least_mm * 100) / 100:g} mm ({MAX_CELLS:,} cells)"
        raise InputError("edge_mm", rule, f"{edge_mm:g} mm ({cells:,.0f} cells)")


def _largest_piece(grid: WallGrid) -> tuple[WallGrid, float]:
    """The grid with only its largest connected wall, and the volume of what was dropped in ml."""
    pieces, count = ndimage.label(grid.distance_mm() < 0)
    if count < 2:
        return grid, 0.0
    sizes = np.bincount(pieces.ravel())[1:]
    others = (pieces > 0) & (pieces != sizes.argmax() + 1)
    # A step outside all around, lest a thicker wall should bring them back.
    sides = np.where(ndimage.binary_dilation(others), np.float32(grid.step_mm), grid.sides_mm)
    sides = np.where(pieces == sizes.argmax() + 1, grid.sides_mm, sides)
    return WallGrid(sides, grid.caps_mm, grid.origin_mm, grid.step_mm), float(others.sum() * grid.step_mm**3 / 1000)


def _reported(mesh: LVMesh, aim_ml: float) -> LVMesh:
    quality = mesh_quality(mesh)
    log.info(
        "%s: %d nodes, %d tetrahedra, %.2f ml (aim %.2f ml), scaled Jacobian worst %.3f, 5th percentile %.3f",
        mesh.source,
        mesh.n_nodes,
        quality.n_cells,
        mesh.volume_ml,
        aim_ml,
        quality.worst,
        quality.fifth_percentile,
    )
    return mesh
