"""The Matérn 5/2 covariance: between points, and as random functions of any number of points."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cardioscar.types import Points


def matern52(a: Float[np.ndarray, "a 3"], b: Float[np.ndarray, "b 3"], length_scale: float) -> Float[np.ndarray, "a b"]:
    r"""Covariance of unit variance, $(1 + r + r^2/3)\,e^{-r}$ with $r = \sqrt5\,d/ℓ$ [@rasmussen2006].

    Args:
        a: Positions, shape (n, 3).
        b: Positions, shape (m, 3).
        length_scale: ℓ in the unit of the positions.

    Returns:
        Shape (n, m), float32.

    >>> matern52(np.zeros((1, 3)), np.array([[0.0, 0.0, 0.0], [14.0, 0.0, 0.0]]), 14.0).round(3)
    array([[1.   , 0.524]], dtype=float32)
    """
    a, b = np.asarray(a, dtype=np.float32), np.asarray(b, dtype=np.float32)
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    r = np.maximum(squared, 0, out=squared)
    r *= 5 / length_scale**2
    np.sqrt(r, out=r)
    decay = np.exp(-r)
    decay *= 1 + r + r * r / 3
    return decay


class RandomFunctions:
    """Draws of a Gaussian process with Matérn 5/2 covariance as sums of waves [@rahimi2007].

    Args:
        draws: Number of functions.
        length_scale_mm: Length scale in mm.
        rng: Source of frequencies and weights.
        waves: Frequencies that the draws share; the covariance is met to about 1/√waves.
    """

    def __init__(self, draws: int, length_scale_mm: float, rng: np.random.Generator, *, waves: int = 256) -> None:
        # the spectral density of Matérn ν is a multivariate t distribution with 2ν degrees of freedom
        gauss, chi = rng.standard_normal((3, waves)), rng.chisquare(5, waves)
        self._frequency = (gauss * np.sqrt(5 / chi) / length_scale_mm).astype(np.float32)
        self._weight = (rng.standard_normal((2 * waves, draws)) / np.sqrt(waves)).astype(np.float32)

    def at(self, points_mm: Points, *, chunk: int = 32_768) -> np.ndarray:
        """Values of all functions, shape (draws, points), float32, mean 0 and variance 1."""
        values = np.empty((self._weight.shape[1], len(points_mm)), dtype=np.float32)
        for start in range(0, len(points_mm), chunk):
            phase = np.asarray(points_mm[start : start + chunk], dtype=np.float32) @ self._frequency
            waves = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
            values[:, start : start + chunk] = (waves @ self._weight).T
        return values
