"""Loss of sharpness in the plane: the point spread of a scan, and motion while it lasts."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, shift


def point_spread(image: Float[np.ndarray, "i j ..."], *, pixels: float) -> Float[np.ndarray, "i j ..."]:
    """Blur by a Gaussian point spread, the sum of what a read-out's decay and interpolations do [@bernstein2004].

    Args:
        image: Real image.
        pixels: Standard deviation in pixels; 0 leaves the image as it is.
    """
    if pixels <= 0:
        return image
    return gaussian_filter(image, (pixels, pixels) + (0,) * (image.ndim - 2), truncate=3, mode="nearest")


def motion(
    image: Float[np.ndarray, "i j ..."], moves_pixels: Float[np.ndarray, "moves 2"]
) -> Float[np.ndarray, "i j ..."]:
    """Average an image over the places where it was while it was taken.

    An LGE slice takes many heart beats: with an uneven beat or breath the wall is not where it was before, and
    its borders are doubled rather than blurred evenly.

    Args:
        image: Real image.
        moves_pixels: Displacement along i and j in each part of the scan.

    >>> motion(np.array([[0.0, 4.0, 0.0, 0.0]]), np.array([[0, 0], [0, 1]]))
    array([[0., 2., 2., 0.]])
    """
    further = (0.0,) * (image.ndim - 2)
    moved = [shift(image, (*move, *further), order=1, mode="nearest") for move in np.asarray(moves_pixels, float)]
    return np.mean(moved, axis=0)
