"""A slice as the network sees it: on an even grid of sectors and times, whatever sequence it was measured by."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cardioscar.activation.strain.matrix import SECTORS, StrainSlice

GRID_MS = 12.0
TIMES = 64
"""The grid runs from 0 to 756 ms: through systole, and most of diastole, of slow hearts."""
CHANNELS = 3
_UNIT = 0.1
"""Strain that counts as 1."""
_LIVING = 0.8
"""Quantile of the sectors' peak shortening that stands for living wall."""


def network_input(one: StrainSlice) -> Float[np.ndarray, "3 sectors times"]:
    """The strain of a slice as channels.

    Args:
        one: As `check_strain` wants it, in any number of sectors and frames.

    Returns:
        Strain in units of 0.1; strain as a share of the shortening of living wall; and where there are frames (1) or
        only the value of the nearest one (0). Shape (3, 126, 64).
    """
    one = one.with_sectors(SECTORS)
    times = GRID_MS * np.arange(TIMES)
    # the R wave is the reference: there nothing is strained
    known_ms = np.concatenate([[0.0], one.frame_ms]) if one.frame_ms[0] > 0 else one.frame_ms
    strain = one.circumferential
    if len(known_ms) > one.frames:
        strain = np.concatenate([np.zeros((SECTORS, 1)), strain], axis=1)
    at = np.clip(times, known_ms[0], known_ms[-1])
    after = np.clip(np.searchsorted(known_ms, at, side="right"), 1, len(known_ms) - 1)
    share = (at - known_ms[after - 1]) / (known_ms[after] - known_ms[after - 1])
    even = strain[:, after - 1] * (1 - share) + strain[:, after] * share
    living = max(float(np.quantile(-even.min(axis=1), _LIVING)), 0.02)
    shown = np.broadcast_to((times >= one.frame_ms[0]) & (times <= one.frame_ms[-1]), even.shape)
    return np.stack([even / _UNIT, even / living, shown]).astype(np.float32)
