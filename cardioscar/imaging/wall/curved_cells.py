"""Cells with nodes between their corners, made straight on the corners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

from cardioscar.imaging import cell_kinds
from cardioscar.imaging.cell_kinds import cell_offsets

if TYPE_CHECKING:
    import pyvista as pv


def on_corners(grid: pv.UnstructuredGrid) -> pv.UnstructuredGrid:
    """The grid with each cell as the linear one on its corners, and with all its points."""
    import pyvista as pv

    kinds, offsets = np.asarray(grid.celltypes), cell_offsets(grid)
    sizes, types = np.diff(offsets), kinds.copy()
    for kind in np.unique(kinds).tolist():
        sizes[kinds == kind], types[kinds == kind] = cell_kinds.corners(kind), cell_kinds.linear_kin(kind)
    ends = np.cumsum(sizes)
    places = np.arange(ends[-1]) + np.repeat(offsets[:-1] - (ends - sizes), sizes)
    cells = np.insert(np.asarray(grid.cell_connectivity)[places], ends - sizes, sizes)
    straight = pv.UnstructuredGrid(cells, types, grid.points)
    for name in grid.point_data:
        straight.point_data[name] = grid.point_data[name]
    for name in grid.cell_data:
        straight.cell_data[name] = grid.cell_data[name]
    return straight


def between_corners(
    grid: pv.UnstructuredGrid, cells: Bool[np.ndarray, " cells"], corner: np.ndarray, number: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of the nodes between the corners of curved cells, as weights of these corners.

    Args:
        grid: Cells with volume, linear and curved.
        cells: Curved cells that are looked at; of several that share a node the first of its type counts.
        corner: Nodes that are corners of cells, shape (nodes,).
        number: Number of each corner among the corners, shape (nodes,).

    Returns:
        Node, number of a corner, and this corner's weight at the node, one entry for each pair.
    """
    kinds, offsets = np.asarray(grid.celltypes), cell_offsets(grid)
    nodes, counts = np.asarray(grid.cell_connectivity), np.diff(offsets)
    done = corner.copy()
    found: tuple[list[np.ndarray], ...] = ([np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)], [np.empty(0)])
    shapes = np.unique(np.column_stack([kinds, counts])[cells], axis=0) if cells.any() else np.empty((0, 2), dtype=int)
    for kind, count in shapes.tolist():
        chosen_cells = np.flatnonzero(cells & (kinds == kind) & (counts == count))
        rows = nodes[offsets[:-1][chosen_cells][:, None] + np.arange(count)]
        weights, size = cell_kinds.corner_weights(kind, count), cell_kinds.corners(kind)
        for place in range(size, count):
            node, at = np.unique(rows[:, place], return_index=True)
            node, at = node[~done[node]], at[~done[node]]
            done[node] = True
            for n in np.flatnonzero(np.abs(weights[place]) > 1e-9).tolist():
                found[0].append(node)
                found[1].append(number[rows[at, n]])
                found[2].append(np.full(len(node), weights[place, n]))
    own, wall, weight = (np.concatenate(part) for part in found)
    return own, wall, weight
