"""Sections of a beating ventricle across its axis: rings whose indices are formulas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.phantom.beating import BeatingVentricle

_QUADRATURE = 3600
"""Directions over which a sector's mean is taken: every tenth of a degree."""


@dataclass(frozen=True)
class Section:
    """A ring between two circles; angles from the septum (0) towards anterior.

    Attributes:
        cavity_mm: Radius of the cavity; 0 below it.
        outer_mm: Radius of the epicardium.
        lean_mm: Distance of the two centres.
        lean_rad: Direction from the epicardium's centre to the cavity's.
    """

    cavity_mm: float
    outer_mm: float
    lean_mm: float
    lean_rad: float

    @property
    def cavity_mm2(self) -> float:
        """Area of the cavity."""
        return np.pi * self.cavity_mm**2

    @property
    def myocardium_mm2(self) -> float:
        """Area of the wall."""
        return np.pi * self.outer_mm**2 - self.cavity_mm2

    @property
    def dimension_mm(self) -> float:
        """Chord of the cavity through its centre, the same in every direction."""
        return 2 * self.cavity_mm

    def thickness_mm(self, rotational: Float[np.ndarray, " rays"]) -> Float[np.ndarray, " rays"]:
        r"""Distance from one circle to the other through the place that is as far from both.

        It is at $d$ from the cavity's centre with $d - a = b - |d\hat u - e|$: on an ellipse about both centres,
        $d = ((a+b)^2 - e^2) / (2(a + b + e\cos))$, and the thickness is $2(d - a)$.

        Args:
            rotational: Directions seen from the cavity's centre, in radians.
        """
        both = self.cavity_mm + self.outer_mm
        along = -self.lean_mm * np.cos(np.asarray(rotational) - self.lean_rad)  # towards the epicardium's centre
        return np.asarray(2 * ((both**2 - self.lean_mm**2) / (2 * (both - along)) - self.cavity_mm))

    def sector_thickness_mm(self, middle_rad: float, width_rad: float = np.pi / 3) -> float:
        """Mean thickness over a sector."""
        share = (np.arange(_QUADRATURE) + 0.5) / _QUADRATURE - 0.5
        return float(self.thickness_mm(middle_rad + share * width_rad).mean())


def section(ventricle: BeatingVentricle, height_mm: float, phase: float) -> Section | None:
    """The ring at a height above the apex.

    Args:
        ventricle: The ventricle.
        height_mm: Height of the plane across the axis above the resting epicardial apex.
        phase: Share of the beat.

    Returns:
        None below the apex and above the base.
    """
    at = ventricle.state(phase)
    below = at.outer_depth - height_mm
    if not 0 <= below < at.outer_depth:
        return None
    inner = float(np.sqrt(max(1 - (below / at.cavity_depth) ** 2, 0.0)))
    outer = at.outer_radius * float(np.sqrt(1 - (below / at.outer_depth) ** 2))
    turn = ventricle.hypokinetic_rad + float(at.twist_at(height_mm))
    return Section(at.cavity_radius * inner, outer, at.lean * inner, turn)
