"""One LV wall in the forms in which meshes come: in parts, with curved cells, in a bath, with a right ventricle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyvista as pv
from scipy.ndimage import binary_fill_holes

from cardioscar.imaging.cell_kinds import corner_weights
from cardioscar.imaging.meshing.from_labels import mesh_from_labels
from cardioscar.imaging.volume import Volume

CUBE = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)])


def cells_of(grid: pv.UnstructuredGrid) -> tuple[np.ndarray, np.ndarray, int]:
    """Nodes, cells and type of a grid of one type."""
    kind = int(grid.celltypes[0])
    size = len(grid.cell_connectivity) // grid.n_cells
    return np.array(grid.points, dtype=float), np.array(grid.cell_connectivity).reshape(-1, size), kind


def grid_of(points: np.ndarray, cells: np.ndarray, kind: int) -> pv.UnstructuredGrid:
    """A grid of one type, curved ones included."""
    return pv.UnstructuredGrid(np.insert(cells, 0, cells.shape[1], axis=1).ravel(), np.full(len(cells), kind), points)


def in_parts(grid: pv.UnstructuredGrid, part: np.ndarray) -> pv.UnstructuredGrid:
    """The same cells, each part on nodes of its own."""
    points, cells, kind = cells_of(grid)
    nodes, pieces, base = [], [], 0
    for number in np.unique(part):
        used, local = np.unique(cells[part == number], return_inverse=True)
        nodes.append(points[used])
        pieces.append(local.reshape(-1, cells.shape[1]) + base)
        base += len(used)
    return grid_of(np.vstack(nodes), np.vstack(pieces), kind)


def split(grid: pv.UnstructuredGrid) -> pv.UnstructuredGrid:
    """The same cells with a node for each corner of each."""
    points, cells, kind = cells_of(grid)
    return grid_of(points[cells].reshape(-1, 3), np.arange(cells.size).reshape(cells.shape), kind)


def curved(grid: pv.UnstructuredGrid, kind: int, size: int) -> pv.UnstructuredGrid:
    """The same cells with nodes between their corners, shared by neighbours; the corners keep their numbers."""
    points, cells, _ = cells_of(grid)
    weights = corner_weights(kind, size)[cells.shape[1] :]
    between = np.einsum("nk,ckx->cnx", weights, points[cells])
    places, number = np.unique(np.round(between.reshape(-1, 3), 6), axis=0, return_inverse=True)
    return grid_of(np.vstack([points, places]), np.hstack([cells, len(points) + number.reshape(len(cells), -1)]), kind)


def voxels(inside: np.ndarray, low: np.ndarray, step: float) -> pv.UnstructuredGrid:
    """Hexahedra for the true voxels of an array."""
    index = np.argwhere(inside)
    unique, inverse = np.unique((index[:, None] + CUBE).reshape(-1, 3), axis=0, return_inverse=True)
    return grid_of(low + unique * step, inverse.reshape(-1, 8), 12)


def voxel_box(grid: pv.UnstructuredGrid, step: float, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Which voxels of a box around a mesh lie in it, and the corner of the box."""
    low = np.array(grid.points).min(axis=0) - margin
    shape = np.ceil((np.array(grid.points).max(axis=0) + margin - low) / step).astype(int)
    centers = low + (np.argwhere(np.ones(shape, dtype=bool)) + 0.5) * step
    return (np.asarray(grid.find_containing_cell(centers)) >= 0).reshape(shape), low


def both_ventricles(labels: Volume, septum: Sequence[float]) -> Volume:
    """Labels with the free wall of a right ventricle in the basal slices, a cylinder of 5 mm beside the septum."""
    values = np.pad(labels.values, ((22, 22), (22, 22), (0, 0)))
    affine = labels.affine.copy()
    affine[:3, 3] -= affine[:3, :2] @ [22, 22]
    wide = Volume(values, affine, labels.source)
    wall = np.isin(values, (1, 2, 3))
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    normal /= np.linalg.norm(normal)
    toward = np.array(septum) - (np.array(septum) @ normal) * normal
    toward /= np.linalg.norm(toward)
    offset = wide.index_to_mm(np.argwhere(np.ones(values.shape))) - wide.index_to_mm(np.argwhere(wall)).mean(axis=0)
    radius = np.hypot(offset @ toward - 32, offset @ np.cross(normal, toward) / 1.15).reshape(values.shape)
    ring = np.abs(radius - 32) < 2.5
    slices = np.flatnonzero(wall.any(axis=(0, 1)))
    area = wall.sum(axis=(0, 1))[slices]
    basal = slices[: round(0.7 * len(slices))] if area[0] > area[-1] else slices[-round(0.7 * len(slices)) :]
    free = np.zeros_like(ring)
    for k in basal:
        free[:, :, k] = ring[:, :, k] & ~binary_fill_holes(wall[:, :, k])
    return Volume(np.where(free, 1, values).astype(np.uint8), affine, labels.source)


def both_ventricles_mesh(labels: Volume, septum: Sequence[float], edge_mm: float = 3.0) -> pv.UnstructuredGrid:
    """One connected mesh of `both_ventricles`."""
    return mesh_from_labels(both_ventricles(labels, septum), edge_mm=edge_mm).grid


def write_carp(stem: Path, points: np.ndarray, cells: np.ndarray, tags: np.ndarray, code: str = "Tt") -> None:
    """An openCARP mesh in micrometres."""
    nodes = "\n".join("{:.4f} {:.4f} {:.4f}".format(*point) for point in points * 1000)
    stem.with_suffix(".pts").write_text(f"{len(points)}\n{nodes}\n")
    rows = [f"{code} {' '.join(map(str, cell))} {tag}" for cell, tag in zip(cells.tolist(), tags, strict=True)]
    stem.with_suffix(".elem").write_text(f"{len(cells)}\n" + "\n".join(rows) + "\n")
