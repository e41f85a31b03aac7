"""Shape aliases used in signatures. Axis names: nodes, cells, groups, slices, i and j (pixel indices)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

Points = Float[np.ndarray, "points 3"]
"""Positions in millimetres, in the LPS patient frame."""

AffineMatrix = Float[np.ndarray, "4 4"]
"""Homogeneous matrix from voxel index to millimetres in the LPS patient frame."""

NodeValues = Float[np.ndarray, " nodes"]
NodeMask = Bool[np.ndarray, " nodes"]
GroupValues = Float[np.ndarray, " groups"]
GroupNumbers = Int[np.ndarray, " groups"]
"""A whole number of each group: how many pixels it has, or which slice it lies in."""
GroupIndex = Int[np.ndarray, " nodes"]
"""Group of each node, or -1 where no pixel sees the node."""
Segments = Integer[np.ndarray, " nodes"]
"""AHA segment of each node, 1 to 17, or 0 for none; uint8 as meshes hold it."""
GroupOffsets = Int[np.ndarray, " groups_plus_1"]
"""First node of each group in group order, then the number of nodes (CSR)."""

OnStep = Callable[[str, int, int], None]
"""Told of a part of a work: its name, how much of it is done, and how much there is."""


def untold(part: str, done: int, of: int) -> None:
    """Nobody wants to know how far a work is."""
