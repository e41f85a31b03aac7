"""Grey values as the networks know them: each slice on its own scale, whatever scanner and modality gave it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

RULE = "each slice: minus the median, over half the distance from the 5th to the 95th percentile, cut at ±4"
"""What the rule does, for the description of a network."""
LARGEST = 4.0


def normalised(image: Float[np.ndarray, "i j ..."]) -> Float[np.ndarray, "i j ..."]:
    """Bring grey values of slices to a common scale.

    Percentiles, because noise of a phase-sensitive image fills the whole range where there is no signal: mean and
    deviation of a slice are those of its lungs.

    Args:
        image: Grey values of any scale; the first two axes are the plane, each plane has its own scale.

    Returns:
        float32, -4 to 4; a constant plane gives 0.

    >>> normalised(np.array([[0.0, 10.0], [20.0, 30.0]])).round(2)
    array([[-1.11, -0.37],
           [ 0.37,  1.11]], dtype=float32)
    """
    low, middle, high = np.percentile(image, [5, 50, 95], axis=(0, 1))
    half = (high - low) / 2
    scaled = (image - middle) / np.where(half > 0, half, 1.0)
    return np.clip(scaled, -LARGEST, LARGEST).astype(np.float32)
