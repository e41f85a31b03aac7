"""A user's mesh brought to the LV wall that is worked on: its wall cells alone, straight, and each place once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int
from scipy import sparse
from scipy.spatial import cKDTree

from cardioscar.errors import GeometryError
from cardioscar.imaging import cell_kinds
from cardioscar.imaging.cell_kinds import cell_offsets
from cardioscar.imaging.formats.mesh_arrays import clean_arrays
from cardioscar.imaging.formats.mesh_files import read_grid
from cardioscar.imaging.formats.vtk_files import some_cells
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.wall.curved_cells import between_corners, on_corners
from cardioscar.imaging.wall.own_mesh import OwnMesh
from cardioscar.imaging.wall.region_tags import bath_of, chosen, listed, tags_of
from cardioscar.imaging.wall.welding import WELD_SHARE, weld

if TYPE_CHECKING:
    import pyvista as pv

log = logging.getLogger(__name__)

# VTK's marks of cells that another part of a parallel mesh holds too, and of cells that are hidden
_GHOST, _GHOST_BITS = "vtkGhostType", 1 | 32
# Reasons for which cells are left out of the user's mesh as well: they are none
_MISTAKES = ("collapsed", "repeated")
# Share of the volume in cells with two corners at one place that is no more than slivers
_LOST_SHARE = 1e-4


@dataclass(frozen=True)
class WallMesh:
    """The wall of the left ventricle as a mesh, and the user's own mesh where that is another.

    Attributes:
        mesh: Linear cells with volume, of the wall alone; each node has a place of its own and a cell.
        own: The user's mesh and where its nodes lie in this one; None where it is this one.
        left_out: Cells with volume that are not in the mesh, by reason: `bath`, `other tags`, `ghosts`, `repeated`,
            `collapsed`, `free parts`.
        tags: Tag of each cell of the user's mesh that has a volume; None where it has none.
        frame: Frame that the file was in.
    """

    mesh: LVMesh
    own: OwnMesh | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    tags: Int[np.ndarray, " own_cells"] | None = None
    frame: str = "LPS"

    @property
    def regions(self) -> str:
        """Tags of the wall's cells with their volumes, for messages; empty where they have none."""
        if self.tags is None:
            return ""
        tags = self.tags if self.own is None else self.own.tag[self.own.cell >= 0]
        return listed(tags, self.mesh.cell_volumes_ml)

    def beside(self) -> OwnMesh:
        """The user's mesh, also where it is the wall mesh itself."""
        if self.own is not None:
            return self.own
        grid = self.mesh.grid
        tags = np.zeros(grid.n_cells, dtype=np.int64) if self.tags is None else self.tags
        same = sparse.eye_array(grid.n_points, format="csr")
        return OwnMesh(grid, same, np.arange(grid.n_points), np.arange(grid.n_cells), tags)

    def only(self, cells: Bool[np.ndarray, " cells"], why: str) -> WallMesh:
        """The wall without some of its cells, and without the nodes of these alone."""
        if cells.all():
            return self
        grid = self.mesh.grid
        nodes = np.zeros(self.mesh.n_nodes, dtype=bool)
        nodes[np.asarray(grid.cell_connectivity)[np.repeat(cells, np.diff(cell_offsets(grid)))]] = True
        left_out = {**self.left_out, why: self.left_out.get(why, 0) + int((~cells).sum())}
        mesh = LVMesh(_compact(some_cells(grid, cells), nodes), self.mesh.source)
        own = self.beside().only(nodes, cells, forget=why in _MISTAKES)
        return replace(self, mesh=mesh, own=own, left_out=left_out)


def read_wall(
    path: Path, *, frame: str | None = None, wall_tags: Sequence[int] | None = None, tag_array: str | None = None
) -> WallMesh:
    """Read a user's mesh and take the LV wall from it.

    Cells without volume go. So do the cells of the bath (openCARP's tag 0), and, where `wall_tags` names the tags of
    the wall, all others. Curved cells are made straight on their corners. Nodes within `WELD_SHARE` of an edge length
    of each other become one, and cells that repeat another go. Of the arrays those are kept that `clean_arrays` leaves.

    Args:
        path: `.vtu` or `.vtk` in millimetres, or an openCARP pair in micrometres, named by its `.pts` or `.elem`.
        frame: Frame of the file's coordinates, `LPS` or `RAS`; None takes the one that it states, else LPS.
        wall_tags: Tags of the wall's cells.
        tag_array: Name of the cell array of tags, where it is none of the usual ones.

    Returns:
        The wall in mm LPS. Where nothing was changed it is the file's own grid, node for node and cell for cell.

    Raises:
        InputError: If the file is missing, unreadable, truncated, or of another format.
        GeometryError: If it is only a surface, has cells of a kind that is not understood, no such tags, no volume,
            nodes that are not finite, or not the size of a heart.
    """
    (grid, known), where = read_grid(path, frame=frame), path.name
    kinds = np.asarray(grid.celltypes)
    solid = np.isin(kinds, cell_kinds.VOLUMETRIC)
    if not solid.any():
        LVMesh(grid, where)  # raises: a surface, or nothing
    if not solid.all():
        log.info("%s: %d of %d cells have no volume and are left out", where, int((~solid).sum()), len(solid))
        grid = some_cells(grid, solid)
    _check_finite(grid, where)
    tags = tags_of(grid.cell_data, name=tag_array, source=where)
    kept, left_out = _wall_cells(grid, tags, wall_tags, where)
    ghosts = _ghosts(grid)
    clean_arrays(grid, source=where)
    wall = replace(_straightened(grid, kept, tags, where), left_out=left_out, frame=known)
    wall = _welded(wall.only(~ghosts[kept], "ghosts"))
    wall = _without_repeated(wall)
    if wall.mesh.volume_ml <= 0:
        raise GeometryError(where, "cells with a volume", f"{wall.mesh.grid.n_cells} flat cells")
    return wall


