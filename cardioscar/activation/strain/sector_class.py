"""What a sector is: normal, late and free of scar, or scarred."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

LATE_MS = 40.0
"""Delay behind the earliest tenth of a heart from which on a sector is late: a quarter of the width of a QRS of bundle
branch block, and two frames of most sequences."""
_EARLIEST = 0.1


class SectorClass(IntEnum):
    """Class of a sector."""

    NORMAL = 0
    LATE = 1
    """Late and free of scar: a place for a lead."""
    SCARRED = 2
    """Scarred, late or not."""


def sector_classes(
    tos_ms: Float[np.ndarray, "*places sectors"],
    scarred: Bool[np.ndarray, "*places sectors"],
    *,
    late_ms: float = LATE_MS,
    earliest_ms: float | None = None,
) -> Int[np.ndarray, "*places sectors"]:
    """Class of each sector of a slice, or of all slices of a heart.

    Args:
        tos_ms: Time of onset of shortening in ms.
        scarred: Whether a sector is scarred.
        late_ms: Delay from which on a sector is late.
        earliest_ms: When the heart begins to shorten; default the earliest tenth of its sectors that are not scarred.

    >>> sector_classes(np.array([20.0, 25, 70, 90]), np.array([False, False, False, True])).tolist()
    [0, 0, 1, 2]
    """
    scarred = np.asarray(scarred, dtype=bool)
    if earliest_ms is None:
        living = tos_ms[~scarred] if (~scarred).any() else tos_ms
        earliest_ms = float(np.quantile(living, _EARLIEST))
    late = tos_ms - earliest_ms >= late_ms
    return np.where(scarred, int(SectorClass.SCARRED), np.where(late, int(SectorClass.LATE), int(SectorClass.NORMAL)))


def without_spikes(mask: Bool[np.ndarray, " sectors"], shortest_deg: float = 14.0) -> Bool[np.ndarray, " sectors"]:
    """A mask around the circumference without gaps and islands that are narrower than an angle.

    Args:
        mask: Of sectors.
        shortest_deg: What a region spans at least, in degrees.

    >>> without_spikes(np.array([1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1], dtype=bool), 60).astype(int).tolist()
    [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    """
    width = round(shortest_deg / 360 * len(mask))
    if width < 2 or mask.all() or not mask.any():
        return np.array(mask)
    tiled = np.tile(mask, 3)
    structure = np.ones(width, dtype=bool)
    closed = ndimage.binary_closing(tiled, structure)
    opened = ndimage.binary_opening(closed, structure)
    return opened[len(mask) : 2 * len(mask)]
