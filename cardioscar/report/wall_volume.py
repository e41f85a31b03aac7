"""The wall on a small regular grid in the heart's own frame, for pictures that are drawn where the page is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from scipy import sparse
from scipy.spatial import cKDTree

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.sampling import sampling_weights
from cardioscar.types import Points

MOST_VOXELS = 180_000
"""A heart of a million nodes takes no more than this."""
FINEST_MM = 1.0
_MARGIN_VOXELS = 3
_DENSE_NODES = 150_000
"""From here on nodes lie closer than voxels, and the nearest one speaks for a voxel."""


@dataclass(frozen=True)
class WallVolume:
    """Channels of a heart on a grid, one byte a voxel.

    Attributes:
        shape: Voxels along x, y and z of the heart's frame.
        voxel_mm: Their edge.
        low_mm: Centre of the first voxel in the heart's frame, shape (3,).
        centre_mm: Origin of the heart's frame, LPS.
        axes: Its unit vectors in rows, LPS: x to a side, z from apex to base; shape (3, 3).
        channels: By name; `distance` is that from the wall's surface, 0 to 255 for −`reach_mm` (inside) to `reach_mm`.
        reach_mm: Distance of the ends of `distance`.
    """

    shape: tuple[int, int, int]
    voxel_mm: float
    low_mm: Float[np.ndarray, " 3"]
    centre_mm: Float[np.ndarray, " 3"]
    axes: Float[np.ndarray, "3 3"]
    channels: Mapping[str, UInt8[np.ndarray, "x y z"]]
    reach_mm: float

    def to_heart(self, points_mm: Points) -> Points:
        """Points of the patient (LPS) in the heart's frame, in mm."""
        return (np.asarray(points_mm, dtype=float) - self.centre_mm) @ self.axes.T


def wall_volume(
    mesh: LVMesh, values: Mapping[str, tuple[np.ndarray, float, float]], axis: np.ndarray, side: np.ndarray
) -> WallVolume:
    """Bring nodal values to a grid about the wall.

    Args:
        mesh: The LV.
        values: By channel: a number a node, shape (nodes,), and what 0 and 255 stand for.
        axis: From apex to base, unit vector.
        side: Across it, unit vector.

    Returns:
        The values in and near the wall, 0 elsewhere, and the distance from its surface.
    """
    axes = np.stack([side, np.cross(axis, side), axis])
    centre = (mesh.nodes_mm.min(axis=0) + mesh.nodes_mm.max(axis=0)) / 2
    local = (mesh.nodes_mm - centre) @ axes.T
    low, high = local.min(axis=0), local.max(axis=0)
    voxel = max(FINEST_MM, float(np.prod(high - low) / MOST_VOXELS) ** (1 / 3))
    low = low - _MARGIN_VOXELS * voxel
    shape = np.ceil((high - low) / voxel).astype(int) + 1 + _MARGIN_VOXELS
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3) * voxel + low
    points = grid @ axes + centre
    reach = 3 * voxel
    distance = _surface_distance(mesh, points, reach)
    near = np.flatnonzero(distance < 2.5 * voxel)
    weights, inside = _weights(mesh, points[near])
    if inside is not None:
        distance[near] = np.where(inside, -1, 1) * np.abs(distance[near])
    channels = {"distance": _bytes(distance, -reach, reach).reshape(shape)}
    for name, (at_nodes, least, greatest) in values.items():
        own = np.zeros(len(points), dtype=np.uint8)
        own[near] = _bytes(weights @ np.asarray(at_nodes, dtype=float), least, greatest)
        channels[name] = own.reshape(shape)
    size = (int(shape[0]), int(shape[1]), int(shape[2]))
    return WallVolume(size, voxel, low, centre, axes, channels, reach)


def _bytes(values: np.ndarray, least: float, greatest: float) -> np.ndarray:
    return np.round(255 * np.clip((values - least) / (greatest - least), 0, 1)).astype(np.uint8)


def _surface_distance(mesh: LVMesh, points: Points, reach_mm: float) -> np.ndarray:
    """Distance of each point from the surface, below 0 inside; far outside: infinite.

    To the nearest triangle, taken for a disc about its centroid, which is a voxel's fraction off at most.
    """
    corners = mesh.nodes_mm[mesh.boundary]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    centroid = corners.mean(axis=1)
    radius = 0.6 * np.linalg.norm(corners - centroid[:, None], axis=2).max(axis=1)
    # a wall is thinner than 50 mm: what is farther from its surface lies outside
    euclid, nearest = cKDTree(centroid).query(points, distance_upper_bound=max(reach_mm, 25.0))
    found = np.flatnonzero(np.isfinite(euclid))
    of = nearest[found]
    above = np.einsum("ij,ij->i", points[found] - centroid[of], normal[of])
    aside = np.sqrt(np.maximum(euclid[found] ** 2 - above**2, 0.0))
    distance = np.full(len(points), np.inf)
    distance[found] = np.where(above < 0, -1, 1) * np.hypot(above, np.maximum(aside - radius[of], 0.0))
    return distance


def _weights(mesh: LVMesh, points: Points) -> tuple[sparse.csr_array, np.ndarray | None]:
    """Weights that sample the nodes at points, and which points lie inside; None where that was not asked."""
    if mesh.n_nodes < _DENSE_NODES:
        weights = sampling_weights(mesh, points)
        return weights, np.diff(weights.indptr) == 4  # four corners of a tetrahedron, else the nearest node alone
    nearest = cKDTree(mesh.nodes_mm).query(points)[1]
    shape = (len(points), mesh.n_nodes)
    return sparse.csr_array((np.ones(len(points)), (np.arange(len(points)), nearest)), shape=shape), None
