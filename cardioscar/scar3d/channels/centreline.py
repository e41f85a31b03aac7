"""The line along which a corridor is run through, and what is measured on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.ndimage import gaussian_filter1d
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from cardioscar.types import NodeValues, Points

# Distance between the points of a line, and the standard deviation of its smoothing: nodes lie on a zigzag.
STEP_MM = 0.5
SMOOTHING_MM = 2.5


@dataclass(frozen=True)
class Centreline:
    """A smooth line from mouth to mouth.

    Attributes:
        points_mm: Points along it, evenly spaced, shape (points, 3).
        nodes: Nodes that it was drawn through, in order.
        inner: The part of `points_mm` that lies between them, without the straight ends.
    """

    points_mm: Points
    nodes: Int[np.ndarray, " some"]
    inner: slice

    @property
    def length_mm(self) -> float:
        """Length of the line."""
        return float(np.linalg.norm(np.diff(self.points_mm, axis=0), axis=1).sum())

    @property
    def orientation(self) -> Float[np.ndarray, " xyz"]:
        """Unit vector from the first mouth to the last."""
        chord = self.points_mm[-1] - self.points_mm[0]
        return chord / max(float(np.linalg.norm(chord)), 1e-12)


def centreline(
    graph: sparse.csr_array,
    nodes_mm: Points,
    clearance_mm: NodeValues,
    start: int,
    end: int,
    *,
    beyond_mm: tuple[float, float] = (0.0, 0.0),
) -> Centreline:
    """Draw the line through the middle of a corridor.

    Args:
        graph: Neighbours within the corridor, weighted by distance in mm.
        nodes_mm: Positions of its nodes, shape (nodes, 3).
        clearance_mm: Distance of each to the scar beside it, shape (nodes,).
        start: Node in the first mouth.
        end: Node in the last mouth, connected to the first.
        beyond_mm: How far the corridor goes on straight before and behind them.

    Returns:
        The line.
    """
    # Steps close to the scar are dear, so that the path keeps to the middle.
    row, column = graph.tocoo().coords
    inside = (clearance_mm[row] + clearance_mm[column]) / 2
    dear = (clearance_mm.max() + 0.5) / (inside + 0.5)
    weighted = sparse.csr_array((graph.data * dear**2, (row, column)), shape=graph.shape)
    _, before = dijkstra(weighted, indices=start, return_predecessors=True)
    path = [end]
    while path[-1] != start:
        path.append(int(before[path[-1]]))
    nodes = np.array(path[::-1])
    line = _smooth(nodes_mm[nodes])
    before_mm, behind_mm = _straight_on(line, beyond_mm[0]), _straight_on(line[::-1], beyond_mm[1])
    first = len(before_mm)
    return Centreline(np.concatenate([before_mm[::-1], line, behind_mm]), nodes, slice(first, first + len(line)))


def width_mm(
    line: Centreline, nodes_mm: Points, clearance_mm: NodeValues, *, edge_mm: float
) -> Float[np.ndarray, " steps"]:
    """Width of a corridor along its centreline: twice the clearance of its middle.

    Args:
        line: The centreline.
        nodes_mm: Positions of the corridor's nodes, shape (nodes, 3).
        clearance_mm: Distance of each to the scar beside it, shape (nodes,).
        edge_mm: Typical distance between nodes: the middle lies within it of the line.

    Returns:
        Shape (points,), mm: every half millimetre of the line, without its ends, which open into healthy tissue.
    """
    inner = line.points_mm[line.inner]
    near = cKDTree(inner).sparse_distance_matrix(cKDTree(nodes_mm), 1.5 * edge_mm, output_type="coo_matrix")
    widest = np.zeros(len(inner))
    np.maximum.at(widest, near.row, clearance_mm[near.col])
    return 2 * widest


def _straight_on(line_mm: Points, length_mm: float) -> Float[np.ndarray, "beyond 3"]:
    """Points straight on from the first one of a line, away from it."""
    reach = min(len(line_mm) - 1, round(2 * SMOOTHING_MM / STEP_MM))
    outward = line_mm[0] - line_mm[reach]
    outward = outward / max(float(np.linalg.norm(outward)), 1e-12)
    return line_mm[0] + np.arange(1, round(length_mm / STEP_MM) + 1)[:, None] * STEP_MM * outward


def _smooth(points_mm: Points) -> Float[np.ndarray, "steps 3"]:
    """Even steps along the line, smoothed, the ends kept."""
    at = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points_mm, axis=0), axis=1))])
    if at[-1] == 0:
        return points_mm[:1]
    even = np.linspace(0, at[-1], max(2, round(at[-1] / STEP_MM) + 1))
    line = np.column_stack([np.interp(even, at, points_mm[:, axis]) for axis in range(3)])
    # Mirrored through the ends, so that these stay in place; a short line is smoothed less, or it would shrink.
    width = len(line) - 1
    share = min(SMOOTHING_MM / at[-1], 1 / 8)
    mirrored = np.concatenate([2 * line[0] - line[:0:-1], line, 2 * line[-1] - line[-2::-1]])
    smooth = gaussian_filter1d(mirrored, share * width, axis=0)[width : width + len(line)]
    steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(smooth, axis=0), axis=1))])
    even = np.linspace(0, steps[-1], max(2, round(steps[-1] / STEP_MM) + 1))
    return np.column_stack([np.interp(even, steps, smooth[:, axis]) for axis in range(3)])
