"""Slices with their onsets, where they lie in the ventricle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.strain.sectors import sector_centers
from cardioscar.errors import InputError, counted

_Z90 = 1.645
"""Half an interval of 90 % in standard deviations of a normal distribution."""
_BINS = 36
"""Sectors that a slice has in the map: 10° each, far less than errors are alike over."""
_APART = 1e-3


@dataclass(frozen=True, eq=False)
class Measured:
    """Sectors of all slices, one after the other.

    Attributes:
        number: Slice of each sector.
        height: Of each sector, 0 apex to 1 base.
        angle: Of each sector in the order of sectors, radians.
        tos_ms: Onset.
        sd_ms: Standard deviation of its error.
    """

    number: np.ndarray
    height: Float[np.ndarray, " places"]
    angle: Float[np.ndarray, " places"]
    tos_ms: Float[np.ndarray, " places"]
    sd_ms: Float[np.ndarray, " places"]

    @property
    def heights(self) -> Float[np.ndarray, " slices"]:
        """Height of each slice."""
        return self.height[::_BINS]


def measured(slices: Sequence[SectorOnsets], heights: Sequence[float]) -> Measured:
    """Bring slices together.

    Args:
        slices: Onsets with intervals that hold 90 % of the truths.
        heights: Of each slice, 0 apex to 1 base: see `slice_heights`.

    Raises:
        InputError: If there are fewer than two slices, heights are others or the same, or a time is not finite.
    """
    if len(slices) < 2 or len(slices) != len(heights):
        rule = "two slices and more, each with its height"
        raise InputError("slices", rule, f"{len(slices)} with {counted(len(heights), 'height')}")
    at = np.asarray(heights, dtype=np.float64)
    if not (np.isfinite(at).all() and at.min() >= 0 and at.max() <= 1):
        raise InputError("heights", "heights of 0 (apex) to 1 (base)", "others")
    if np.diff(np.sort(at)).min() < _APART:
        raise InputError("heights", "slices at different heights", "two at the same")
    for one in slices:
        times = np.stack([one.tos_ms, one.low_ms, one.high_ms])
        if not np.isfinite(times).all() or (times[1] > times[2]).any():
            raise InputError("slices", "onsets and intervals that are finite, from low to high", "others")
    brought = [one.with_sectors(_BINS) for one in slices]
    tos_ms = np.concatenate([one.tos_ms for one in brought])
    sd_ms = np.concatenate([(one.high_ms - one.low_ms) / 2 / _Z90 for one in brought])
    return Measured(
        np.repeat(np.arange(len(slices)), _BINS), np.repeat(at, _BINS), np.tile(sector_centers(_BINS), len(slices)),
        tos_ms, sd_ms,
    )  # fmt: skip


def slice_heights(location_mm: Sequence[float | None], apex_mm: float, base_mm: float) -> Float[np.ndarray, " slices"]:
    """Heights of slices by where they lie along the long axis, growing towards the base.

    Args:
        location_mm: Of each slice.
        apex_mm: Where the apex lies.
        base_mm: Where the base lies.

    Raises:
        InputError: If a location is missing, the base does not lie above the apex, or a slice lies outside.

    >>> slice_heights([10.0, 30.0], -10.0, 70.0)
    array([0.25, 0.5 ])
    """
    if any(one is None or not np.isfinite(one) for one in location_mm):
        raise InputError("slices", "a location of each slice (location_mm)", "one without")
    if not base_mm - apex_mm > 1:
        raise InputError("slices", "a base that lies above the apex", f"{base_mm - apex_mm:g} mm between them")
    heights = (np.array([float(one) for one in location_mm if one is not None]) - apex_mm) / (base_mm - apex_mm)
    outside = int(((heights < 0) | (heights > 1)).sum())
    if outside:
        raise InputError("slices", "slices between apex and base", f"{counted(outside, 'slice')} outside")
    return heights
