"""An even grid over the wall by height and angle, closed around, from which values go to the nodes of any mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import sparse


@dataclass(frozen=True)
class WallGrid:
    """Heights from apex (0) to base (1), and sectors around each, see `sectors`.

    Attributes:
        heights: How many, 2 and more; the first is the apex, the last the base.
        sectors: How many.
    """

    heights: int = 25
    sectors: int = 60

    @property
    def height(self) -> Float[np.ndarray, " places"]:
        """Height of each place, 0 to 1; places run through the sectors first."""
        return np.repeat(np.linspace(0, 1, self.heights), self.sectors)

    @property
    def angle(self) -> Float[np.ndarray, " places"]:
        """Angle of each place in the order of sectors, radians."""
        return np.tile(2 * np.pi * (np.arange(self.sectors) + 0.5) / self.sectors, self.heights)

    def weights(self, height: Float[np.ndarray, " nodes"], angle: Float[np.ndarray, " nodes"]) -> sparse.csr_array:
        """Matrix that takes values of the grid to nodes, linearly along both, shape (nodes, places).

        Args:
            height: 0 to 1; others are taken for the nearer end.
            angle: Radians.

        >>> grid = WallGrid(3, 4)
        >>> (grid.weights(np.array([0.5]), np.array([-0.1])) @ np.cos(grid.angle)).round(3).tolist()
        [0.707]
        """
        up = np.clip(np.asarray(height, dtype=np.float64), 0, 1) * (self.heights - 1)
        low = np.minimum(np.floor(up).astype(np.int64), self.heights - 2)
        around = np.mod(np.asarray(angle, dtype=np.float64) / (2 * np.pi), 1.0) * self.sectors - 0.5
        first = np.floor(around).astype(np.int64)
        rows, columns, shares = [], [], []
        for above in (0, 1):
            for further in (0, 1):
                share = np.abs(1 - above - (up - low)) * np.abs(1 - further - (around - first))
                rows.append(np.arange(len(up)))
                columns.append((low + above) * self.sectors + (first + further) % self.sectors)
                shares.append(share)
        entries = (np.concatenate(shares), (np.concatenate(rows), np.concatenate(columns)))
        return sparse.coo_array(entries, shape=(len(up), self.heights * self.sectors)).tocsr()
