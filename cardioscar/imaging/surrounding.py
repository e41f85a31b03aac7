"""How far one region surrounds another in the plane of a slice, open rings and gaps included."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))

ENCLOSED = 0.6
"""Share of the directions from which a place counts as inside: no place outside of a convex region sees it in more than
half of them."""


def surrounded(region: Bool[np.ndarray, "i j k"]) -> Float[np.ndarray, "i j k"]:
    """Share of eight directions in the plane (axes and diagonals) in which each pixel meets a region further on.

    Inside a closed ring it is 1, inside one that is open over a third of its course about 2/3, beside it at most 1/2.

    Args:
        region: Slices along the last axis.

    Returns:
        Shares 0 to 1, in steps of an eighth.

    >>> ring = np.ones((5, 5, 1), bool)
    >>> ring[1:4, 1:4] = False
    >>> float(surrounded(ring)[2, 2, 0]), float(surrounded(ring)[0, 0, 0])
    (1.0, 0.375)
    """
    met = np.zeros(region.shape, dtype=np.uint8)
    for di, dj in _DIRECTIONS:
        met += _meets(region, di, dj)
    return met / len(_DIRECTIONS)


def _meets(region: np.ndarray, di: int, dj: int) -> np.ndarray:
    """Whether the ray from each pixel in one direction, the pixel itself left out, meets the region."""
    if di == 0:
        return np.swapaxes(_meets(np.swapaxes(region, 0, 1), dj, 0), 0, 1)
    rows = region.shape[0]
    met = np.zeros(region.shape, dtype=bool)
    for row in range(rows - 2, -1, -1) if di > 0 else range(1, rows):
        ahead = region[row + di] | met[row + di]
        if dj == 0:
            met[row] = ahead
        elif dj > 0:
            met[row, :-1] = ahead[1:]
        else:
            met[row, 1:] = ahead[:-1]
    return met
