"""A smooth random pattern in space that slices of one heart share, and that costs next to nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import fft
from scipy.ndimage import map_coordinates

NODES = 32
"""Nodes of the cube along each axis."""
NODES_PER_LENGTH = 2.5
"""Nodes in a deviation of the kernel, enough for linear interpolation to look smooth."""


@dataclass(frozen=True)
class Pattern:
    """Gaussian pattern of mean 0 and variance 1 that repeats itself in space after some 13 lengths.

    Attributes:
        values: A cube of it, shape (i, j, k).
        step_mm: Distance between its nodes.
    """

    values: np.ndarray
    step_mm: float

    def __call__(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Float[np.ndarray, ...]:
        """Value at points in mm, of any shape, float32."""
        index = np.stack([x, y, z]) / np.float32(self.step_mm)
        return map_coordinates(self.values, index, order=1, mode="grid-wrap", prefilter=False)


def draw_pattern(rng: np.random.Generator, *, length_mm: float) -> Pattern:
    r"""Draw a pattern whose correlation falls as $\exp(-d^2 / 4 s^2)$.

    A pattern over the whole chest would cost more than the rest of a picture; what repeats itself after several
    centimetres is no pattern that a network could learn, as pictures are turned and moved.

    Args:
        rng: Source of the draw.
        length_mm: $s$.

    >>> pattern = draw_pattern(np.random.default_rng(0), length_mm=4.0)
    >>> round(float(pattern.values.std()), 6)
    1.0
    """
    along = np.exp(-2 * (math.pi * NODES_PER_LENGTH * fft.fftfreq(NODES)) ** 2)
    half = np.exp(-2 * (math.pi * NODES_PER_LENGTH * fft.rfftfreq(NODES)) ** 2)
    kernel = along[:, None, None] * along[:, None] * half
    noise = rng.standard_normal((NODES,) * 3, dtype=np.float32)
    smooth = fft.irfftn(fft.rfftn(noise) * kernel.astype(np.float32), s=noise.shape)
    values = ((smooth - smooth.mean()) / smooth.std()).astype(np.float32)
    return Pattern(values, length_mm / NODES_PER_LENGTH)
