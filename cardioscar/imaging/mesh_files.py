"""LV meshes and surfaces on disk."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.lvmesh import VOLUMETRIC, LVMesh
from cardioscar.imaging.opencarp import OPENCARP_SUFFIXES, read_opencarp
from cardioscar.imaging.vtk_files import VTK_SUFFIXES, cell_offsets, read_vtk, write_vtk

if TYPE_CHECKING:
    import pyvista as pv

log = logging.getLogger(__name__)

MESH_SUFFIXES = VTK_SUFFIXES + OPENCARP_SUFFIXES
"""Endings of the files that `read_mesh` knows."""


def read_mesh(path: Path, *, frame: str = "LPS") -> LVMesh:
    """Read a volumetric LV mesh.

    Cells without volume are dropped; every node is kept, also those of no cell, because results are written
    per node.

    Args:
        path: `.vtu`, `.vtk`, `.vtp`, `.ply` or `.stl` in millimetres, or an openCARP pair in micrometres,
            named by its `.pts` or `.elem`.
        frame: Frame of the file's coordinates, `LPS` or `RAS`.

    Returns:
        The mesh in mm LPS, point and cell data with it.

    Raises:
        InputError: If the file is missing, unreadable, truncated, or of another format.
        GeometryError: If it is only a surface, its cells have no volume, nodes are not finite, or its size is
            not that of a heart.
    """
    if path.suffix.lower() in OPENCARP_SUFFIXES:
        grid = read_opencarp(path, frame=frame)
    elif path.suffix.lower() in VTK_SUFFIXES:
        mesh = read_vtk(path, frame=frame)
        grid = mesh.cast_to_unstructured_grid()
    else:
        raise InputError(path.name, f"a mesh ({', '.join(MESH_SUFFIXES)})", f"the ending '{path.suffix}'")
    mesh = LVMesh(_volumetric(grid, path.name), source=path.name)
    if mesh.volume_ml <= 0:
        raise GeometryError(path.name, "cells with a volume", f"{mesh.grid.n_cells} flat cells")
    return mesh


def read_surface(path: Path, *, frame: str = "LPS") -> pv.PolyData:
    """Read a surface, as the mesher fills it.

    Args:
        path: `.vtp`, `.ply`, `.stl`, or `.vtk` or `.vtu` with faces only, in millimetres.
        frame: Frame of the file's coordinates, `LPS` or `RAS`.

    Returns:
        Triangles in mm LPS with the point and cell data of the file; STL's repeated points are merged.

    Raises:
        InputError: If the file is missing, unreadable, truncated, or of another format.
        GeometryError: If it holds no faces, volumetric cells, or nodes that are not finite.
    """
    import pyvista as pv

    mesh = read_vtk(path, frame=frame)
    if not isinstance(mesh, pv.PolyData):
        grid = mesh.cast_to_unstructured_grid()
        if np.isin(grid.celltypes, VOLUMETRIC).any():
            raise GeometryError(path.name, "a surface", "volumetric cells")
        mesh = grid.extract_geometry()
    if mesh.n_points == 0 or mesh.GetPolys().GetNumberOfCells() + mesh.GetStrips().GetNumberOfCells() == 0:
        raise GeometryError(path.name, "a surface with faces", f"{mesh.n_points} nodes without faces")
    bad = int((~np.isfinite(mesh.points).all(axis=1)).sum())
    if bad:
        raise GeometryError(path.name, "finite node coordinates", f"{bad} non-finite nodes of {mesh.n_points}")
    return mesh.triangulate()


def write_mesh(path: Path, mesh: LVMesh) -> None:
    """Write a mesh as compressed binary `.vtu`; equal meshes give equal bytes.

    Args:
        path: Ends in `.vtu`; an existing file is replaced only by a whole one.
        mesh: Mesh in mm LPS, its point and cell data with it.

    Raises:
        InputError: If the ending is another.
        PlatformError: If it cannot be written.
    """
    if path.suffix.lower() != ".vtu":
        raise InputError(path.name, "the ending .vtu", f"'{path.suffix}'")
    write_vtk(path, mesh.grid)


def _volumetric(grid: pv.UnstructuredGrid, where: str) -> pv.UnstructuredGrid:
    """The grid without its flat cells and with all its points, some of which `extract_cells` would drop."""
    import pyvista as pv

    solid = np.isin(grid.celltypes, VOLUMETRIC)
    if solid.all() or not solid.any():
        return grid
    log.info("%s: %d of %d cells have no volume and are left out", where, int((~solid).sum()), len(solid))
    counts = np.diff(cell_offsets(grid))
    nodes = np.asarray(grid.cell_connectivity)[np.repeat(solid, counts)]
    ends = np.cumsum(counts[solid])
    cells = np.insert(nodes, ends - counts[solid], counts[solid])
    kept = pv.UnstructuredGrid(cells, np.asarray(grid.celltypes)[solid], grid.points)
    for name in grid.point_data:
        kept.point_data[name] = grid.point_data[name]
    for name in grid.cell_data:
        kept.cell_data[name] = np.asarray(grid.cell_data[name])[solid]
    return kept
