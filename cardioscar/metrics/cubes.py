"""Scar fraction of small cubes of wall: the scale on which intervals of a map can be checked."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import sparse

from cardioscar.errors import InputError
from cardioscar.metrics.masks import as_weights
from cardioscar.types import NodeValues, Points

LEAST_FULL = 0.1
"""Share of a cube that must be wall for it to count: the sliver in a cube that grazes the wall is one or two nodes."""


class WallCubes:
    """The cubes of a regular grid that hold wall; made once, it reduces many maps fast.

    Args:
        nodes_mm: Node positions in mm, shape (nodes, 3).
        node_volumes_ml: Volume that each node stands for in ml, shape (nodes,).
        size_mm: Edge of a cube in mm; the grid's lines lie at multiples of it.

    Attributes:
        wall_ml: Wall in each cube in ml, shape (cubes,).
        size_mm: Edge of a cube in mm.

    Raises:
        InputError: If the size is not positive, the shapes differ, or a position is not finite.

    >>> nodes = np.array([[1.0, 1, 1], [2.0, 2, 2], [7.0, 1, 1]])
    >>> cubes = WallCubes(nodes, np.array([0.03, 0.01, 0.05]), size_mm=5)
    >>> cubes.fractions(np.array([1, 0, 0.5])).tolist()
    [0.75, 0.5]
    """

    def __init__(self, nodes_mm: Points, node_volumes_ml: NodeValues, *, size_mm: float = 5.0) -> None:
        points = np.asarray(nodes_mm, dtype=np.float64)
        if not 0 < size_mm < np.inf:
            raise InputError("size_mm", "a positive length", f"{size_mm:g}")
        if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
            raise InputError("nodes_mm", "finite positions, shape (nodes, 3)", f"shape {points.shape} or non-finite")
        weights = as_weights(node_volumes_ml, len(points))
        cell = np.floor(points / size_mm).astype(np.int64)
        cell -= cell.min(axis=0, initial=0)
        _, cube = np.unique(np.ravel_multi_index(tuple(cell.T), tuple(cell.max(axis=0) + 1)), return_inverse=True)
        wall = np.bincount(cube.ravel(), weights=weights)
        kept = wall >= LEAST_FULL * size_mm**3 / 1000
        row = np.where(kept, np.cumsum(kept) - 1, -1)[cube.ravel()]
        inside = np.flatnonzero(row >= 0)
        share = weights[inside] / wall[cube.ravel()[inside]]
        self._shares = sparse.csr_array((share, (row[inside], inside)), shape=(int(kept.sum()), len(points)))
        self.wall_ml = wall[kept]
        self.size_mm = size_mm

    def __len__(self) -> int:
        """Number of cubes."""
        return len(self.wall_ml)

    def fractions(self, scar: np.ndarray) -> Float[np.ndarray, " cubes"]:
        """Scar fraction of each cube, weighted by volume.

        Args:
            scar: Scar at each node, mask or 0 to 1, shape (nodes,).

        Returns:
            0 to 1, shape (cubes,).

        Raises:
            InputError: If there is not one value for each node.
        """
        values = np.asarray(scar)
        if values.shape != self._shares.shape[1:]:
            raise InputError("scar", f"one value for each node, shape {self._shares.shape[1:]}", f"{values.shape}")
        return np.clip(self._shares @ values, 0, 1)  # shares of a cube sum to 1 but for rounding
