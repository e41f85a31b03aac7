"""The tetrahedral mesh as a graph: which nodes are neighbours, and the gradient of a nodal field."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from cardioscar.imaging.tetrahedra import CHUNK, EDGES, Tetrahedra
from cardioscar.types import NodeMask, NodeValues, Points

Edges = Int[np.ndarray, "edges 2"]
"""Pairs of neighbouring nodes, each once, the smaller number first."""


def mesh_edges(cells: Tetrahedra, n_nodes: int, *, kept: NodeMask | None = None) -> Edges:
    """Edges of the mesh, each once.

    Args:
        cells: Tetrahedra.
        n_nodes: Number of nodes of the mesh.
        kept: Nodes between which edges are wanted, shape (nodes,); default all.

    Returns:
        Shape (edges, 2), ascending.

    >>> mesh_edges(np.array([[0, 1, 2, 3]]), 4).tolist()
    [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    """
    found = sparse.csr_array((n_nodes, n_nodes), dtype=bool)
    # in pieces, and counted into rows rather than sorted: 8 million cells have 48 million pairs of nodes
    for start in range(0, len(cells), CHUNK):
        chunk = cells[start : start + CHUNK]
        if kept is not None:
            chunk = chunk[kept[chunk].sum(axis=1) > 1]
        a, b = (chunk[:, EDGES[:, n]].ravel().astype(np.int32) for n in (0, 1))
        if kept is not None:
            both = kept[a] & kept[b]
            a, b = a[both], b[both]
        low, high = np.minimum(a, b), np.maximum(a, b)
        found = found + sparse.csr_array((np.ones(len(low), dtype=bool), (low, high)), shape=(n_nodes, n_nodes))
    rows = np.repeat(np.arange(n_nodes), np.diff(found.indptr))
    return np.column_stack([rows, found.indices])


def adjacency(edges: Edges, n_nodes: int, weights: np.ndarray | None = None) -> sparse.csr_array:
    """Symmetric matrix of a graph, shape (nodes, nodes), with a weight for each edge (default 1)."""
    values = np.ones(len(edges), dtype=np.float32) if weights is None else weights
    row, column = edges.T
    both = (np.concatenate([row, column]), np.concatenate([column, row]))
    return sparse.csr_array((np.tile(values, 2), both), shape=(n_nodes, n_nodes))


def nodal_gradient(nodes_mm: Points, cells: Tetrahedra, values: NodeValues) -> Float[np.ndarray, "nodes 3"]:
    """Gradient of a field that is linear in each tetrahedron, at the nodes, per mm.

    Args:
        nodes_mm: Node positions, shape (nodes, 3).
        cells: Tetrahedra; those that are flat are left out.
        values: The field, shape (nodes,).

    Returns:
        Mean over the cells of each node, weighted by their volume; zero at nodes of no cell.
    """
    total, share = np.zeros((len(nodes_mm), 3)), np.zeros(len(nodes_mm))
    for start in range(0, len(cells), CHUNK):
        chunk = cells[start : start + CHUNK]
        first = nodes_mm[chunk[:, 0]]
        a, b, c = (nodes_mm[chunk[:, n]] - first for n in (1, 2, 3))
        over = [np.cross(b, c), np.cross(c, a), np.cross(a, b)]
        six_volumes = np.einsum("ij,ij->i", a, over[0])
        # |V| ∇f = Σ (f_n − f_0) (opposite cross product) / 6, with the sign of V taken out
        sign = np.sign(six_volumes)
        steps = [(values[chunk[:, n]] - values[chunk[:, 0]])[:, None] for n in (1, 2, 3)]
        weighted = sign[:, None] * sum(step * vector for step, vector in zip(steps, over, strict=True))
        # cells that follow each other mostly share their nodes: only the stretch of nodes that occur is summed over
        low, high = int(chunk.min()), int(chunk.max()) + 1
        for corner in range(4):
            where = chunk[:, corner] - low
            share[low:high] += np.bincount(where, np.abs(six_volumes), high - low)
            for axis in range(3):
                total[low:high, axis] += np.bincount(where, weighted[:, axis], high - low)
    return total / np.maximum(share, 1e-12)[:, None]
