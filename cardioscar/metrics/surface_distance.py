"""Distance between the borders of two binary scar maps on the same nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from cardioscar.errors import InputError
from cardioscar.metrics.masks import as_mask, same_length
from cardioscar.types import NodeMask, Points

if TYPE_CHECKING:
    from cardioscar.imaging.lvmesh import LVMesh

# Mean number of neighbours of a node inside a tetrahedral mesh is about 14.
NEAREST_NODES = 14


def hd95_mm(
    truth: np.ndarray,
    prediction: np.ndarray,
    nodes_mm: Points,
    *,
    cells: tuple[np.ndarray, np.ndarray] | None = None,
    percentile: float = 95.0,
) -> float:
    r"""Symmetric 95th percentile of the distance between the borders of two scars (HD95).

    $$\mathrm{HD}_{95} = \max\{P_{95}\,d(\partial T, \partial P),\; P_{95}\,d(\partial P, \partial T)\}$$

    where $d(A, B)$ are the distances of the nodes of A to the nearest node of B. The larger of the two
    directed percentiles is the definition of Metrics Reloaded [@maierhein2024]; a percentile of the pooled
    distances would let a small false island hide behind a large well-placed border.

    The border of a scar is its interface with living wall (see `border`): endocardium and epicardium are
    known anatomy that both maps share, and counting them would dilute the percentile with zeros.

    Args:
        truth: True scar, shape (nodes,), 0 or 1.
        prediction: Predicted scar, shape (nodes,), 0 or 1.
        nodes_mm: Node positions, shape (nodes, 3).
        cells: Nodes of the cells one after the other, and where each cell's nodes start and the last one's
            end (VTK's connectivity and offsets); without them the nearest nodes are taken as neighbours.
        percentile: 100 gives the Hausdorff distance.

    Returns:
        mm, at least 0; NaN where either map is empty.

    Raises:
        InputError: If a map is not binary, the shapes differ, or a position is not finite.

    >>> line = np.column_stack([np.arange(40.0), np.zeros(40), np.zeros(40)])
    >>> segments = (np.repeat(np.arange(40), 2)[1:-1], np.arange(0, 79, 2))
    >>> hd95_mm(line[:, 0] < 20, line[:, 0] < 23, line, cells=segments)
    3.0
    """
    true, predicted = as_mask(truth, where="truth"), as_mask(prediction, where="prediction")
    same_length(predicted, len(true), where="prediction")
    points = np.asarray(nodes_mm, dtype=np.float64)
    if points.shape != (len(true), 3) or not np.isfinite(points).all():
        raise InputError("nodes_mm", f"finite positions, shape ({len(true)}, 3)", f"shape {points.shape} or non-finite")
    if not true.any() or not predicted.any():
        return float("nan")
    true_mm = points[border(true, points, cells=cells)]
    predicted_mm = points[border(predicted, points, cells=cells)]
    there, _ = cKDTree(predicted_mm).query(true_mm)
    back, _ = cKDTree(true_mm).query(predicted_mm)
    return float(max(np.percentile(there, percentile), np.percentile(back, percentile)))


def mesh_hd95_mm(truth: np.ndarray, prediction: np.ndarray, mesh: LVMesh) -> float:
    """HD95 of two scars on a mesh; neighbours are the nodes of a common cell (see `hd95_mm`).

    Args:
        truth: True scar, shape (nodes,), 0 or 1.
        prediction: Predicted scar, shape (nodes,), 0 or 1.
        mesh: The wall.

    Returns:
        mm, at least 0; NaN where either map is empty.

    Raises:
        InputError: If a map is not binary or does not fit the mesh.
    """
    from vtkmodules.util.numpy_support import vtk_to_numpy

    array = mesh.grid.GetCells()
    cells = (vtk_to_numpy(array.GetConnectivityArray()), vtk_to_numpy(array.GetOffsetsArray()))
    return hd95_mm(truth, prediction, mesh.nodes_mm, cells=cells)


def border(
    mask: NodeMask,
    nodes_mm: Points,
    *,
    cells: tuple[np.ndarray, np.ndarray] | None = None,
) -> NodeMask:
    """Nodes of a set that have a neighbour outside it.

    Args:
        mask: The set, shape (nodes,).
        nodes_mm: Node positions, shape (nodes, 3).
        cells: Connectivity and offsets of the mesh: nodes of one cell are neighbours. Without them, the
            `NEAREST_NODES` nearest nodes are.

    Returns:
        Shape (nodes,). A set without neighbours outside (the whole wall) has no such interface: all its nodes
        are returned, so that a distance to it exists.
    """
    if cells is not None:
        connectivity, offsets = np.asarray(cells[0]), np.asarray(cells[1])
        counts = np.diff(offsets)
        inside = np.add.reduceat(mask[connectivity].astype(np.int64), offsets[:-1])
        mixed = (inside > 0) & (inside < counts)
        touched = np.zeros(len(mask), dtype=bool)
        touched[connectivity[np.repeat(mixed, counts)]] = True
        found = touched & mask
    else:
        members = np.flatnonzero(mask)
        k = min(NEAREST_NODES + 1, len(mask))
        _, near = cKDTree(nodes_mm).query(nodes_mm[members], k=k)
        found = np.zeros(len(mask), dtype=bool)
        found[members] = ~mask[near.reshape(len(members), k)].all(axis=1)
    return found if found.any() else mask
