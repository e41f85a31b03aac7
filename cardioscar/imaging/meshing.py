"""Volumetric LV meshes from label volumes and from closed surfaces.

fTetWild makes a coarse mesh, which is then divided uniformly and fitted to the interpolated wall. On a wall
of 122 ml at 1.5 mm fTetWild alone takes several minutes; coarse, divided and fitted it takes about five
seconds.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.tetrahedra import (
    Tetrahedra,
    boundary_faces,
    divide,
    scaled_jacobian,
    signed_volumes,
    tetrahedra_of,
    tetrahedral_grid,
)
from cardioscar.imaging.tetwild import fill_surface
from cardioscar.imaging.volume import Volume
from cardioscar.imaging.wall_shape import WallGrid, sample_wall, slice_wall
from cardioscar.types import Points

if TYPE_CHECKING:
    import pyvista as pv

log = logging.getLogger(__name__)

MAX_CELLS = 5_000_000
# Edge length to ask of fTetWild: from 3.5 to 7 mm it takes seconds; at 1.5 mm it would take minutes.
COARSE_EDGE_MM = 5.0
# fTetWild's median edge over the edge that it was asked for, measured between 1.5 and 6 mm.
EDGE_RATIO = 0.94
# Grid spacing of the surface that is filled, as a share of the coarse edge, and its upper limit.
GRID_STEP = 0.65
MAX_GRID_STEP_MM = 2.0
# Neither grid nor envelope may be so coarse that a thin wall is lost: shares of its thickness.
GRID_STEP_OF_WALL = 0.5
ENVELOPE_OF_WALL = 0.25
# How far fTetWild's boundary may lie off the surface, as a share of the coarse edge; the fit to the wall
# corrects it.
ENVELOPE = 1 / 6
# The same where there is no fit afterwards.
ENVELOPE_MM = 0.5
# Energy of the worst cell at which fTetWild stops.
STOP_ENERGY = 10.0
# Cells that the fit makes worse than this take their nodes back.
WORST_JACOBIAN = 0.2


@dataclass(frozen=True)
class MeshQuality:
    """How well-shaped the tetrahedra of a mesh are, by the scaled Jacobian: 1 is regular, 0 is flat.

    Attributes:
        worst: Of all cells.
        fifth_percentile: 95 % of the cells are better.
        median: Of all cells.
        n_cells: Number of tetrahedra (other volumetric cells are divided).
        n_inverted: Cells without positive volume.
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
    quality = scaled_jacobian(mesh.nodes_mm, tetrahedra_of(mesh.grid))
    return MeshQuality(
        worst=float(quality.min()),
        fifth_percentile=float(np.percentile(quality, 5)),
        median=float(np.median(quality)),
        n_cells=len(quality),
        n_inverted=int((quality <= 0).sum()),
    )


