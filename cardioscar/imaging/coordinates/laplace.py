"""Laplace's equation on tetrahedra, with linear finite elements."""

from __future__ import annotations

import logging

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg, splu

from cardioscar.imaging.tetrahedra import EDGES, Tetrahedra, signed_volumes
from cardioscar.types import NodeMask, NodeValues, Points

log = logging.getLogger(__name__)

# Cells whose element matrices are held at a time, and those that are computed at a time.
CHUNK, CACHED = 500_000, 32_768
# Boxes of the coarse solve, over the bounding box; about a quarter of them hold wall.
BOXES = 10_000


def stiffness(nodes_mm: Points, cells: Tetrahedra) -> sparse.csr_array:
    r"""Stiffness matrix of linear tetrahedra, $K_{ij} = \int \nabla\varphi_i\cdot\nabla\varphi_j$.

    Args:
        nodes_mm: Node positions.
        cells: Tetrahedra; those that are flat are left out.

    Returns:
        Symmetric matrix, shape (nodes, nodes), rows summing to zero.
    """
    size = len(nodes_mm)
    upper = sparse.csr_array((size, size))
    for start in range(0, len(cells), CHUNK):
        row, column, entry = _upper_entries(nodes_mm, cells[start : start + CHUNK])
        upper = upper + sparse.coo_array((entry, (row, column)), shape=(size, size)).tocsr()
    matrix = upper + upper.T
    return (matrix - sparse.diags_array(np.asarray(matrix.sum(axis=1)))).tocsr()


def _upper_entries(nodes_mm: Points, cells: Tetrahedra) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, column and value of the element matrices above the diagonal, one after the other."""
    low, high, value = [], [], []
    for start in range(0, len(cells), CACHED):
        chunk = cells[start : start + CACHED]
        volumes = np.abs(signed_volumes(nodes_mm, chunk))
        chunk, volumes = chunk[volumes > 1e-9], volumes[volumes > 1e-9]
        # Area vector of the face opposite to each corner: gradient of the shape function times -3 volumes.
        a, b, c, d = nodes_mm[chunk.T]
        areas = (
            np.cross(d - b, c - b),
            np.cross(c - a, d - a),
            np.cross(d - a, b - a),
            np.cross(b - a, c - a),
        )
        for i, j in EDGES:
            value.append(np.einsum("ij,ij->i", areas[i], areas[j]) / (36 * volumes))
            low.append(np.minimum(chunk[:, i], chunk[:, j]).astype(np.int32))
            high.append(np.maximum(chunk[:, i], chunk[:, j]).astype(np.int32))
    return np.concatenate(low), np.concatenate(high), np.concatenate(value)


def solve_laplace(
    matrix: sparse.csr_array,
    nodes_mm: Points,
    fixed: NodeMask,
    values: NodeValues,
    *,
    start: NodeValues | None = None,
    tolerance: float = 1e-6,
) -> NodeValues:
    """Solve Laplace's equation with given values at some nodes and no flux elsewhere.

    Conjugate gradients, preconditioned by the diagonal plus a coarse solve on boxes of nodes, in each of which the
    correction is constant; the boxes carry the values along the LV, for which the diagonal alone takes ten times
    the iterations.

    Args:
        matrix: Stiffness matrix.
        nodes_mm: Node positions.
        fixed: Nodes whose value is given; each connected part of the mesh needs one.
        values: Their values; what stands at the other nodes does not matter.
        start: First guess.
        tolerance: Relative residual at which to stop.

    Returns:
        Values at all nodes, within the range of the given ones (the maximum principle, which flat cells may
        break by a little, is enforced).
    """
    free = np.flatnonzero(~fixed)
    given = np.flatnonzero(fixed)
    solution = np.where(fixed, values, 0.0)
    if len(free):
        rows = matrix[free]
        inner = rows[:, free].tocsr()
        right = -(rows[:, given] @ values[given])
        del rows  # as large as the matrix itself
        preconditioner = _two_level(inner, nodes_mm[free])
        guess = None if start is None else start[free]
        found, info = cg(inner, right, x0=guess, rtol=tolerance, maxiter=5000, M=preconditioner)
        if info > 0:
            log.warning("Laplace solve stopped at %d iterations above the tolerance %g", info, tolerance)
        solution[free] = found
    return np.clip(solution, values[given].min(), values[given].max())


def _two_level(matrix: sparse.csr_array, nodes_mm: Points) -> LinearOperator:
    inverse = 1 / matrix.diagonal()
    size_mm = float(np.cbrt(np.prod(np.ptp(nodes_mm, axis=0) + 1) / BOXES))
    box = np.floor((nodes_mm - nodes_mm.min(axis=0)) / size_mm).astype(np.int64)
    _, box = np.unique(np.ravel_multi_index(tuple(box.T), tuple(box.max(axis=0) + 1)), return_inverse=True)
    count = int(box.max()) + 1
    gather = sparse.csr_array((np.ones(len(box)), (box, np.arange(len(box)))), shape=(count, len(box)))
    coarse = splu((gather @ matrix @ gather.T).tocsc())

    def apply(residual: np.ndarray) -> np.ndarray:
        residual = residual.ravel()
        return residual * inverse + coarse.solve(np.bincount(box, residual, count))[box]

    return LinearOperator(matrix.shape, matvec=apply, dtype=float)
