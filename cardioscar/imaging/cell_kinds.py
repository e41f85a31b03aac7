"""VTK's cell types: which have a volume, which of their nodes are corners, how the others lie between these."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    import pyvista as pv

LINEAR = {10: 4, 11: 8, 12: 8, 13: 6, 14: 5}
"""Linear cells with a volume (tetrahedron, voxel, hexahedron, wedge, pyramid) and their numbers of nodes."""
QUADRATIC = {24: 10, 25: 20, 26: 15, 27: 13, 29: 27, 31: 12, 32: 18, 33: 24}
"""Cells with a volume and nodes between their corners, and their numbers of nodes."""
LAGRANGE = (71, 72, 73)
"""Lagrange tetrahedron, hexahedron and wedge of any order that is the same in all directions."""
VOLUMETRIC = (*LINEAR, *QUADRATIC, *LAGRANGE)
"""Types of cells with a volume that are understood."""

_LINEAR_KIN = {24: 10, 25: 12, 26: 13, 27: 14, 29: 12, 31: 13, 32: 13, 33: 12, 71: 10, 72: 12, 73: 13}
# Points, lines and faces, straight and curved; and the empty cell.
_FLAT = frozenset(
    {*range(10), 21, 22, 23, 28, 30, 34, 35, 36, 51, 52, 53, 54, 55, 60, 61, 62, 63, 68, 69, 70, 75, 76, 77}
)
_FLAT_NODES = {1: 1, 3: 2, 5: 3, 8: 4, 9: 4, 21: 3, 22: 6, 23: 8, 28: 9}
_NAMES = {15: "pentagonal prisms", 16: "hexagonal prisms", 37: "triquadratic pyramids", 41: "convex point sets"}
_NAMES |= {42: "polyhedra", 64: "higher-order tetrahedra", 65: "higher-order wedges", 66: "higher-order pyramids"}
_NAMES |= {67: "higher-order hexahedra", 74: "Lagrange pyramids", 78: "Bézier tetrahedra", 79: "Bézier hexahedra"}
_NAMES |= {80: "Bézier wedges", 81: "Bézier pyramids"}


def is_flat(kind: int) -> bool:
    """Whether cells of a type have no volume."""
    return kind in _FLAT


def name_of(kind: int) -> str:
    """Name of a type of cell that is not understood, in the plural."""
    return _NAMES.get(kind, f"cells of VTK type {kind}")


def fits(kind: int, count: int) -> bool:
    """Whether a cell of a type may have so many nodes; of types that are not understood nothing is known.

    >>> fits(10, 4), fits(24, 4), fits(72, 27), fits(72, 20)
    (True, False, True, False)
    """
    if kind in LAGRANGE:
        return count in _lagrange_sizes(kind)
    return {**LINEAR, **QUADRATIC, **_FLAT_NODES}.get(kind, count) == count


def linear_kin(kind: int) -> int:
    """Type of the linear cell on the corners of a cell; its own type where it is linear."""
    return _LINEAR_KIN.get(kind, kind)


def corners(kind: int) -> int:
    """Number of corners of a cell with a volume; they are its first nodes.

    >>> corners(24), corners(72)
    (4, 8)
    """
    return LINEAR[linear_kin(kind)]


@cache
def corner_weights(kind: int, count: int) -> Float[np.ndarray, "nodes corners"]:
    """Weights of a cell's corners at each of its nodes: the linear shape functions at the node's place in the cell.

    Args:
        kind: VTK's type, one of `VOLUMETRIC`.
        count: Number of the cell's nodes.

    Returns:
        Each row sums to 1; those of the corners are rows of the identity.

    >>> corner_weights(24, 10)[4].tolist()
    [0.5, 0.5, 0.0, 0.0]
    """
    size = corners(kind)
    if kind in LINEAR:
        return np.eye(size)
    r, s, t = _places(kind, count).T
    q, u, v, w = 1 - r - s, 1 - r, 1 - s, 1 - t
    shapes = {
        4: [q - t, r, s, t],
        5: [u * v * w, r * v * w, r * s * w, u * s * w, t],
        6: [q * w, r * w, s * w, q * t, r * t, s * t],
        8: [u * v * w, r * v * w, r * s * w, u * s * w, u * v * t, r * v * t, r * s * t, u * s * t],
    }
    return np.stack(shapes[size], axis=1)


def _places(kind: int, count: int) -> Float[np.ndarray, "nodes 3"]:
    """Parametric coordinates of the nodes of a cell, as VTK numbers them."""
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkUnstructuredGrid

    points = vtkPoints()
    points.SetNumberOfPoints(count)
    grid = vtkUnstructuredGrid()
    grid.SetPoints(points)
    grid.InsertNextCell(kind, count, list(range(count)))
    return np.array(grid.GetCell(0).GetParametricCoords(), dtype=float).reshape(count, 3)


def _lagrange_sizes(kind: int) -> set[int]:
    order = np.arange(1, 11)
    sizes = {
        71: (order + 1) * (order + 2) * (order + 3) // 6,
        72: (order + 1) ** 3,
        73: (order + 1) ** 2 * (order + 2) // 2,
    }
    return set(sizes[kind].tolist())


def cell_offsets(grid: pv.UnstructuredGrid) -> np.ndarray:
    """Start of each cell in `grid.cell_connectivity`, then its length, shape (cells + 1,)."""
    # pyvista renamed its attribute in 0.49 and deprecated the old name; VTK has the same one in all versions.
    from vtkmodules.util.numpy_support import vtk_to_numpy

    return np.asarray(vtk_to_numpy(grid.GetCells().GetOffsetsArray()))
