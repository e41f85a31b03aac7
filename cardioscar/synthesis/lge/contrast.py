"""Signal of each tissue after an inversion, some minutes after gadolinium."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.synthesis.anatomy.tissue import Tissue
from cardioscar.synthesis.effects.contrast import random_signals

SCAR, CORE = len(Tissue), len(Tissue) + 1
"""Beside the tissues: dead muscle that took contrast up, and its core that did not."""
SUBSTANCES = len(Tissue) + 2

DENSITY = {
    Tissue.AIR: 0.0, Tissue.LUNG: 0.2, Tissue.WALL: 0.75, Tissue.PAPILLARY: 0.75, Tissue.LV_BLOOD: 1.0,
    Tissue.RV_BLOOD: 1.0, Tissue.RV_WALL: 0.75, Tissue.FAT: 1.1, Tissue.MUSCLE: 0.7, Tissue.BONE: 0.4,
    Tissue.LIVER: 0.65, Tissue.ORGAN: 0.7, Tissue.FLUID: 1.0,
}  # fmt: skip
"""Signal of full magnetisation: density of protons, and what T2 leaves of it."""

T1_OF_WALL = {
    Tissue.AIR: (1.0, 1.0), Tissue.LUNG: (0.6, 0.9), Tissue.WALL: (1.0, 1.0), Tissue.PAPILLARY: (0.95, 1.05),
    Tissue.LV_BLOOD: (0.5, 0.86), Tissue.RV_BLOOD: (0.5, 0.86), Tissue.RV_WALL: (0.85, 1.1), Tissue.FAT: (0.45, 0.75),
    Tissue.MUSCLE: (1.0, 1.5), Tissue.BONE: (0.6, 1.2), Tissue.LIVER: (0.65, 1.05), Tissue.ORGAN: (0.5, 1.6),
    Tissue.FLUID: (2.5, 6.0),
}  # fmt: skip
"""Range of T1 some minutes after contrast, as a share of that of the living wall: blood is between wall and scar, at
times as short as scar; fat is short by itself; fluid takes no contrast up [@kellman2012]."""

SCAR_T1, CORE_T1 = (0.48, 0.8), (0.95, 1.6)
AS_BRIGHT = 0.3
"""Chance of blood as bright as scar, as in the first minutes after contrast: the shape of the wall alone tells the two
apart there."""


@dataclass(frozen=True)
class Contrast:
    """Signals of the substances, `Tissue` by number, then `SCAR` and `CORE`.

    Attributes:
        inversion: Signed signal after the inversion; about 0 for a nulled wall.
        reference: Signal without an inversion, at least 0.
    """

    inversion: Float[np.ndarray, " substances"]
    reference: Float[np.ndarray, " substances"]

    @property
    def scar_over_wall(self) -> float:
        """How much brighter scar is than living wall."""
        return float(self.inversion[SCAR] - self.inversion[Tissue.WALL])


def inversion_recovery(t1_ms: np.ndarray, *, ti_ms: float, tr_ms: float) -> np.ndarray:
    r"""Magnetisation after an inversion as a share of the full one, $1 - 2 e^{-TI/T_1} + e^{-TR/T_1}$ [@bernstein2004].

    >>> nulled = inversion_recovery(np.array([400.0]), ti_ms=400 * np.log(2), tr_ms=1e6)
    >>> bool(abs(nulled[0]) < 1e-12)
    True
    """
    return 1 - 2 * np.exp(-ti_ms / t1_ms) + np.exp(-tr_ms / t1_ms)


def draw_contrast(rng: np.random.Generator, *, signed: bool = True, beyond: float = 0.3) -> Contrast:
    """Draw T1 of each tissue and an inversion time that nulls the wall well or badly.

    Args:
        rng: Source of the draw.
        signed: Whether the picture will show the sign. In a magnitude a wall that is still inverted is bright again:
            the earlier the picture, the nearer it comes to scar, until nobody could read it.
        beyond: Chance of signals drawn far from those of physics [@billot2023]; scar and blood remain brighter than
            the wall, for what cannot be seen cannot be learned.
    """
    wall_ms, tr_ms = rng.uniform(330, 560), rng.uniform(1200, 2400)
    ranges = np.array([T1_OF_WALL[one] for one in Tissue] + [SCAR_T1, CORE_T1])
    t1_ms = wall_ms * rng.uniform(ranges[:, 0], ranges[:, 1])
    # what is in the blood reaches both hearts
    t1_ms[Tissue.RV_BLOOD] = t1_ms[Tissue.LV_BLOOD] * rng.uniform(0.93, 1.07)
    null_ms = wall_ms * math.log(2 / (1 + math.exp(-tr_ms / wall_ms)))
    density = np.array([DENSITY[one] for one in Tissue] + [DENSITY[Tissue.WALL]] * 2)
    reference = density * rng.uniform(0.8, 1.2, SUBSTANCES)
    reference[[Tissue.PAPILLARY, SCAR, CORE]] = reference[Tissue.WALL]
    reference[Tissue.RV_BLOOD] = reference[Tissue.LV_BLOOD]
    ti_ms = null_ms * rng.uniform(0.8 if signed else 0.93, 1.25)
    signals = reference * inversion_recovery(t1_ms, ti_ms=ti_ms, tr_ms=tr_ms)
    if rng.random() < AS_BRIGHT:
        over = signals[SCAR] - signals[Tissue.WALL]
        signals[[Tissue.LV_BLOOD, Tissue.RV_BLOOD]] = signals[Tissue.WALL] + over * rng.uniform(0.88, 1.1, 2)
    if rng.random() < 0.25:
        signals[Tissue.FAT] *= rng.uniform(0, 0.4)  # suppressed
    if rng.random() < beyond:
        kept = signals[Tissue.AIR], signals[Tissue.LUNG]
        pairs = ((SCAR, Tissue.WALL), (Tissue.LV_BLOOD, Tissue.WALL))
        shown = signals if signed else np.abs(signals)
        signals = random_signals(rng, shown, spread=rng.uniform(0.1, 0.6), least_apart=0.2, apart=pairs)
        if not signed:
            signals -= min(float(signals.min()), 0.0)  # differences stay, and so does what is brighter
        signals[[Tissue.AIR, Tissue.LUNG]] = kept
        signals[Tissue.PAPILLARY] = signals[Tissue.WALL]
    return Contrast(signals.astype(np.float32), reference.astype(np.float32))