def mesh_from_labels(labels: Volume, *, edge_mm: float = 1.5, cap_mm: float | None = None) -> LVMesh:
    """Make a tetrahedral mesh of the LV wall from a label volume.

    The wall (myocardium and scar) is interpolated between slices by shape, unlabelled slices included,
    continued straight for half a slice distance beyond the first and the last labelled slice, and cut flat
    there. The mesh holds the labelled volume. Pieces apart from the largest are dropped with a warning.

    Args:
        labels: Values of `Label`, any orientation.
        edge_mm: Edge length aimed at, mm.
        cap_mm: How far the wall reaches beyond the end slices; default half the slice distance, with which
            the volume is the voxel count times the voxel volume.

    Returns:
        Tetrahedra in LPS mm. The same labels give the same mesh.

    Raises:
        InputError: If there is no wall or only one slice of it, `edge_mm` or `cap_mm` is not positive, or the
            mesh would have more than `MAX_CELLS` cells.
    """
    if cap_mm is not None and not (np.isfinite(cap_mm) and cap_mm > 0):
        raise InputError("cap_mm", "a positive distance", f"{cap_mm:g} mm")
    _check_edge(edge_mm)
    wall = slice_wall(labels)
    cap = wall.spacing_mm / 2 if cap_mm is None else cap_mm
    target_ml = wall.wall_ml(cap)
    coarse_mm, divisions = _coarse_edge(edge_mm, target_ml)

    step_mm = min(coarse_mm * GRID_STEP, wall.thin_mm * GRID_STEP_OF_WALL, MAX_GRID_STEP_MM)
    grid, dropped_ml = _largest_piece(sample_wall(wall, step_mm=step_mm, cap_mm=cap))
    if dropped_ml > 0:
        log.warning("%s: pieces apart from the LV wall dropped (%.2f ml)", labels.source, dropped_ml)
        target_ml -= dropped_ml
    surface = _wall_surface(grid)
    nodes, cells = fill_surface(
        np.asarray(surface.points),
        np.asarray(surface.regular_faces),
        edge_mm=coarse_mm / EDGE_RATIO,
        envelope_mm=min(ENVELOPE * coarse_mm, ENVELOPE_OF_WALL * wall.thin_mm),
        stop_energy=STOP_ENERGY,
        source=labels.source,
    )
    for _ in range(divisions):
        nodes, cells = divide(nodes, cells)
    nodes = _fit_to_wall(nodes, cells, grid, target_ml)
    mesh = LVMesh(tetrahedral_grid(nodes @ wall.frame[:3, :3].T + wall.frame[:3, 3], cells), labels.source)
    _report(mesh, target_ml)
    return mesh


def mesh_from_surface(surface: pv.PolyData, *, edge_mm: float = 1.5, source: str = "surface") -> LVMesh:
    """Fill a closed surface with tetrahedra.

    Args:
        surface: Closed surface in LPS mm (epicardium, endocardium and base together).
        edge_mm: Edge length aimed at, mm.
        source: File name, for messages.

    Returns:
        Tetrahedra whose boundary lies within 0.5 mm, or a sixth of the edge if that is less, of the surface.

    Raises:
        GeometryError: If the surface is empty or not closed.
        InputError: If `edge_mm` is not positive or the mesh would have more than `MAX_CELLS` cells.
    """
    _check_edge(edge_mm)
    if surface.n_cells == 0:
        raise GeometryError(source, "a closed surface", "no faces")
    triangles = surface.triangulate().clean()
    if triangles.n_open_edges:
        raise GeometryError(source, "a closed surface", f"{triangles.n_open_edges} open edges")
    coarse_mm, divisions = _coarse_edge(edge_mm, triangles.volume / 1000)
    nodes, cells = fill_surface(
        np.asarray(triangles.points),
        np.asarray(triangles.regular_faces),
        edge_mm=coarse_mm / EDGE_RATIO,
        envelope_mm=min(ENVELOPE * edge_mm, ENVELOPE_MM),
        stop_energy=STOP_ENERGY,
        source=source,
    )
    for _ in range(divisions):
        nodes, cells = divide(nodes, cells)
    mesh = LVMesh(tetrahedral_grid(nodes, cells), source)
    _report(mesh, triangles.volume / 1000)
    return mesh


def _check_edge(edge_mm: float) -> None:
    if not np.isfinite(edge_mm) or edge_mm <= 0:
        raise InputError("edge_mm", "a positive edge length", f"{edge_mm:g} mm")


def _coarse_edge(edge_mm: float, volume_ml: float) -> tuple[float, int]:
    """Edge length for fTetWild, and how often its mesh is to be divided to come to `edge_mm`."""
    cells = volume_ml * 1000 * 6 * np.sqrt(2) / edge_mm**3
    if cells > MAX_CELLS:
        least = np.cbrt(volume_ml * 1000 * 6 * np.sqrt(2) / MAX_CELLS)
        raise InputError(
            "edge_mm",
            f"at least {np.ceil(least * 100) / 100:g} mm ({MAX_CELLS:,} cells)",
            f"{edge_mm:g} mm ({cells:,.0f} cells)",
        )
    divisions = max(0, round(float(np.log2(COARSE_EDGE_MM / edge_mm))))
    return edge_mm * 2**divisions, divisions


