"""The border zone that electrophysiologists mean: wall of intermediate signal, living strands among scar.

It is read off the image and says what the tissue looks like. It is no doubt of the reconstruction: that is
`scar_uncertainty`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from cardioscar.imaging.slices import slice_axis
from cardioscar.imaging.thresholds import SignalScar, ThresholdRule, nsd_threshold, without_specks
from cardioscar.imaging.volume import Volume

LOWER_SHARE, UPPER_SHARE = 0.35, 0.5
"""Shares of the enhancement above remote [@roes2009], who take them of the maximal signal. The zero of phase-sensitive
images is arbitrary, so here, as in the FWHM rule, they are taken of what exceeds remote."""
LOWER_SD, UPPER_SD = 2.0, 3.0
"""Standard deviations above remote [@yan2006]."""


@dataclass(frozen=True)
class BorderZone:
    """Border zone of an LGE volume by one definition.

    Attributes:
        rule: `fwhm`: from 35 to 50 % of the enhancement above remote. `nsd`: from 2 to 3 SD above remote.
        lower: Signal from which wall belongs to it, arbitrary units (of the smoothed image).
        upper: Signal from which wall is core.
        infarct: Wall from the lower signal on, border zone and core, the volume's shape.
        core: Wall from the upper signal on.
    """

    rule: ThresholdRule
    lower: float
    upper: float
    infarct: Bool[np.ndarray, "i j k"]
    core: Bool[np.ndarray, "i j k"]

    @property
    def mask(self) -> Bool[np.ndarray, "i j k"]:
        """The border zone."""
        return self.infarct & ~self.core


def border_zone(volume: Volume, wall: Bool[np.ndarray, "i j k"], scar: SignalScar, rule: ThresholdRule) -> BorderZone:
    """Find the border zone inside the wall.

    Partial volume at the edge of any scar, and blood in the rim of the wall, look the same as living strands among
    scar: the thinner the pixels and slices, the more of it is tissue.

    Args:
        volume: LGE image, arbitrary units.
        wall: Wall on the grid of the volume.
        scar: Scar of the volume by `scar_by_signal`; for `fwhm` by the FWHM rule.
        rule: Which definition.

    Returns:
        Masks without specks, empty where the wall is nowhere enhanced, and the signals between which it lies.
    """
    if rule == "nsd":
        lower, upper = (nsd_threshold(scar.remote_mean, scar.remote_sd, n) for n in (LOWER_SD, UPPER_SD))
    else:
        half = scar.remote_mean if scar.threshold is None else scar.threshold
        # the threshold lies at half of the enhancement
        lower = scar.remote_mean + LOWER_SHARE / UPPER_SHARE * (half - scar.remote_mean)
        upper = half
    if scar.threshold is None:
        nothing = np.zeros(np.shape(wall), dtype=bool)
        return BorderZone(rule, lower, upper, nothing, nothing)
    inside = np.asarray(wall, dtype=bool) & np.isfinite(volume.values)
    infarct = without_specks(inside & (scar.signal > lower), volume)
    return BorderZone(rule, lower, upper, infarct, without_specks(infarct & (scar.signal > upper), volume))


def slab_ml(mask: Bool[np.ndarray, "i j k"], volume: Volume, thickness_mm: float) -> float:
    """Volume of a mask's pixels through their slabs in ml; what lies between slabs is not in it."""
    pixel_mm2 = float(np.delete(volume.spacing_mm, slice_axis(volume)).prod())
    return float(np.count_nonzero(mask)) * pixel_mm2 * thickness_mm / 1000
