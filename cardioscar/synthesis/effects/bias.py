"""Uneven brightness: what lies near a coil is bright."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cardioscar.synthesis.effects.texture import smooth_noise


def coil_profile(
    shape: tuple[int, int],
    spacing_mm: tuple[float, float],
    coils_mm: Float[np.ndarray, "coils 3"],
    *,
    radius_mm: float,
    corrected: float = 0.0,
) -> Float[np.ndarray, "i j"]:
    r"""Sensitivity of an array of surface coils, the root of the sum of squares of its elements [@roemer1990].

    A loop of radius $r$ receives from a distance $d$ about $(1 + d^2/r^2)^{-3/2}$ of what it receives from its centre.
    The heart lies near the chest wall, so the wall that is far from it is darker by a half and more: thresholds that
    hold for a whole slice fail, and a network must have met the slope.

    Args:
        shape: Pixels of the plane.
        spacing_mm: Pixel size along i and j.
        coils_mm: Centres of the loops in mm from the first pixel's centre: along i, along j, and off the plane.
        radius_mm: Radius of the loops.
        corrected: Share of the profile that the scanner's own correction has removed, in the exponent, 0 to 1.

    Returns:
        What an image is multiplied with, mean 1, float32.

    >>> near = coil_profile((3, 3), (50.0, 50.0), np.array([[-40.0, 50.0, 0.0]]), radius_mm=80.0)
    >>> bool(near[0, 1] > near[1, 1] > near[2, 1])
    True
    """
    i, j = (np.arange(size, dtype=np.float32) * step for size, step in zip(shape, spacing_mm, strict=True))
    coils = np.asarray(coils_mm, dtype=np.float32)
    square = np.zeros(shape, dtype=np.float32)
    for at_i, at_j, off in coils:
        distance = (i - at_i)[:, None] ** 2 + (j - at_j)[None, :] ** 2 + off**2
        square += (1 + distance / radius_mm**2) ** -3
    profile = square ** ((1 - corrected) / 2)
    return profile / profile.mean()


def residual_bias(
    rng: np.random.Generator, shape: tuple[int, ...], *, pixels: float, strength: float
) -> Float[np.ndarray, "i j ..."]:
    """What corrections leave behind: a slow random drift, the exponential of a smooth pattern [@sled1998].

    Args:
        rng: Source of the draw.
        shape: Shape of the image, the plane first.
        pixels: Length over which it drifts.
        strength: Deviation of the logarithm; 0.1 is a slice whose halves differ by some 10 %.

    Returns:
        What an image is multiplied with, above 0.
    """
    return np.exp(strength * smooth_noise(rng, shape, pixels=pixels))
