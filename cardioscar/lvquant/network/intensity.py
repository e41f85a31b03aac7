"""Grey values as the network sees them: one scale for the whole cine, whatever the scanner's was."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

RULE = "each slice over all frames: the 1st percentile becomes 0, the 99th 1, cut at 0 and 1.5"
"""What the rule does, for the description of a network."""
LOW, HIGH = 1.0, 99.0
"""Percentiles that become 0 and 1."""
MOST = 1.5
"""Largest value: a bright coil or fat does not press the heart together."""


def normalised(values: Float[np.ndarray, "i j frames"]) -> Float[np.ndarray, "i j frames"]:
    """Grey values of a cine slice between percentiles over all of its frames, float32, 0 to `MOST`.

    One scale for all frames: that blood is brighter in one frame than in the next is a fact of the beat.

    >>> ramp = np.arange(200.0).reshape(10, 10, 2)
    >>> bool(np.allclose(normalised(ramp), normalised(3 + 7 * ramp)))
    True
    """
    low, high = np.percentile(values, [LOW, HIGH])
    scaled = (np.asarray(values, dtype=np.float32) - np.float32(low)) / np.float32(max(high - low, 1e-6))
    return np.clip(scaled, 0, np.float32(MOST))
