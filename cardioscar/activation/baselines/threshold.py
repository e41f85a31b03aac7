"""Onset by a threshold: when a sector has done a share of its shortening."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.activation.baselines.method import OnsetMethod
from cardioscar.activation.baselines.smoothing import curves_of
from cardioscar.activation.strain.matrix import StrainSlice


@dataclass(frozen=True)
class StrainThreshold(OnsetMethod):
    """The last time before the peak at which strain falls below a share of the way from its maximum to the peak."""

    share: float = 0.15
    """Of the way from the greatest length before the peak to the peak."""

    def shown_ms(self, one: StrainSlice) -> Float[np.ndarray, " sectors"]:
        """Time of the crossing, between the frames by straight lines."""
        curves = curves_of(one)
        found = np.empty(one.sectors)
        for sector, (curve, peak) in enumerate(zip(curves.strain, curves.peak, strict=True)):
            until = curve[: peak + 1]
            longest = float(until.max())
            level = longest - self.share * (longest - until[-1])
            above = np.flatnonzero(until > level)
            at = int(above[-1]) if len(above) else 0
            if at < peak:
                found[sector] = np.interp(level, [until[at + 1], until[at]], curves.times_ms[[at + 1, at]])
            else:
                found[sector] = curves.times_ms[0]
        return found
