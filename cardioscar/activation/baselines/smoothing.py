"""Curves of sectors as the classical methods read them: denoised, eased around the circumference, on an even grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import ndimage

from cardioscar.activation.strain.denoising import denoise
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.resampling import resample_frames

GRID_MS = 5.0
"""Step of the even grid."""
_EASED_DEG = 6.0


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves of a slice.

    Attributes:
        strain: Fractions, shape (sectors, times).
        times_ms: Even grid from the first frame on.
        peak: Index of the greatest shortening of each sector.
    """

    strain: Float[np.ndarray, "sectors times"]
    times_ms: Float[np.ndarray, " times"]
    peak: Int[np.ndarray, " sectors"]

    @property
    def shortening(self) -> Float[np.ndarray, " sectors"]:
        """Peak shortening of each sector, positive where it shortens."""
        return -self.strain[np.arange(len(self.strain)), self.peak]


def curves_of(one: StrainSlice) -> Curves:
    """Denoise a slice, average neighbouring sectors, and put it on an even grid of times.

    Args:
        one: As `check_strain` wants it.
    """
    strain = ndimage.gaussian_filter1d(
        denoise(one.circumferential), one.sectors * _EASED_DEG / 360, axis=0, mode="wrap"
    )
    times = np.arange(one.frame_ms[0], one.frame_ms[-1] + 1e-9, GRID_MS)
    strain = resample_frames(strain, one.frame_ms, times)
    return Curves(strain, times, np.argmin(strain, axis=1))
