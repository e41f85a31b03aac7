"""Whether a living corridor through scar survives in a map: its volume, and its way from end to end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra

from cardioscar.errors import InputError
from cardioscar.metrics.masks import as_mask, as_weights, same_length
from cardioscar.types import NodeMask, Points

END_SHARE = 0.1
"""An end of a corridor is the part of it within this share of its length from its tip."""


@dataclass(frozen=True)
class Corridor:
    """A living corridor: its nodes, the mesh's edges between them, and its two ends.

    Attributes:
        nodes: Mesh nodes of the corridor, shape (members,).
        links: Lengths of the edges between members in mm, shape (members, members).
        first: Members at one end, shape (members,).
        last: Members at the other end, shape (members,).
        length_mm: Longest of the shortest ways along edges, from tip to tip.
    """

    nodes: np.ndarray
    links: sparse.csr_array
    first: NodeMask
    last: NodeMask
    length_mm: float

    def connects(self, living: np.ndarray) -> bool:
        """Whether living nodes of the corridor lead from one end to the other along edges of the mesh.

        Args:
            living: Nodes that a map calls living, shape (mesh nodes,).

        Returns:
            True if one connected piece of living members holds nodes of both ends.
        """
        alive = as_mask(living, where="living")[self.nodes]
        if not alive.any():
            return False
        _, piece = connected_components(self.links[alive][:, alive], directed=False)
        return bool(np.isin(piece[self.first[alive]], piece[self.last[alive]]).any())


def find_corridor(corridor: np.ndarray, nodes_mm: Points, tetrahedra: np.ndarray) -> Corridor | None:
    """Take a corridor apart: its largest piece, and the two ends that lie farthest apart within it.

    The tips are found by a double sweep: the node farthest from any node is one tip, the node farthest from it the
    other. Only ways inside the corridor count, so a bent corridor has its ends where they are.

    Args:
        corridor: Nodes of the true living corridor, shape (nodes,).
        nodes_mm: Node positions in mm, shape (nodes, 3).
        tetrahedra: Corners of the mesh's cells, shape (cells, 4).

    Returns:
        The corridor; None where it has fewer than two connected nodes.

    Raises:
        InputError: If the mask does not fit the nodes.
    """
    members = as_mask(corridor, where="corridor")
    same_length(members, len(nodes_mm), where="corridor")
    cells = np.asarray(tetrahedra)
    if cells.ndim != 2 or cells.shape[1] != 4:
        raise InputError("tetrahedra", "shape (cells, 4)", f"shape {cells.shape}")
    nodes = np.flatnonzero(members)
    links = _links(members, nodes, np.asarray(nodes_mm, dtype=np.float64), cells)
    if links.nnz == 0:
        return None
    _, piece = connected_components(links, directed=False)
    kept = piece == np.bincount(piece).argmax()
    nodes, links = nodes[kept], links[kept][:, kept]
    tip = int(dijkstra(links, directed=False, indices=0).argmax())
    from_first = dijkstra(links, directed=False, indices=tip)
    other = int(from_first.argmax())
    from_last = dijkstra(links, directed=False, indices=other)
    length = float(from_first[other])
    return Corridor(nodes, links, from_first <= END_SHARE * length, from_last <= END_SHARE * length, length)


def corridor_kept(corridor: np.ndarray, living: np.ndarray, node_volumes_ml: np.ndarray | None = None) -> float:
    """Share of a corridor's volume that a map leaves alive.

    Args:
        corridor: Nodes of the true living corridor, shape (nodes,).
        living: Nodes that a map calls living, shape (nodes,).
        node_volumes_ml: Volume of each node in ml, shape (nodes,); default equal volumes.

    Returns:
        0 to 1; NaN where there is no corridor.

    Raises:
        InputError: If the shapes differ.

    >>> corridor_kept(np.array([1, 1, 1, 0]), np.array([1, 0, 1, 0]))
    0.6666666666666666
    """
    members, alive = as_mask(corridor, where="corridor"), as_mask(living, where="living")
    same_length(alive, len(members), where="living")
    weights = as_weights(node_volumes_ml, len(members))
    whole = float(weights[members].sum())
    return min(float(weights[members & alive].sum()) / whole, 1.0) if whole > 0 else float("nan")


def _links(members: NodeMask, nodes: np.ndarray, nodes_mm: Points, cells: np.ndarray) -> sparse.csr_array:
    """Edges between members with their lengths, each once, in the members' own numbering."""
    number = np.full(len(members), -1, dtype=np.int64)
    number[nodes] = np.arange(len(nodes))
    near = cells[members[cells].sum(axis=1) >= 2]
    corners = np.array([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
    pairs = np.sort(number[near[:, corners].reshape(-1, 2)], axis=1)
    pairs = np.unique(pairs[pairs[:, 0] >= 0], axis=0)
    lengths = np.linalg.norm(nodes_mm[nodes[pairs[:, 0]]] - nodes_mm[nodes[pairs[:, 1]]], axis=1)
    return sparse.csr_array((lengths, (pairs[:, 0], pairs[:, 1])), shape=(len(nodes), len(nodes)))
