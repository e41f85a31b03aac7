"""Which points of a regular grid lie in which tetrahedra, for fields that are linear in each: no search, no locator."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from cardioscar.imaging.tetrahedra import Tetrahedra

_AT_ONCE = 2_000_000
"""Points that are looked at together: about 200 MB."""
_EDGE = 1e-9
"""How far outside a tetrahedron a point may lie, as a share of its height, and still be in it: those on faces are."""


def points_in_cells(
    nodes: Float[np.ndarray, "nodes 3"], cells: Tetrahedra, shape: tuple[int, int, int]
) -> Iterator[tuple[Int[np.ndarray, " points"], Int[np.ndarray, "points 4"], Float[np.ndarray, "points 4"]]]:
    """The whole-numbered points of a grid that lie in tetrahedra.

    Args:
        nodes: Places in units of the grid: point (0, 0, 0) is its first.
        cells: Nodes of each tetrahedron.
        shape: Points along each axis.

    Yields:
        Number of each point in the flat grid, the corners of its cell, and their weights, 0 to 1 with the sum 1. A
        point on a face of two cells comes twice, with the same value of a field that is linear in each.
    """
    corners = nodes[cells]
    low = np.maximum(np.ceil(corners.min(axis=1) - _EDGE), 0).astype(np.int64)
    high = np.minimum(np.floor(corners.max(axis=1) + _EDGE), np.array(shape) - 1).astype(np.int64)
    sides = np.maximum(high - low + 1, 0)
    counts = sides.prod(axis=1)
    held = np.flatnonzero(counts)
    ends = np.cumsum(counts[held])
    splits = np.searchsorted(ends, np.arange(_AT_ONCE, ends[-1] if len(ends) else 0, _AT_ONCE))
    for some in np.split(held, np.unique(splits)):
        if len(some) == 0:
            continue
        owner = np.repeat(some, counts[some])
        step = np.arange(len(owner)) - np.repeat(np.cumsum(counts[some]) - counts[some], counts[some])
        side = sides[owner]
        place = low[owner] + np.column_stack(
            [step // (side[:, 1] * side[:, 2]), step // side[:, 2] % side[:, 1], step % side[:, 2]]
        )
        origin = corners[owner, 0]
        axes = (corners[some, 1:] - corners[some, :1]).transpose(0, 2, 1)
        flat = np.abs(np.linalg.det(axes)) < 1e-12
        axes[flat] = np.inf  # a cell without volume holds nothing
        inverse = np.zeros_like(axes)
        inverse[~flat] = np.linalg.inv(axes[~flat])
        of = np.repeat(np.arange(len(some)), counts[some])
        rest = np.einsum("nij,nj->ni", inverse[of], place - origin)
        weight = np.column_stack([1 - rest.sum(axis=1), rest])
        inside = (weight >= -_EDGE).all(axis=1) & ~flat[of]
        weight = np.clip(weight[inside], 0, None)
        yield (
            np.ravel_multi_index(tuple(place[inside].T), shape),
            cells[owner[inside]],
            weight / weight.sum(axis=1, keepdims=True),
        )
