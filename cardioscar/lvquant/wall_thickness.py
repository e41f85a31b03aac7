r"""Thickness of the wall between two outlines, along the line midway between them.

The midline is where the endocardium is as far as the epicardium, and the thickness there is the sum of the two
distances. This is the centreline method [@sheehan1986] without its chords: between two circles it is exact, also where
these are not concentric (the midline is then the ellipse about both centres).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from cardioscar.lvquant.outline import Polygon, centroid_mm, crossings_mm

RAYS = 180
"""Places of the midline at which the thickness is taken, evenly spread in angle about the cavity's centre."""
_SAMPLE_MM = 0.2
"""Distance of the points by which a line stands: at 3 mm from it they are 2 µm too far."""
_STEPS = 3
"""Steps of regula falsi towards the midline: the difference of the distances is nearly linear along a ray."""


def wall_thickness_mm(
    endo: Polygon, epi: Polygon, angles: Float[np.ndarray, " rays"], center_mm: Float[np.ndarray, " axes"] | None = None
) -> Float[np.ndarray, " rays"]:
    """Thickness where rays from the cavity's centre meet the midline.

    Args:
        endo: Endocardial outline in mm.
        epi: Epicardial outline in mm.
        angles: Directions in radians, from the axis of i towards that of j.
        center_mm: Where the rays begin; default the centroid of the cavity.

    Returns:
        Millimetres; 0 where the outlines touch, NaN where the epicardium lies inside of the endocardium.

    >>> turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    >>> circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    >>> wall_thickness_mm(20 * circle, 30 * circle, np.array([0.0, 1.0])).round(2)
    array([10., 10.])
    """
    center = centroid_mm(endo) if center_mm is None else center_mm
    inner, outer = crossings_mm(endo, center, angles), crossings_mm(epi, center, angles)
    known = np.isfinite(inner) & np.isfinite(outer) & (outer >= inner)
    thickness = np.full(len(angles), np.nan)
    if not known.any():
        return thickness
    ray = np.stack([np.cos(angles[known]), np.sin(angles[known])], axis=1)
    near, far = cKDTree(_sampled(endo)), cKDTree(_sampled(epi))

    def distances(radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        points = center + radius[:, None] * ray
        return near.query(points)[0], far.query(points)[0]

    low, high = inner[known].copy(), outer[known].copy()
    total = high - low
    at_low, at_high = -distances(low)[1], distances(high)[0]
    for _ in range(_STEPS):
        span = at_high - at_low
        share = np.clip(np.divide(-at_low, span, out=np.full_like(span, 0.5), where=span > 0), 0.02, 0.98)
        middle = low + share * (high - low)
        to_endo, to_epi = distances(middle)
        total, difference = to_endo + to_epi, to_endo - to_epi
        below = difference < 0
        low, at_low = np.where(below, middle, low), np.where(below, difference, at_low)
        high, at_high = np.where(below, high, middle), np.where(below, at_high, difference)
    thickness[known] = total
    return thickness


def _sampled(line: Polygon) -> Float[np.ndarray, "points 2"]:
    """Points along a closed line, `_SAMPLE_MM` apart or less, its corners among them."""
    after = np.roll(line, -1, axis=0)
    counts = np.maximum(np.ceil(np.linalg.norm(after - line, axis=1) / _SAMPLE_MM).astype(int), 1)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (number / np.repeat(counts, counts))[:, None]
    return np.asarray(np.repeat(line, counts, axis=0) * (1 - share) + np.repeat(after, counts, axis=0) * share)
