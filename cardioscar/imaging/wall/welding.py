"""Nodes of a mesh that lie at the same place.

Meshes in parts, one for each process of a solver, and those with a node for each corner of each cell hold a place
several times over. What needs neighbours, and what counts nodes, takes them as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from cardioscar.errors import GeometryError
from cardioscar.types import Points

WELD_SHARE = 0.01
"""Nodes closer than this share of the mesh's edge length are one."""

_MOST_PER_NODE = 64
_BOX = 8  # edge of the boxes in which nodes are compared, in tolerances


@dataclass(frozen=True)
class Weld:
    """Which nodes are one.

    Attributes:
        node: Number of the place of each node, shape (nodes,), in the order of each place's first node.
        first: First node of each place, ascending.
        spread: Places whose nodes are further apart than the tolerance, as each is near to a next one.
    """

    node: Int[np.ndarray, " nodes"]
    first: Int[np.ndarray, " places"]
    spread: int


def weld(points_mm: Points, tolerance_mm: float, *, source: str = "mesh") -> Weld | None:
    """Find the nodes that lie at the same place.

    Args:
        points_mm: Node positions, finite.
        tolerance_mm: Distance up to which two nodes are one.
        source: File name, for messages.

    Returns:
        Which nodes are one; None where each has a place of its own.

    Raises:
        GeometryError: If very many nodes lie within the tolerance of each other without being at the same place.

    >>> found = weld(np.array([[0, 0, 0], [5, 0, 0], [0, 0, 0.001], [9.0, 0, 0]]), 0.01)
    >>> found.node.tolist(), found.first.tolist()
    ([0, 1, 0, 2], [0, 1, 3])
    """
    if not any(_repeated(key) for key in _boxes(points_mm, tolerance_mm)):
        return None
    same = _same_place(points_mm)
    places = np.flatnonzero(same == np.arange(len(same)))  # nodes at the very same place are not compared in pairs
    crowded = places[_crowded(points_mm[places], tolerance_mm)]
    tree = cKDTree(points_mm[crowded])
    if tree.count_neighbors(tree, tolerance_mm) > _MOST_PER_NODE * len(crowded):
        rule = f"nodes further apart than {tolerance_mm:.3g} mm, or at the same place"
        raise GeometryError(source, rule, f"{len(crowded)} nodes that are neither")
    pairs = tree.query_pairs(tolerance_mm, output_type="ndarray")
    if len(pairs) == 0 and len(places) == len(points_mm):
        return None
    links = sparse.coo_array((np.ones(len(pairs), dtype=bool), tuple(pairs.T)), shape=(len(crowded),) * 2)
    cluster = connected_components(links, directed=False)[1]
    first = np.full(int(cluster.max(initial=-1)) + 1, len(points_mm))
    np.minimum.at(first, cluster, crowded)
    owner = np.arange(len(points_mm))
    owner[crowded] = first[cluster]
    owner = owner[same]
    chosen = np.flatnonzero(owner == np.arange(len(owner)))
    number = np.empty(len(owner), dtype=np.int64)
    number[chosen] = np.arange(len(chosen))
    return Weld(number[owner], chosen, _spread(points_mm[crowded], cluster, tolerance_mm))


def _same_place(points_mm: Points) -> Int[np.ndarray, " nodes"]:
    """First node with exactly the coordinates of each."""
    bits = np.ascontiguousarray(points_mm + 0.0).view(np.uint64)  # zero has no sign
    mixed = (bits * np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)).sum(axis=1)
    first = np.arange(len(points_mm))
    order = np.argsort(mixed, kind="stable")
    # two places that are mixed to one number stay two: what follows compares them by distance
    again = np.concatenate([[False], (points_mm[order[1:]] == points_mm[order[:-1]]).all(axis=1)])
    leader = np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))
    first[order] = order[leader]
    return first


def _boxes(points_mm: Points, tolerance_mm: float) -> Iterator[Int[np.ndarray, " nodes"]]:
    """Number of the box that each node lies in, in four grids of boxes.

    A pair within the tolerance is cut by a face of one grid at most in each direction, so one of the four holds both.
    """
    low, box = points_mm.min(axis=0), _BOX * tolerance_mm
    for shift in range(4):
        index = ((points_mm - (low - shift / 4 * box)) / box).astype(np.int64)
        size = index.max(axis=0) + 1
        # may wrap around where the tolerance is tiny: nodes far apart are then compared, which does no harm
        yield (index[:, 0] * size[1] + index[:, 1]) * size[2] + index[:, 2]


def _repeated(key: Int[np.ndarray, " nodes"]) -> bool:
    ordered = np.sort(key)
    return bool((ordered[1:] == ordered[:-1]).any())


def _crowded(points_mm: Points, tolerance_mm: float) -> Bool[np.ndarray, " nodes"]:
    """Nodes that share a box with another."""
    crowded = np.zeros(len(points_mm), dtype=bool)
    for key in _boxes(points_mm, tolerance_mm):
        ordered = np.sort(key)
        crowded |= np.isin(key, ordered[1:][ordered[1:] == ordered[:-1]])
    return crowded


def _spread(places: Points, cluster: np.ndarray, tolerance_mm: float) -> int:
    if len(places) == cluster.max(initial=-1) + 1:
        return 0
    order = np.argsort(cluster, kind="stable")
    starts = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    extent = np.maximum.reduceat(places[order], starts) - np.minimum.reduceat(places[order], starts)
    return int((np.linalg.norm(extent, axis=1) > 2 * tolerance_mm).sum())
