"""The continuous ranked probability score: one number for how near and how honest a distribution is."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cardioscar.errors import InputError


def crps(draws: Float[np.ndarray, " draws"], truth: float) -> float:
    r"""CRPS of draws against the truth, in their unit.

    $$\mathrm{CRPS} = \overline{|x_i - y|} - \tfrac12\,\overline{|x_i - x_j|}$$  [@gneiting2007]

    the exact score of the draws as a distribution of their own. Of a single number it is the absolute error.

    Args:
        draws: At least one, finite.
        truth: What was true.

    Returns:
        At least 0; 0 where all draws are the truth.

    Raises:
        InputError: If there is no draw, or a number is not finite.

    >>> crps(np.array([4.0]), 6.0), crps(np.array([1.0, 3.0]), 2.0)
    (2.0, 0.5)
    """
    x = np.sort(np.asarray(draws, dtype=float))
    if x.ndim != 1 or not len(x) or not (np.isfinite(x).all() and np.isfinite(truth)):
        raise InputError("draws", "finite draws, and a finite truth", "none" if not x.size else "others")
    n = len(x)
    # the mean distance of all pairs, from the sorted draws
    spread = 2 * float((2 * np.arange(1, n + 1) - n - 1) @ x) / n**2
    return max(float(np.abs(x - truth).mean()) - spread / 2, 0.0)
