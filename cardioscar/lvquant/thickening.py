"""Thickening of the wall from end-diastole to end-systole, by the segments of the AHA [@cerqueira2002]."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from cardioscar.imaging.coordinates.aha import segments_at
from cardioscar.lvquant.cine_indices import CineIndices
from cardioscar.lvquant.sectors import sector_of
from cardioscar.lvquant.slice_indices import profile_angles

SEGMENTS = 16
"""Segments that short-axis slices show: the seventeenth is the cap beyond the cavity."""


def segment_thickness_mm(indices: CineIndices, frame: int) -> Float[np.ndarray, " segments"]:
    """Mean wall thickness of each segment at one time.

    Basal, mid and apical slices are those in the thirds of the slices that show a cavity in this frame, so that a base
    that comes down in systole takes its segments with it.

    Args:
        indices: Thickness all around each slice.
        frame: Number of the frame.

    Returns:
        Millimetres of segments 1 to 16; NaN where no slice shows a wall there.
    """
    shown = np.flatnonzero(np.nan_to_num(indices.cavity_mm2[:, frame]) > 0)
    sums, counts = np.zeros(SEGMENTS), np.zeros(SEGMENTS)
    for position, k in enumerate(shown):
        profile = indices.profile_mm[k, frame]
        known = np.isfinite(profile)
        along = np.full(int(known.sum()), (position + 0.5) / len(shown))
        segment = segments_at(along, profile_angles()[known]) - 1
        sums += np.bincount(segment, profile[known], SEGMENTS)
        counts += np.bincount(segment, minlength=SEGMENTS)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def thickening_percent(indices: CineIndices, ed_frame: int, es_frame: int) -> Float[np.ndarray, " segments"]:
    r"""Thickening of each segment, $100\,(h_{ES} - h_{ED}) / h_{ED}$.

    Args:
        indices: Thickness all around each slice.
        ed_frame: End-diastole.
        es_frame: End-systole.

    Returns:
        Per cent of segments 1 to 16; NaN where the wall is not labelled at both times.
    """
    before, after = segment_thickness_mm(indices, ed_frame), segment_thickness_mm(indices, es_frame)
    return np.asarray(100 * (after - before) / np.where(before > 0, before, np.nan))


def regressed_thickening_percent(
    thickness_mm: Float[np.ndarray, "slices frames 6"], measured: CineIndices, ed_frame: int, es_frame: int
) -> Float[np.ndarray, " segments"]:
    """Thickening of each segment from thicknesses that are known by sector alone, such as regressed ones.

    A sector's thickness is taken all along its 60°, so that the four apical segments mix the sectors that they share.

    Args:
        thickness_mm: Wall thickness IS, I, IL, AL, A, AS; NaN where it is not known.
        measured: Says which slices are basal, mid and apical in each frame.
        ed_frame: End-diastole.
        es_frame: End-systole.
    """
    all_around = replace(measured, profile_mm=thickness_mm[..., sector_of(profile_angles())])
    return thickening_percent(all_around, ed_frame, es_frame)
