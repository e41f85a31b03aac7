"""What comes of measuring a picture line by line in the space of its frequencies."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Inexact
from scipy import fft

_PLANE = (0, 1)


def truncate(
    image: Inexact[np.ndarray, "i j ..."], kept: tuple[float, float], *, taper: float = 0.0
) -> Complex[np.ndarray, "i j ..."]:
    """Leave out the high frequencies that a scan does not measure, and fill them with zeros.

    Scanners measure fewer lines than the picture has and interpolate it thus. Borders are blurred and ring
    [@czervionke1988]; noise that was there before gets the grain of the coarse pixels, as real noise has.

    Args:
        image: Real or complex, with its noise.
        kept: Share of the frequencies along i and along j that is measured, above 0 to 1.
        taper: Share of the measured band over which a cosine brings it down to 0 (scanners' own filters): 0 rings, 1
            rings no more and blurs.

    Returns:
        Complex image of the same shape.

    >>> np.allclose(truncate(np.eye(8), (1.0, 1.0)), np.eye(8))
    True
    """
    spectrum = fft.fft2(image, axes=_PLANE)
    for axis, share in enumerate(kept):
        window = _window(np.abs(fft.fftfreq(image.shape[axis])) * 2, share, taper)
        spectrum *= window.reshape([-1 if one == axis else 1 for one in range(image.ndim)])
    return np.asarray(fft.ifft2(spectrum, axes=_PLANE))


def ghosts(
    image: Inexact[np.ndarray, "i j ..."], *, axis: int, period_lines: float, strength: float, phase: float = 0.0
) -> Complex[np.ndarray, "i j ..."]:
    r"""Copies of what moves with the breath, displaced along the phase encoding [@wood1985].

    Motion of period $p$ lines weighs the lines of k-space with $1 + a \cos(2\pi n / p + \phi)$: two ghosts of
    strength $a/2$ appear at $N/p$ pixels on either side, and may lie across the heart.

    Args:
        image: Real or complex.
        axis: Axis of the phase encoding, 0 or 1.
        period_lines: Lines of k-space in a period of the motion, above 0.
        strength: $a$, as a share of the image.
        phase: $\phi$ in radians.

    Returns:
        Complex image of the same shape.
    """
    count = image.shape[axis]
    lines = np.arange(count) - count // 2
    weights = fft.ifftshift(1 + strength * np.cos(2 * np.pi * lines / period_lines + phase))
    spectrum = fft.fft(image, axis=axis) * weights.reshape([-1 if one == axis else 1 for one in range(image.ndim)])
    return np.asarray(fft.ifft(spectrum, axis=axis))


def _window(frequency: np.ndarray, share: float, taper: float) -> np.ndarray:
    """1 inside the measured band, 0 outside, with a cosine between them; frequencies from 0 to 1."""
    inner = share * (1 - taper)
    if share >= 1 and taper <= 0:
        return np.ones_like(frequency)
    rise = np.clip((frequency - inner) / max(share - inner, 1e-9), 0, 1)
    return np.where(frequency > share, 0.0, (1 + np.cos(np.pi * rise)) / 2)