def _largest_piece(grid: WallGrid) -> tuple[WallGrid, float]:
    """The grid with only its largest connected wall, and the volume of what was dropped in ml."""
    pieces, count = ndimage.label(grid.distance_mm() < 0)
    if count < 2:
        return grid, 0.0
    sizes = np.bincount(pieces.ravel())[1:]
    others = (pieces > 0) & (pieces != sizes.argmax() + 1)
    sides = np.where(others, np.float32(grid.step_mm / 10), grid.sides_mm)
    return WallGrid(sides, grid.caps_mm, grid.origin_mm, grid.step_mm), float(others.sum() * grid.step_mm**3 / 1000)


def _wall_surface(grid: WallGrid) -> pv.PolyData:
    """Closed surface of the wall, smoothed without loss of volume (windowed sinc, Taubin 1996)."""
    import pyvista as pv

    distance = grid.distance_mm()
    image = pv.ImageData(dimensions=distance.shape, spacing=[grid.step_mm] * 3, origin=grid.origin_mm)
    image["distance"] = distance.ravel(order="F")
    surface = image.contour([0.0], scalars="distance", method="flying_edges")
    return surface.smooth_taubin(n_iter=20, pass_band=0.1)


def _fit_to_wall(nodes_mm: Points, cells: Tetrahedra, grid: WallGrid, target_ml: float) -> Points:
    """Move the boundary nodes onto the wall, made so much thicker or thinner that the mesh has the volume
    `target_ml`.

    A node goes only as far as the cells around it stay well-shaped.
    """
    faces = boundary_faces(cells)
    boundary = np.unique(faces)
    near = np.flatnonzero(np.isin(cells, boundary).any(axis=1))
    thicker = 0.0
    fitted = nodes_mm
    for _ in range(3):
        fitted = _projected(nodes_mm, cells[near], boundary, grid, thicker)
        missing = target_ml * 1000 - float(signed_volumes(fitted, cells).sum())
        a, b, c = (fitted[faces[:, n]] for n in range(3))
        area = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
        thicker += missing / area
        if abs(missing) < 1e-3 * target_ml * 1000:
            break
    return fitted


def _projected(nodes_mm: Points, cells: Tetrahedra, boundary: np.ndarray, grid: WallGrid, thicker_mm: float) -> Points:
    distance = grid.distance_mm(thicker_mm)
    slopes = np.gradient(distance, grid.step_mm)
    moved = nodes_mm.copy()
    limit = 1.0
    for _ in range(2):
        index = ((moved[boundary] - grid.origin_mm) / grid.step_mm).T
        value = ndimage.map_coordinates(distance, index, order=1, mode="nearest")
        slope = np.stack([ndimage.map_coordinates(s, index, order=1, mode="nearest") for s in slopes], axis=1)
        # Where two sheets of the wall meet the slope vanishes: a step of at most `limit` either way.
        step = value[:, None] * slope / np.maximum((slope**2).sum(axis=1, keepdims=True), 0.25)
        moved[boundary] -= step * np.minimum(1, limit / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), limit))
    before = scaled_jacobian(nodes_mm, cells)
    shift = moved - nodes_mm
    for attempt in range(16):
        after = scaled_jacobian(nodes_mm + shift, cells)
        spoilt = (after < WORST_JACOBIAN) & (after < before)
        if not spoilt.any():
            break
        shift[np.unique(cells[spoilt])] *= 0.5 if attempt < 4 else 0.0
    return nodes_mm + shift


def _report(mesh: LVMesh, target_ml: float) -> None:
    quality = mesh_quality(mesh)
    log.info(
        "%s: %d nodes, %d tetrahedra, %.2f ml (aim %.2f ml), scaled Jacobian worst %.3f, 5th percentile %.3f",
        mesh.source,
        mesh.n_nodes,
        quality.n_cells,
        mesh.volume_ml,
        target_ml,
        quality.worst,
        quality.fifth_percentile,
    )
