"""Shares of pixels as anatomy has them: papillary muscles in the cavity, no outgrowths, partial volumes at edges."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import binary_closing, binary_dilation, binary_erosion, binary_fill_holes, binary_opening

_EDGE_PIXELS = 2
"""How far from an outline pixels may be partial volumes."""
_PAPILLARY_MM, _TENTACLE_MM = 6.0, 3.0
"""Radius within which notches of the cavity belong to it, and of which the wall's outgrowths are narrower."""
_PAD = 8
"""Pixels around a heart, so that nothing is cut off at the picture's edge."""


def shaped(cavity: np.ndarray, wall: np.ndarray, pixel_mm: Float[np.ndarray, " axes"]) -> tuple[np.ndarray, np.ndarray]:
    """Shares of a cavity that holds its papillary muscles, as readers draw it, and of a wall without outgrowths.

    Holes of the cavity and notches that are narrower than `_PAPILLARY_MM` on either side are cavity; what of the heart
    is narrower than `_TENTACLE_MM` on either side (the wall of the right ventricle, fat) is none. What is no wider than
    a pixel stays as it is: on a grid, circles have such edges.
    """
    pool, heart = cavity >= 0.5, cavity + wall >= 0.5
    wide, narrow = (_disc(radius / pixel_mm) for radius in (_PAPILLARY_MM, _TENTACLE_MM))
    for k, t in np.argwhere(pool.any(axis=(0, 1))):
        inner, outer = pool[:, :, k, t], heart[:, :, k, t]
        rows, columns = (slice(max(int(at.min()) - _PAD, 0), int(at.max()) + _PAD + 1) for at in np.nonzero(outer))
        part = (rows, columns, k, t)
        inner, outer = inner[rows, columns], outer[rows, columns]
        notches = np.asarray(binary_closing(np.pad(inner, _PAD), wide))[_PAD:-_PAD, _PAD:-_PAD]
        holes = np.asarray(binary_fill_holes(notches)) & outer & ~inner
        added = np.asarray(binary_opening(holes, _disc(np.ones(2)))) | (np.asarray(binary_fill_holes(inner)) & ~inner)
        broad = np.asarray(binary_opening(np.pad(outer, _PAD), narrow))[_PAD:-_PAD, _PAD:-_PAD]
        lost = outer & ~broad & ~np.asarray(binary_dilation(inner | added))
        lost = np.asarray(binary_opening(lost, np.ones((2, 2), dtype=bool)))
        total = cavity[part] + wall[part]
        cavity[part] = np.where(added, np.maximum(total, 0.5), np.where(lost, 0, cavity[part]))
        wall[part] = np.where(added | lost, 0, wall[part])
    return cavity, wall


def settled(cavity: np.ndarray, wall: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares that are partial volumes along the edges alone.

    A network that is not sure of the middle of a cavity still says that it is one: its doubt is no partial volume, and
    must not take millilitres away. The first and the last slice of each frame are left as they are: they may reach out
    of the ventricle, so that all of their pixels are partial volumes.
    """
    plane = np.zeros((3, 3, 1, 1), dtype=bool)
    plane[1], plane[:, 1] = True, True
    heart, pool = cavity + wall >= 0.5, cavity >= 0.5
    shown = np.asarray(pool.any(axis=(0, 1)))
    between = np.zeros_like(shown)
    between[1:-1] = shown[:-2] & shown[1:-1] & shown[2:]
    if len(shown) == 1:
        between = shown
    inside_pool = binary_erosion(pool, plane, iterations=_EDGE_PIXELS) & between
    beside_pool = binary_dilation(pool, plane, iterations=_EDGE_PIXELS)
    inside_wall = binary_erosion(heart, plane, iterations=_EDGE_PIXELS) & ~beside_pool & between
    outside = ~binary_dilation(heart, plane, iterations=_EDGE_PIXELS) & between
    cavity = np.where(inside_pool, 1, np.where(inside_wall | outside, 0, cavity))
    wall = np.where(inside_wall, 1, np.where(inside_pool | outside, 0, wall))
    return cavity, wall


def _disc(radius_pixels: Float[np.ndarray, " axes"]) -> Bool[np.ndarray, "i j"]:
    i, j = (np.arange(-int(r), int(r) + 1) / max(float(r), 1e-9) for r in radius_pixels)
    return np.asarray(np.hypot(i[:, None], j[None]) <= 1)
