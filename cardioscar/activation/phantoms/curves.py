"""Strain through the beat of sectors that begin to shorten at known times.

Nobody's equations: shapes that curves of tagged and displacement-encoded images have. A sector is stretched by those
that shorten before it, shortens by a sine from its onset to a peak about end-systole (early wall before, late wall
after it), and lengthens in two steps, by filling and by the atria. Scar does a part of that, and the pressure bulges
it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_STRETCH = 0.35
"""Stretch before the onset, as a share of the peak, of a sector 100 ms later than the first."""
_FOLLOWS = 0.6
"""Share of a sector's delay by which its peak is later than end-systole."""
_BULGE = 0.35
"""Stretch of a scar that shortens no more, as a share of the peak of living wall."""
_ONSET_POWER = 1.25
"""How sharply shortening begins: 1 is a corner, 2 none."""


def systole_ms(heart_rate_bpm: float) -> float:
    """Time from the R wave to end-systole (aortic valve closure): 546 − 2.1 × heart rate [@weissler1968], in ms.

    >>> systole_ms(60)
    420.0
    """
    return 546 - 2.1 * heart_rate_bpm


def strain_curves(
    frame_ms: Float[np.ndarray, " frames"],
    tos_ms: Float[np.ndarray, " sectors"],
    size: Float[np.ndarray, " sectors"],
    lost: Float[np.ndarray, " sectors"],
    heart_rate_bpm: float,
) -> Float[np.ndarray, "sectors frames"]:
    """Circumferential strain of a slice without noise.

    Args:
        frame_ms: Times in ms after the R wave, within one beat.
        tos_ms: Onset of shortening of each sector.
        size: Peak shortening of each sector if it were not scarred.
        lost: Share of the shortening that scar has taken.
        heart_rate_bpm: Beats a minute.

    Returns:
        Fractions, 0 at the R wave.
    """
    beat_ms, end_ms = 60_000 / heart_rate_bpm, systole_ms(heart_rate_bpm)
    times = np.asarray(frame_ms, dtype=np.float64)[None]
    onset, first = tos_ms[:, None], float(tos_ms.min())
    delay = onset - float(np.average(tos_ms, weights=1 - lost + 1e-3))
    peak_ms = np.clip(end_ms + _FOLLOWS * delay, onset + 120, 0.8 * beat_ms)
    stretch = _STRETCH * size[:, None] * np.clip(onset - first, 0, 150) / 100
    before = stretch * np.clip((times - first) / np.maximum(onset - first, 1), 0, 1) ** 2
    share = np.clip((times - onset) / (peak_ms - onset), 0, 1)
    shortened = (size[:, None] + stretch) * np.sin(np.pi / 2 * share) ** _ONSET_POWER
    living = (before - shortened) * _relaxed(times, peak_ms, beat_ms)
    pressure = np.sin(np.pi * np.clip((times - first) / (end_ms + 60 - first), 0, 1)) ** 1.5
    return (1 - lost[:, None]) * living + lost[:, None] * _BULGE * lost[:, None] * size[:, None] * pressure * 0.5


def _relaxed(times: np.ndarray, peak_ms: np.ndarray, beat_ms: float) -> np.ndarray:
    """What is left of the peak: two thirds go by early filling, a third when the atria contract."""
    filling = (peak_ms + 0.35 * (beat_ms - peak_ms)) - peak_ms
    early = _smooth((times - peak_ms) / np.maximum(filling, 60))
    atrial = _smooth((times - 0.82 * beat_ms) / (0.16 * beat_ms))
    return 1 - 0.66 * early - 0.34 * np.minimum(atrial, early)


def _smooth(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)
