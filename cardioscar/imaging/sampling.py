"""Nodal values at other places: linear inside the mesh's cells, the nearest node's just outside."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.volume import Volume
from cardioscar.types import Points


def sample_nodes(mesh: LVMesh, values: np.ndarray, points_mm: Points) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate nodal values at points.

    Args:
        mesh: LV mesh.
        values: One number a node, shape (nodes,).
        points_mm: Positions in mm LPS, shape (points, 3).

    Returns:
        Values, shape (points,), and whether each point lies inside the mesh. Outside, the nearest node's value stands.
    """
    import pyvista as pv

    bare = pv.UnstructuredGrid(mesh.grid.cells, mesh.grid.celltypes, mesh.nodes_mm)
    bare.point_data["value"] = np.asarray(values, dtype=np.float64)
    # double precision: VTK's point locator misses points on faces of float32 meshes
    sampled = pv.PolyData(np.asarray(points_mm, dtype=np.float64)).sample(bare)
    inside = np.asarray(sampled.point_data["vtkValidPointMask"]).astype(bool)
    result = np.array(sampled.point_data["value"], dtype=np.float64)
    if not inside.all():
        nearest = cKDTree(mesh.nodes_mm).query(points_mm[~inside])[1]
        result[~inside] = np.asarray(values)[nearest]
    return result, inside


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
