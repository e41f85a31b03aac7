"""Uneven outlines: a few waves around the circumference that change from apex to base."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float


@dataclass(frozen=True)
class Harmonics:
    r"""A function of angle and height, $\mathrm{Re} \sum_k (a_k + (h - ½)\, b_k)\, e^{-ik\theta}$ for $k = 1, 2, …$

    Attributes:
        even: $a_k$, complex, shape (orders,).
        slope: $b_k$, complex, shape (orders,).
    """

    even: np.ndarray
    slope: np.ndarray

    def __call__(self, direction: Complex[np.ndarray, ...], height: Float[np.ndarray, ...]) -> np.ndarray:
        """Value at places.

        Args:
            direction: $e^{i\theta}$ of each place.
            height: 0 at the apex, 1 at the base; beyond them the ends' values hold.
        """
        back = np.conj(direction)
        flat, tilted = np.zeros_like(back), np.zeros_like(back)
        for a, b in zip(self.even[::-1], self.slope[::-1], strict=True):
            flat, tilted = (flat + a) * back, (tilted + b) * back
        return flat.real + (np.clip(height, 0, 1) - 0.5) * tilted.real

    def scaled(self, factor: float) -> Harmonics:
        """The same waves, larger or smaller."""
        return Harmonics(self.even * factor, self.slope * factor)


def draw_harmonics(rng: np.random.Generator, sizes: tuple[float, ...], *, change: float = 0.5) -> Harmonics:
    """Draw waves of given sizes.

    Args:
        rng: Source of the draw.
        sizes: Root mean square amplitude of the waves of order 1, 2, …
        change: How much they change from apex to base, as a share of their size.

    >>> wave = draw_harmonics(np.random.default_rng(0), (0.0, 0.1))
    >>> turn = np.exp(1j * np.array([0.3, 0.3 + np.pi]))
    >>> bool(np.ptp(wave(turn, np.array([0.5, 0.5]))) < 1e-12)
    True
    """
    drawn = rng.standard_normal((2, 2, len(sizes))) * np.asarray(sizes)
    return Harmonics(drawn[0, 0] + 1j * drawn[0, 1], change * (drawn[1, 0] + 1j * drawn[1, 1]))