def _check_finite(grid: pv.UnstructuredGrid, where: str) -> None:
    bad = int((~np.isfinite(np.asarray(grid.points)).all(axis=1)).sum())
    if bad:
        raise GeometryError(where, "finite node coordinates", f"{bad} non-finite nodes of {grid.n_points}")


def _wall_cells(
    grid: pv.UnstructuredGrid, tags: np.ndarray | None, wall_tags: Sequence[int] | None, where: str
) -> tuple[Bool[np.ndarray, " cells"], dict[str, int]]:
    """Cells of the wall by their tags, and how many were left out, by reason."""
    if wall_tags is not None:
        ml = _volumes_ml(grid)
        kept, why = chosen(tags, wall_tags, ml, source=where), "other tags"
    else:
        bath = bath_of(grid.cell_data)
        if bath is None:
            return np.ones(grid.n_cells, dtype=bool), {}
        ml = _volumes_ml(grid)
        kept, why = ~bath, "bath"
    if kept.all():
        return kept, {}
    what = "tag 0 (openCARP's bath)" if why == "bath" else "other tags than wall_tags"
    log.info("%s: %d cells of %s are left out, %.1f ml of %.1f", where, (~kept).sum(), what, ml[~kept].sum(), ml.sum())
    return kept, {why: int((~kept).sum())}


def _volumes_ml(grid: pv.UnstructuredGrid) -> np.ndarray:
    sizes = grid.compute_cell_sizes(length=False, area=False, volume=True)
    return np.abs(np.asarray(sizes.cell_data["Volume"], dtype=float)) / 1000


def _ghosts(grid: pv.UnstructuredGrid) -> Bool[np.ndarray, " cells"]:
    if _GHOST not in grid.cell_data:
        return np.zeros(grid.n_cells, dtype=bool)
    ghosts = (np.asarray(grid.cell_data[_GHOST]).astype(np.int64) & _GHOST_BITS) > 0
    return ghosts if ghosts.ndim == 1 and not ghosts.all() else np.zeros(grid.n_cells, dtype=bool)


def _compact(grid: pv.UnstructuredGrid, nodes: Bool[np.ndarray, " nodes"]) -> pv.UnstructuredGrid:
    """The grid on some of its nodes, which are all that its cells have."""
    return _renumbered(grid, np.cumsum(nodes) - 1, np.flatnonzero(nodes))


def _renumbered(grid: pv.UnstructuredGrid, number: np.ndarray, first: np.ndarray) -> pv.UnstructuredGrid:
    """The grid with other numbers of its nodes; each new node is the old one that `first` names."""
    import pyvista as pv

    offsets = cell_offsets(grid)
    cells = np.insert(number[np.asarray(grid.cell_connectivity)], offsets[:-1], np.diff(offsets))
    other = pv.UnstructuredGrid(cells, np.asarray(grid.celltypes), np.asarray(grid.points)[first])
    for name in grid.point_data:
        other.point_data[name] = np.asarray(grid.point_data[name])[first]
    for name in grid.cell_data:
        other.cell_data[name] = grid.cell_data[name]
    return other


