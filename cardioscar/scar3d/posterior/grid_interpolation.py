"""Linear interpolation from a regular grid: what varies slowly is computed at its corners and carried to all nodes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import sparse

from cardioscar.types import Points


def trilinear(points: Points, spacing: float) -> tuple[Float[np.ndarray, "corners 3"], sparse.csr_matrix]:
    """Grid points around points, and the trilinear weights from grid to points.

    Args:
        points: Positions, shape (points, 3).
        spacing: Edge of a grid cell, in the unit of the positions.

    Returns:
        The corners of all occupied cells of the grid whose lines lie at multiples of the spacing, shape (corners, 3),
        and the weights, shape (points, corners), float32: from 0 to 1, each row adding up to 1.

    >>> corners, weights = trilinear(np.array([[0.5, 0.5, 0.25]]), 1.0)
    >>> (weights @ corners).tolist()
    [[0.5, 0.5, 0.25]]
    """
    scaled = points / spacing
    low = np.floor(scaled).astype(np.int64)
    inside = scaled - low
    low -= low.min(axis=0)
    shape = low.max(axis=0) + 2
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    at = np.ravel_multi_index(np.moveaxis(low[:, None] + corners, 2, 0), tuple(shape))
    weight = np.where(corners, inside[:, None], 1 - inside[:, None]).prod(axis=2)
    used, column = np.unique(at, return_inverse=True)
    origin = np.floor(scaled.min(axis=0))
    grid = (np.column_stack(np.unravel_index(used, tuple(shape))) + origin) * spacing
    matrix = sparse.csr_matrix(
        (weight.astype(np.float32).reshape(-1), column.reshape(-1), np.arange(0, 8 * len(points) + 1, 8)),
        shape=(len(points), len(used)),
    )
    return grid, matrix
