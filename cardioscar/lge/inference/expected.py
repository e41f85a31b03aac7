"""How right labels are expected to be, by the probability that stands beside them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8

from cardioscar.imaging.labels import WALL, Label


def expected_dice(mask: Bool[np.ndarray, "i j"], probability: Float[np.ndarray, "i j"]) -> float:
    r"""Dice that a mask is expected to have with the truth, of which the probability is known.

    $$\frac{2 \sum_{m} p}{|m| + \sum p}$$, the expectations taken apart, which is exact for large regions.

    Returns:
        0 to 1; NaN where nothing is found nor expected.

    >>> expected_dice(np.array([[True, False]]), np.array([[0.9, 0.1]]))
    0.9
    """
    size = float(mask.sum()) + float(probability.sum())
    return 2 * float(probability[mask].sum()) / size if size > 0 else float("nan")


def expected_heart_dice(labels: UInt8[np.ndarray, "i j"], probability: Float[np.ndarray, "classes i j"]) -> float:
    """Expected Dice of wall and cavity, the worse of both; of the wall alone where no cavity is labelled.

    Args:
        labels: `Label` of each pixel of a slice.
        probability: Of each label.

    Returns:
        0 to 1; NaN where nothing is labelled nor expected.
    """
    p = probability.astype(np.float64)
    wall, pool = np.isin(labels, WALL), labels == Label.BLOOD_POOL
    parts = [(wall, p[Label.MYOCARDIUM] + p[Label.SCAR])] + ([(pool, p[Label.BLOOD_POOL])] if pool.any() else [])
    return min(expected_dice(mask, expected) for mask, expected in parts)
