"""Partial volume: a pixel shows all the tissue in the thickness of its slice."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def slice_profile(samples: int, *, sharpness: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Places through a slice and what each of them counts.

    The excited profile is no box: short pulses excite a trapezoid, whose flanks reach beyond the nominal thickness
    [@bernstein2004].

    Args:
        samples: Number of places, at least 1.
        sharpness: 1 for a box, 0 for a triangle of the same width at half of its height.

    Returns:
        Places in nominal thicknesses from the middle of the slice, and weights that add up to 1, both (samples,).

    >>> places, weights = slice_profile(4, sharpness=1.0)
    >>> places.tolist(), weights.tolist()
    ([-0.375, -0.125, 0.125, 0.375], [0.25, 0.25, 0.25, 0.25])
    """
    reach = 1 - sharpness / 2  # half of the base of a trapezoid whose half height is one thickness wide
    places = ((np.arange(samples) + 0.5) / samples * 2 - 1) * reach
    flank = 1 - sharpness
    weights = np.ones(samples) if flank <= 0 else np.clip((reach - np.abs(places)) / flank, 0, 1)
    return places, weights / weights.sum()


def through_slice(
    samples: Float[np.ndarray, "samples ..."], weights: Float[np.ndarray, " samples"]
) -> Float[np.ndarray, ...]:
    """Mean of a quantity through a slice: a signal before its magnitude is taken, or the share of a tissue.

    At the apex 8 mm of slice hold wall, cavity and the fat outside: the wall seems wide and grey there, and what is
    drawn is the tissue that fills most of the pixel.

    Args:
        samples: The quantity at each place through the slice, first axis.
        weights: What each place counts.

    >>> through_slice(np.array([[0.0], [1.0]]), np.array([0.25, 0.75]))
    array([0.75])
    """
    return np.tensordot(np.asarray(weights, dtype=samples.dtype), samples, axes=1)


def majority(labels: np.ndarray, weights: Float[np.ndarray, " samples"], *, count: int) -> np.ndarray:
    """The label that fills most of each pixel's thickness; of two that fill it alike, the lower one.

    Args:
        labels: Labels at each place through the slice, first axis, from 0.
        weights: What each place counts.
        count: Number of labels.

    >>> majority(np.array([[0, 1], [1, 1], [0, 2]]), np.full(3, 1 / 3), count=3)
    array([0, 1], dtype=uint8)
    """
    shares = np.stack([through_slice((labels == one).astype(np.float32), weights) for one in range(count)])
    # sums of float32 differ in their last digits: shares that are equal must be told so
    return np.argmax(np.round(shares, 5), axis=0).astype(np.uint8)
