"""Noise as a receiver hears it, and what magnitude and phase-sensitive images make of it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float, Inexact
from scipy.ndimage import gaussian_filter


def receiver_noise(
    rng: np.random.Generator, signal: Inexact[np.ndarray, ...], *, deviation: float
) -> Complex[np.ndarray, ...]:
    """Add independent Gaussian noise to the real and the imaginary part of a signal [@gudbjartsson1995].

    Args:
        rng: Source of the draw.
        signal: Real or complex, of any shape.
        deviation: Standard deviation of each part, in units of the signal.

    Returns:
        Complex signal with noise, complex64.
    """
    noise = rng.standard_normal((2, *signal.shape), dtype=np.float32) * np.float32(deviation)
    noisy = np.empty(signal.shape, dtype=np.complex64)
    noisy.real, noisy.imag = np.real(signal) + noise[0], np.imag(signal) + noise[1]
    return noisy


def magnitude(signal: Inexact[np.ndarray, ...]) -> Float[np.ndarray, ...]:
    """Magnitude of a complex signal.

    With receiver noise it has the Rician distribution [@gudbjartsson1995]: never below 0, and with a floor of
    about 1.25 deviations where there is no signal. An inverted wall (before its null) is bright again.
    """
    return np.abs(signal)


def phase_sensitive(
    inversion: Inexact[np.ndarray, "i j ..."],
    reference: Inexact[np.ndarray, "i j ..."],
    *,
    reference_pixels: float = 1.0,
    normalised: float = 0.0,
    floor: float = 1e-3,
) -> Float[np.ndarray, "i j ..."]:
    r"""Phase-sensitive inversion recovery (PSIR) [@kellman2002].

    The reference, taken without an inversion, has the same coil phase; turned back by it, the signal of the inversion
    keeps its sign: $\mathrm{Re}(s \bar r) / |r|$. Where the body gives no signal (lung, air) the reference's
    phase is random, so noise fills the whole range from black to white; divided by the reference's magnitude, which
    takes the coils' profile out, it is larger still. A reader knows lungs by it, and a network has to.

    Args:
        inversion: Signal after the inversion with its noise.
        reference: Signal of the reference with its noise.
        reference_pixels: Deviation of the kernel that smooths the reference, in pixels: it is measured at low
            resolution.
        normalised: Exponent of the reference's magnitude in the divisor, 0 (signed magnitude) to 1 (coils removed).
        floor: Smallest divisor as a share of the reference's largest magnitude.

    Returns:
        Signed signal, float32; dark where tissue is inverted still.

    >>> phase_sensitive(np.array([[-1j]]), np.array([[2j]]), reference_pixels=0.0)
    array([[-1.]], dtype=float32)
    """
    smooth = np.asarray(reference, dtype=np.complex64)
    if reference_pixels > 0:
        sigma = (reference_pixels,) * 2 + (0,) * (smooth.ndim - 2)
        smooth = gaussian_filter(smooth.real, sigma) + 1j * gaussian_filter(smooth.imag, sigma)
    size = np.abs(smooth)
    largest = float(size.max()) or 1.0
    turned = (inversion * smooth.conj()).real / np.maximum(size, 1e-12 * largest)
    return np.asarray(turned / np.maximum(size / largest, floor) ** normalised, dtype=np.float32)
