"""The eleven indices of one slice at one time [@xue2018]: two areas, three dimensions, six wall thicknesses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.lvquant.outline import centroid_mm, crossings_mm, outline_mm
from cardioscar.lvquant.sectors import SECTOR_MIDDLES, SeptumFrame, sector_of
from cardioscar.lvquant.wall_thickness import RAYS, wall_thickness_mm

_MOST_UNKNOWN = 0.5
"""Share of a sector's rays without a wall beyond which it has no thickness."""
_TURN = -np.pi + (np.arange(RAYS) + 0.5) * 2 * np.pi / RAYS
_SECTOR = sector_of(_TURN)


@dataclass(frozen=True)
class SliceIndices:
    """Indices of one slice; NaN where nobody drew what they are measured on.

    Attributes:
        cavity_mm2: Area of the cavity: the sum of the pixels' shares. 0 where there is none.
        myocardium_mm2: Area of the wall likewise; NaN where there is a cavity without wall.
        dimensions_mm: Chords through the cavity's centroid along IS–AL, I–A and IL–AS, shape (3,).
        thickness_mm: Mean thickness of the wall in the sectors IS, I, IL, AL, A and AS, shape (6,).
        profile_mm: Thickness at `RAYS` directions from −π to π about the middle of the septum, shape (RAYS,).
    """

    cavity_mm2: float
    myocardium_mm2: float
    dimensions_mm: Float[np.ndarray, " dimensions"]
    thickness_mm: Float[np.ndarray, " sectors"]
    profile_mm: Float[np.ndarray, " rays"]


def profile_angles() -> Float[np.ndarray, " rays"]:
    """Directions of `SliceIndices.profile_mm`: radians from the middle of the septum towards anterior."""
    return _TURN.copy()


def slice_indices(
    cavity: Float[np.ndarray, "i j"], wall: Float[np.ndarray, "i j"], pixel_mm: np.ndarray, septum: SeptumFrame
) -> SliceIndices:
    """Measure one slice.

    Dimensions and sectors are taken about the centroid of the cavity. A sector's thickness is the mean over directions
    evenly spread in its 60°.

    Args:
        cavity: Share of each pixel that is cavity, papillary muscles included, 0 to 1; or whole pixels.
        wall: Share that is myocardium, scar included.
        pixel_mm: Size of a pixel along i and j in mm; the two may differ.
        septum: Directions of the heart in the plane.
    """
    pixel = float(np.prod(pixel_mm))
    nothing = np.full(3, np.nan), np.full(6, np.nan), np.full(RAYS, np.nan)
    cavity_mm2, wall_mm2 = (float(np.sum(part, dtype=float)) * pixel for part in (cavity, wall))
    endo = outline_mm(cavity, pixel_mm)
    if endo is None:
        return SliceIndices(cavity_mm2, wall_mm2, *nothing)
    center = centroid_mm(endo)
    middles = septum.image_angles(SECTOR_MIDDLES)
    reach = crossings_mm(endo, center, middles)
    dimensions = reach[:3] + reach[3:]
    epi = outline_mm(np.asarray(cavity, dtype=float) + wall, pixel_mm) if wall_mm2 > 0 else None
    if epi is None:
        return SliceIndices(cavity_mm2, np.nan, dimensions, *nothing[1:])
    profile = wall_thickness_mm(endo, epi, septum.image_angles(_TURN), center)
    return SliceIndices(cavity_mm2, wall_mm2, dimensions, _sector_means(profile), profile)


def _sector_means(profile: Float[np.ndarray, " rays"]) -> Float[np.ndarray, " sectors"]:
    known = np.isfinite(profile)
    sums = np.bincount(_SECTOR[known], profile[known], 6)
    counts, all_rays = np.bincount(_SECTOR[known], minlength=6), np.bincount(_SECTOR, minlength=6)
    return np.where(counts >= (1 - _MOST_UNKNOWN) * all_rays, sums / np.maximum(counts, 1), np.nan)
