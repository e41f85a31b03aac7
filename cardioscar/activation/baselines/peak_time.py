"""Onset by the time of the greatest shortening, which late walls reach late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.activation.baselines.method import OnsetMethod
from cardioscar.activation.baselines.smoothing import curves_of
from cardioscar.activation.strain.matrix import StrainSlice


@dataclass(frozen=True)
class PeakTime(OnsetMethod):
    """Time of peak shortening; the time that a wall takes to shorten is the offset."""

    def shown_ms(self, one: StrainSlice) -> Float[np.ndarray, " sectors"]:
        """Time of the peak."""
        curves = curves_of(one)
        return curves.times_ms[curves.peak]