def _straightened(
    grid: pv.UnstructuredGrid, kept: Bool[np.ndarray, " cells"], tags: np.ndarray | None, where: str
) -> WallMesh:
    """The kept cells on their corners, without the nodes that are no corner of any."""
    kinds, nodes = np.asarray(grid.celltypes), np.asarray(grid.cell_connectivity)
    curved = ~np.isin(kinds, list(cell_kinds.LINEAR))
    straight = some_cells(grid, kept) if not kept.all() else grid
    if curved[kept].any():
        log.info("%s: %d curved cells are made straight on their corners", where, int(curved[kept].sum()))
        straight = on_corners(straight)
    corner = np.zeros(grid.n_points, dtype=bool)
    corner[np.asarray(straight.cell_connectivity)] = True
    if corner.all() and kept.all() and not curved.any():
        return WallMesh(LVMesh(grid, where), tags=tags)
    first = np.flatnonzero(corner)
    number = np.cumsum(corner) - 1
    between = between_corners(grid, kept & curved, corner, number)
    of_cell = np.zeros(grid.n_points, dtype=bool)
    of_cell[nodes] = True
    loose = np.flatnonzero(~of_cell)
    if len(loose):
        log.info("%s: %d nodes are of no cell with volume", where, len(loose))
    points = np.asarray(grid.points, dtype=np.float64)
    nearest = cKDTree(points[first]).query(points[loose])[1] if len(loose) else np.empty(0, dtype=np.int64)
    rows = np.concatenate([first, loose, between[0]])
    columns = np.concatenate([number[first], nearest, between[1]])
    weights = np.concatenate([np.ones(len(first) + len(loose)), between[2]])
    places = sparse.coo_array((weights, (rows, columns)), shape=(grid.n_points, len(first))).tocsr()
    cell = np.where(kept, np.cumsum(kept) - 1, -1)
    tag = np.zeros(grid.n_cells, dtype=np.int64) if tags is None else tags
    own = OwnMesh(grid, places, first, cell, tag)
    return WallMesh(LVMesh(_compact(straight, corner), where), own, tags=tags)


def _welded(wall: WallMesh) -> WallMesh:
    """The wall with the nodes at one place made one."""
    mesh, where = wall.mesh, wall.mesh.source
    tolerance_mm = WELD_SHARE * mesh.edge_mm
    found = weld(mesh.nodes_mm, tolerance_mm, source=where) if np.isfinite(tolerance_mm) else None
    if found is None:
        return wall
    grid = _renumbered(mesh.grid, found.node, found.first)
    counts = (mesh.n_nodes, grid.n_points, tolerance_mm)
    log.info("%s: %d nodes at %d places (within %.2g mm) are taken as one each", where, *counts)
    if found.spread:
        log.warning(
            "%s: at %d places nodes are taken as one that do not lie within %.2g mm, each being near to a next one",
            where, found.spread, tolerance_mm,
        )  # fmt: skip
    own = wall.beside()
    join = sparse.csr_array(
        (np.ones(mesh.n_nodes), (np.arange(mesh.n_nodes), found.node)), shape=(mesh.n_nodes, grid.n_points)
    )
    own = replace(own, places=sparse.csr_array(own.places @ join), first=own.first[found.first])
    welded = replace(wall, mesh=LVMesh(grid, where), own=own)
    collapsed = _collapsed(grid)
    lost = float(mesh.cell_volumes_ml[collapsed].sum() / mesh.cell_volumes_ml.sum())
    if lost > _LOST_SHARE:
        log.warning(
            "%s: %d cells (%.2g %% of volume) are lost where nodes become one", where, collapsed.sum(), 100 * lost
        )
    return welded.only(~collapsed, "collapsed")


def _sorted_nodes(grid: pv.UnstructuredGrid) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Numbers of the cells of each size, and their nodes ascending, shape (cells, size)."""
    offsets, nodes = cell_offsets(grid), np.asarray(grid.cell_connectivity)
    counts = np.diff(offsets)
    for count in np.unique(counts).tolist():
        cells = np.flatnonzero(counts == count)
        yield cells, np.sort(nodes[offsets[:-1][cells][:, None] + np.arange(count)], axis=1)


def _collapsed(grid: pv.UnstructuredGrid) -> Bool[np.ndarray, " cells"]:
    """Cells with a node twice."""
    collapsed = np.zeros(grid.n_cells, dtype=bool)
    for cells, nodes in _sorted_nodes(grid):
        collapsed[cells] = (nodes[:, 1:] == nodes[:, :-1]).any(axis=1)
    return collapsed


def _without_repeated(wall: WallMesh) -> WallMesh:
    """The wall without cells that have a node twice, or the nodes of an earlier cell.

    Only where faces belong to three cells or more can there be some.
    """
    if not wall.mesh.crowded_faces:
        return wall
    wall = wall.only(~_collapsed(wall.mesh.grid), "collapsed")
    repeated = np.zeros(wall.mesh.grid.n_cells, dtype=bool)
    for cells, nodes in _sorted_nodes(wall.mesh.grid):
        again = np.ones(len(cells), dtype=bool)
        again[np.unique(nodes, axis=0, return_index=True)[1]] = False
        repeated[cells] = again
    wall = wall.only(~repeated, "repeated")
    for why, what in (("collapsed", "have a node twice"), ("repeated", "repeat another")):
        if wall.left_out.get(why):
            log.info("%s: %d cells %s and are left out", wall.mesh.source, wall.left_out[why], what)
    return wall
