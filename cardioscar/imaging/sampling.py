"""Nodal values at other places: linear inside the mesh's cells, the nearest node's just outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from cardioscar.imaging.cell_kinds import cell_offsets
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.tetrahedra import tetrahedra_of, tetrahedral_grid
from cardioscar.imaging.volume import Volume
from cardioscar.types import Points

if TYPE_CHECKING:
    import pyvista as pv


def sample_nodes(mesh: LVMesh, values: np.ndarray, points_mm: Points) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate nodal values at points.

    Args:
        mesh: LV mesh.
        values: One number a node, shape (nodes,).
        points_mm: Positions in mm LPS, shape (points, 3).

    Returns:
        Values, shape (points,), and whether each point lies inside the mesh. Outside, the nearest node's value stands.
        No value is below the least or above the greatest of the corners of its cell: VTK takes a point a hair outside
        of a cell for one inside and extrapolates, which would make a probability of -1e-17.
    """
    import pyvista as pv

    bare = pv.UnstructuredGrid(mesh.grid.cells, mesh.grid.celltypes, mesh.nodes_mm)
    bare.point_data["value"] = np.asarray(values, dtype=np.float64)
    bare.cell_data["cell"] = np.arange(bare.n_cells)  # the sampled points get the number of the cell that holds them
    # double precision: VTK's point locator misses points on faces of float32 meshes
    sampled = pv.PolyData(np.asarray(points_mm, dtype=np.float64)).sample(bare)
    inside = np.asarray(sampled.point_data["vtkValidPointMask"]).astype(bool)
    result = np.array(sampled.point_data["value"], dtype=np.float64)
    low, high = _corner_range(bare, np.asarray(sampled.point_data["cell"], dtype=np.int64)[inside])
    result[inside] = np.clip(result[inside], low, high)
    if not inside.all():
        nearest = cKDTree(mesh.nodes_mm).query(points_mm[~inside])[1]
        result[~inside] = np.asarray(values)[nearest]
    return result, inside


def sampling_weights(mesh: LVMesh, points_mm: Points) -> sparse.csr_array:
    """Weights that sample nodal values at points as `sample_nodes` does, for many sets of values.

    Args:
        mesh: LV mesh; cells that are no tetrahedra are divided.
        points_mm: Positions in mm LPS, shape (points, 3).

    Returns:
        Shape (points, nodes); each row sums to 1.
    """
    cells, nodes = tetrahedra_of(mesh.grid), mesh.nodes_mm
    bare = tetrahedral_grid(nodes, cells)
    points = np.asarray(points_mm, dtype=np.float64)
    cell = np.asarray(bare.find_containing_cell(points)).reshape(-1)
    inside = np.flatnonzero(cell >= 0)
    corners = cells[cell[inside]]
    origin = nodes[corners[:, 0]]
    axes = np.stack([nodes[corners[:, k]] - origin for k in (1, 2, 3)], axis=2)
    local = np.linalg.solve(axes, (points[inside] - origin)[:, :, None])[:, :, 0]
    weight = np.clip(np.column_stack([1 - local.sum(axis=1), local]), 0, None)
    weight /= weight.sum(axis=1, keepdims=True)
    outside = np.flatnonzero(cell < 0)
    nearest = cKDTree(nodes).query(points[outside])[1] if len(outside) else np.empty(0, np.int64)
    rows = np.concatenate([np.repeat(inside, 4), outside])
    columns = np.concatenate([corners.ravel(), nearest])
    values = np.concatenate([weight.ravel(), np.ones(len(outside))])
    return sparse.csr_array((values, (rows, columns)), shape=(len(points), len(nodes)))


def _corner_range(grid: pv.UnstructuredGrid, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest value at the nodes of each of some cells."""
    if len(cells) == 0:
        return np.empty(0), np.empty(0)
    unique, row = np.unique(cells, return_inverse=True)
    first = cell_offsets(grid)
    sizes = np.diff(first)[unique]
    starts = np.cumsum(sizes) - sizes
    places = np.arange(sizes.sum()) + np.repeat(first[unique] - starts, sizes)
    corners = np.asarray(grid.point_data["value"])[np.asarray(grid.cell_connectivity)[places]]
    return np.minimum.reduceat(corners, starts)[row], np.maximum.reduceat(corners, starts)[row]


def nodes_to_volume(mesh: LVMesh, values: np.ndarray, affine: np.ndarray, *, voxel_mm: float) -> Volume:
    """Sample nodal values on a grid of cubic voxels around the mesh.

    Args:
        mesh: LV mesh.
        values: One number a node, shape (nodes,).
        affine: Any affine, shape (4, 4), whose axes the volume takes.
        voxel_mm: Edge of a voxel in mm.

    Returns:
        float32 volume, 0 outside the mesh.
    """
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    local = mesh.nodes_mm @ np.linalg.inv(axes).T
    low = np.floor(local.min(axis=0) / voxel_mm) * voxel_mm
    shape = np.ceil((local.max(axis=0) - low) / voxel_mm).astype(int) + 1
    frame = np.eye(4)
    frame[:3, :3], frame[:3, 3] = axes * voxel_mm, axes @ low
    volume = Volume(np.zeros(shape, dtype=np.float32), frame, "scar volume")
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3)
    sampled, inside = sample_nodes(mesh, values, volume.index_to_mm(grid))
    volume.values[...] = np.where(inside, sampled, 0).reshape(shape)
    return volume
