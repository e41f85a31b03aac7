"""Signal of each tissue in a cine: steady-state free precession, and gradient echo as older scanners take it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cardioscar.synthesis.anatomy.tissue import Tissue
from cardioscar.synthesis.effects.contrast import random_signals

STEADY_STATE = {
    Tissue.AIR: (0.0, 0.0), Tissue.LUNG: (0.02, 0.2), Tissue.WALL: (0.17, 0.46), Tissue.PAPILLARY: (0.17, 0.46),
    Tissue.LV_BLOOD: (0.9, 1.1), Tissue.RV_BLOOD: (0.75, 1.15), Tissue.RV_WALL: (0.17, 0.5), Tissue.FAT: (0.75, 2.0),
    Tissue.MUSCLE: (0.15, 0.45), Tissue.BONE: (0.25, 1.0), Tissue.LIVER: (0.25, 0.6), Tissue.ORGAN: (0.2, 0.9),
    Tissue.FLUID: (0.9, 1.7),
}  # fmt: skip
"""Range of the signal by T2 over T1, as a share of that of arterial blood [@scheffler2003].

In three real hearts with contours the wall has 0.24 to 0.54 of the blood's signal in the picture, 0.33 in the middle.
"""

GRADIENT_ECHO = {
    Tissue.AIR: (0.0, 0.0), Tissue.LUNG: (0.05, 0.25), Tissue.WALL: (0.4, 0.65), Tissue.PAPILLARY: (0.4, 0.65),
    Tissue.LV_BLOOD: (0.8, 1.2), Tissue.RV_BLOOD: (0.6, 1.2), Tissue.RV_WALL: (0.35, 0.7), Tissue.FAT: (0.7, 1.4),
    Tissue.MUSCLE: (0.35, 0.7), Tissue.BONE: (0.3, 1.0), Tissue.LIVER: (0.45, 0.85), Tissue.ORGAN: (0.4, 0.9),
    Tissue.FLUID: (0.25, 0.7),
}  # fmt: skip
"""Likewise of spoiled gradient echoes: blood is bright because it is fresh, fluid is dark."""


def draw_signals(rng: np.random.Generator, *, beyond: float = 0.25) -> Float[np.ndarray, " tissues"]:
    """Draw the signal of each tissue, `Tissue` by number.

    Args:
        rng: Source of the draw.
        beyond: Chance of signals drawn far from those of physics [@billot2023]; blood remains brighter than the wall.
    """
    table = STEADY_STATE if rng.random() < 0.85 else GRADIENT_ECHO
    ranges = np.array([table[one] for one in Tissue])
    signals = rng.uniform(ranges[:, 0], ranges[:, 1])
    if rng.random() < beyond:
        air, lung = signals[Tissue.AIR], signals[Tissue.LUNG]
        pairs = ((Tissue.LV_BLOOD, Tissue.WALL),)
        signals = random_signals(rng, signals, spread=rng.uniform(0.05, 0.3), least_apart=0.25, apart=pairs)
        signals[[Tissue.AIR, Tissue.LUNG]] = air, lung
    # columns in the cavity are muscle of the same wall
    signals[Tissue.PAPILLARY] = signals[Tissue.WALL] * rng.uniform(0.9, 1.05)
    return np.maximum(signals, 0).astype(np.float32)
