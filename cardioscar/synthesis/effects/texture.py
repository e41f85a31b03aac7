"""Smooth random patterns: uneven tissue, slow drifts of brightness, ragged borders."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy import fft

MARGIN = 3.0
"""Lengths that a pattern is drawn beyond its plane: it is periodic, and opposite sides must not match."""


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], *, pixels: float) -> Float[np.ndarray, "i j ..."]:
    r"""Gaussian random pattern of mean 0 and variance 1 whose correlation in the plane is $\exp(-d^2 / 4 s^2)$.

    Tissue is not uniform, and a network that has only met uniform tissue takes each grain for a border. Patterns of
    further axes (slices, frames) are independent of each other.

    Args:
        rng: Source of the draw.
        shape: Shape of the result, the plane first.
        pixels: Deviation $s$ of the kernel that smooths white noise, at least 0; 0 gives white noise.

    Returns:
        The pattern, float32. The variance is that of the ensemble: a plane that is small against `pixels` is nearly
        constant.

    >>> smooth_noise(np.random.default_rng(0), (64, 48, 3), pixels=2.0).shape
    (64, 48, 3)
    """
    if pixels <= 0:
        return rng.standard_normal(shape, dtype=np.float32)
    sizes = [fft.next_fast_len(size + math.ceil(MARGIN * pixels), real=True) for size in shape[:2]]
    kernel = np.multiply.outer(_gaussian(fft.fftfreq(sizes[0]), pixels), _gaussian(fft.rfftfreq(sizes[1]), pixels))
    # of all frequencies, the half that a real transform leaves out included
    power = np.prod([np.mean(_gaussian(fft.fftfreq(size), pixels) ** 2) for size in sizes])
    kernel = (kernel / math.sqrt(power)).astype(np.float32).reshape(kernel.shape + (1,) * (len(shape) - 2))
    noise = rng.standard_normal((*sizes, *shape[2:]), dtype=np.float32)
    smooth = fft.irfft2(fft.rfft2(noise, axes=(0, 1)) * kernel, s=sizes, axes=(0, 1))
    return np.ascontiguousarray(smooth[: shape[0], : shape[1]], dtype=np.float32)


def _gaussian(frequency: np.ndarray, pixels: float) -> np.ndarray:
    """Transform of the kernel along one axis."""
    return np.exp(-2 * (math.pi * pixels * frequency) ** 2)
