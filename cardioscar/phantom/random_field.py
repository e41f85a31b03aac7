"""A smooth random field that has a value at every point of space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

# Grid nodes per standard deviation of the smoothing kernel: enough for linear interpolation to look smooth.
NODES_PER_LENGTH = 2.5


@dataclass(frozen=True)
class RandomField:
    """Gaussian random field of mean 0 and variance 1 with a squared-exponential covariance, on a box.

    It is white noise smoothed on a grid, and is defined between the grid's nodes by linear interpolation: a
    field of its own, not an approximation of another one, so that mesh and slices see exactly the same truth.

    Attributes:
        values: Shape (i, j, k).
        corner_mm: Position of the first grid node, shape (3,).
        step_mm: Distance between grid nodes.
    """

    values: np.ndarray
    corner_mm: np.ndarray
    step_mm: float

    def __call__(self, points_mm: np.ndarray) -> np.ndarray:
        """Value at points, shape (points, 3); points outside the box take the value of the nearest face."""
        index = (points_mm - self.corner_mm) / self.step_mm
        return map_coordinates(self.values, index.T, order=1, mode="nearest")


def draw_random_field(
    rng: np.random.Generator,
    *,
    low_mm: np.ndarray,
    high_mm: np.ndarray,
    length_mm: float,
) -> RandomField:
    r"""Draw a field whose correlation falls as $\exp(-d^2 / 2\ell^2)$.

    Args:
        rng: Source of the draw.
        low_mm: Lowest corner of the box, shape (3,).
        high_mm: Highest corner of the box, shape (3,).
        length_mm: Length scale $\ell$.
    """
    # Noise smoothed by a Gaussian of deviation s has correlation exp(-d²/4s²).
    smoothing_mm = length_mm / np.sqrt(2)
    step = smoothing_mm / NODES_PER_LENGTH
    shape = np.ceil((np.asarray(high_mm) - low_mm) / step).astype(int) + 1
    sigma = smoothing_mm / step
    noise = gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap", truncate=3)
    # A smoothed unit white noise has variance 1/(2 s sqrt(pi))^3.
    return RandomField(noise * (2 * sigma * np.sqrt(np.pi)) ** 1.5, np.asarray(low_mm, dtype=np.float64), float(step))
