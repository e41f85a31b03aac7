"""LV meshes and surfaces on disk."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.cell_kinds import VOLUMETRIC, is_flat, name_of
from cardioscar.imaging.formats.claimed_memory import claimed_memory
from cardioscar.imaging.formats.opencarp import OPENCARP_SUFFIXES, read_opencarp
from cardioscar.imaging.formats.vtk_files import VTK_SUFFIXES, read_vtk, read_vtk_and_frame, some_cells, write_vtk
from cardioscar.imaging.lvmesh import LVMesh

if TYPE_CHECKING:
    import pyvista as pv

log = logging.getLogger(__name__)

MESH_SUFFIXES = VTK_SUFFIXES + OPENCARP_SUFFIXES
"""Endings of the files that `read_mesh` knows."""


def read_grid(path: Path, *, frame: str | None = None, own: bool = False) -> tuple[pv.UnstructuredGrid, str]:
    """Read a mesh as it stands in its file, flat cells and all.

    Args:
        path: `.vtu`, `.vtk`, `.vtp`, `.ply` or `.stl` in millimetres, or an openCARP pair in micrometres,
            named by its `.pts` or `.elem`.
        frame: Frame of the file's coordinates, `LPS` or `RAS`; None takes the one that it states, else LPS.
        own: The file was written by cardioscar itself, see `read_vtk`.

    Returns:
        Its nodes in mm LPS, cells and arrays; and the frame that it was in.

    Raises:
        InputError: If the file is missing, unreadable, truncated, or of another format.
        GeometryError: If a cell refers to a node that is not there, or is of a kind that is not understood.
    """
    with claimed_memory(path.name):
        return _read_grid(path, frame, own)


def _read_grid(path: Path, frame: str | None, own: bool) -> tuple[pv.UnstructuredGrid, str]:
    import pyvista as pv

    if path.suffix.lower() in OPENCARP_SUFFIXES:
        return read_opencarp(path, frame=frame or "LPS"), frame or "LPS"
    if path.suffix.lower() not in VTK_SUFFIXES:
        raise InputError(path.name, f"a mesh ({', '.join(MESH_SUFFIXES)})", "another ending")
    mesh, known = read_vtk_and_frame(path, frame=frame, own=own)
    if isinstance(mesh, pv.ImageData | pv.RectilinearGrid):
        raise InputError(
            path.name, "a mesh of the LV wall", "an image (name it labels.* or lge.* in a format of images)"
        )
    grid = mesh.cast_to_unstructured_grid()
    kinds, counts = np.unique(np.asarray(grid.celltypes), return_counts=True)
    for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
        if kind not in VOLUMETRIC and not is_flat(kind):
            rule = "tetrahedra, hexahedra, wedges and pyramids, straight, quadratic or Lagrange"
            raise GeometryError(path.name, rule, f"{count} {name_of(kind)}")
    return grid, known


def read_mesh(path: Path, *, frame: str | None = None, own: bool = False) -> LVMesh:
    """Read a volumetric LV mesh, all its volume and all its nodes, see `wall_mesh.read_wall` for a user's mesh.

    Cells without volume are dropped; every node is kept, also those of no cell.

    Args:
        path: A file as for `read_grid`.
        frame: Frame of the file's coordinates, `LPS` or `RAS`; None takes the one that it states, else LPS.
        own: The file was written by cardioscar itself, see `read_vtk`.

    Returns:
        The mesh in mm LPS, point and cell data with it.

    Raises:
        InputError: If the file is missing, unreadable, truncated, or of another format.
        GeometryError: If it is only a surface, its cells have no volume, nodes are not finite, or its size is
            not that of a heart.
    """
    grid, _ = read_grid(path, frame=frame, own=own)
    mesh = LVMesh(_volumetric(grid, path.name), source=path.name)
    if mesh.volume_ml <= 0:
        raise GeometryError(path.name, "cells with a volume", f"{mesh.grid.n_cells} flat cells")
    return mesh


def read_surface(path: Path, *, frame: str | None = None) -> pv.PolyData:
    """Read a surface, as the mesher fills it.

    Args:
        path: `.vtp`, `.ply`, `.stl`, or `.vtk` or `.vtu` with faces only, in millimetres.
        frame: Frame of the file's coordinates, `LPS` or `RAS`; None takes the one that it states, else LPS.

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
        if not all(is_flat(kind) for kind in np.unique(grid.celltypes).tolist()):
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
    """The grid without its flat cells and with all its points."""
    solid = np.isin(grid.celltypes, VOLUMETRIC)
    if solid.all() or not solid.any():
        return grid
    log.info("%s: %d of %d cells have no volume and are left out", where, int((~solid).sum()), len(solid))
    return some_cells(grid, solid)
