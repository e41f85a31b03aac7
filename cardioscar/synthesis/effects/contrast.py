"""Brightness varied beyond the realistic, so that a network learns shapes and not the scale of one scanner."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cardioscar.synthesis.effects.texture import smooth_noise


def random_signals(
    rng: np.random.Generator,
    usual: Float[np.ndarray, " tissues"],
    *,
    spread: float,
    least_apart: float = 0.0,
    apart: Sequence[tuple[int, int]] = (),
    draws: int = 20,
) -> Float[np.ndarray, " tissues"]:
    """Draw the mean signal of each tissue anew, far from the usual one.

    Segmentation networks that have only met images with random contrast work on contrasts that they never met
    [@billot2023]. What must remain visible (scar in a wall) is kept apart by a least difference.

    Args:
        rng: Source of the draw.
        usual: Usual signal of each tissue, any unit.
        spread: Deviation of the draws, as a share of the range of the usual signals.
        least_apart: Least difference of the pairs `apart`, as a share of that range.
        apart: Pairs of tissues, the brighter first.
        draws: Draws after which the usual signals are returned.

    Returns:
        A signal for each tissue.

    >>> usual, rng = np.array([0.0, 1.0]), np.random.default_rng(0)
    >>> drawn = random_signals(rng, usual, spread=2.0, least_apart=0.5, apart=[(1, 0)])
    >>> bool(drawn[1] - drawn[0] >= 0.5)
    True
    """
    scale = float(np.ptp(usual)) or 1.0
    for _ in range(draws):
        drawn = usual + rng.normal(0, spread * scale, len(usual))
        if all(drawn[bright] - drawn[dark] >= least_apart * scale for bright, dark in apart):
            return drawn
    return usual.copy()


def tone_curve(image: Float[np.ndarray, ...], levels: Float[np.ndarray, " levels"]) -> Float[np.ndarray, ...]:
    """Map grey values by a curve that never falls: other windows, gammas and vendors' own scales.

    Args:
        image: Any values; those beyond the 0.5th and 99.5th percentile keep the curve's ends.
        levels: Steps of the curve at equal distances, each at least 0, not all of them 0.

    Returns:
        Values from 0 to 1.

    >>> tone_curve(np.linspace(0, 1, 5), np.array([1.0, 3.0])).round(2)
    array([0.  , 0.12, 0.25, 0.63, 1.  ], dtype=float32)
    """
    low, high = np.percentile(image, [0.5, 99.5])
    ends = np.concatenate([[0.0], np.cumsum(levels)]) / np.sum(levels)
    return np.interp((image - low) / (high - low or 1.0), np.linspace(0, 1, len(ends)), ends).astype(np.float32)


def digitised(image: Float[np.ndarray, ...], *, levels: int = 4096, low: float, high: float) -> Float[np.ndarray, ...]:
    """Whole numbers between 0 and `levels - 1`, as image files hold them; what lies beyond `low` and `high` saturates.

    >>> digitised(np.array([-1.0, 0.5, 3.0]), levels=256, low=0.0, high=1.0).tolist()
    [0.0, 128.0, 255.0]
    """
    scaled = (np.clip(image, low, high) - low) * ((levels - 1) / (high - low))
    return np.rint(scaled).astype(np.float32)


def uneven_tissue(
    rng: np.random.Generator,
    signal: Float[np.ndarray, "i j ..."],
    *,
    pixels: float,
    strength: float,
) -> Float[np.ndarray, "i j ..."]:
    """Grain of the tissue itself: the signal times one plus a smooth pattern.

    Args:
        rng: Source of the draw.
        signal: Mean signal of the tissue at each pixel.
        pixels: Size of the grain.
        strength: Deviation as a share of the signal.
    """
    return signal * (1 + strength * smooth_noise(rng, signal.shape, pixels=pixels))
