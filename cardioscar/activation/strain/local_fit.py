"""Derivatives of a field on scattered pixels, by polynomials fitted to the pixels around each place."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.spatial import cKDTree

_LEAST = 8
"""Pixels of a fit: where fewer lie near, the nearest ones of further away are taken."""
_BENT = 1e-3
"""Weight that holds back the second derivatives, relative to the fit: they are free where pixels lie on all sides, and
none are made up where a wall is two pixels thick."""


def gradient_operators(
    places: Float[np.ndarray, "places 2"], pixels: Float[np.ndarray, "pixels 2"], window: float
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Linear maps from values at pixels to the two derivatives at places.

    A quadratic polynomial is fitted by least squares, near pixels weighing more (tricube): linear fields are
    differentiated exactly, quadratic ones to a thousandth of their curvature.

    Args:
        places: Where the derivatives are wanted.
        pixels: Where values are known, in the same unit; 8 at least.
        window: Distance at which a pixel ceases to count, in that unit.

    Returns:
        Derivatives along the first and the second axis, each a matrix of shape (places, pixels).
    """
    count = min(len(pixels), max(_LEAST, int(4 * window**2 / _area(pixels)) + 1))
    distances, chosen = cKDTree(pixels).query(places, k=count)
    reach = np.maximum(window, distances[:, min(_LEAST, count) - 1] * 1.05)[:, None]
    weights = np.clip(1 - (distances / reach) ** 3, 0, None) ** 3
    x, y = np.moveaxis((pixels[chosen] - places[:, None]) / reach[..., None], -1, 0)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    weighted = terms * weights[..., None]
    normal = np.swapaxes(terms, 1, 2) @ weighted
    held = _BENT * np.diag([0, 0, 0, 1.0, 1, 1]) * weights.sum(axis=1)[:, None, None]
    held += 1e-9 * np.eye(6) * weights.sum(axis=1)[:, None, None]
    fitted = np.linalg.solve(normal + held, np.swapaxes(weighted, 1, 2))
    rows = np.repeat(np.arange(len(places)), count)
    shape = (len(places), len(pixels))
    return tuple(
        sparse.csr_array(((fitted[:, term] / reach).ravel(), (rows, chosen.ravel())), shape=shape) for term in (1, 2)
    )


def _area(pixels: Float[np.ndarray, "pixels 2"]) -> float:
    """Area of a pixel: the square of the distance to the nearest other one."""
    return float(np.median(cKDTree(pixels).query(pixels, k=2)[0][:, 1]) ** 2)
