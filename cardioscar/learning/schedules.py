"""Learning rates over the steps of a training."""

from __future__ import annotations

import numpy as np


def one_cycle(step: int, steps: int, peak: float) -> float:
    """One-cycle learning rate with cosine flanks [@smith2019]: from peak/25 up over 30 % steps, then to peak/250,000.

    >>> [round(one_cycle(s, 10, 1.0), 3) for s in (0, 3, 10)]
    [0.04, 1.0, 0.0]
    """
    rise = 0.3 * steps
    start, end, at = (
        (peak / 25, peak, step / rise) if step < rise else (peak, peak / 250_000, (step - rise) / (0.7 * steps))
    )
    return float(end + (start - end) * (1 + np.cos(np.pi * min(at, 1.0))) / 2)


def triangular(step: int, low: float, high: float, *, half_cycle: int) -> float:
    """Triangular cyclical learning rate [@smith2017].

    >>> [triangular(s, 0.0, 1.0, half_cycle=10) for s in (0, 5, 10, 20)]
    [0.0, 0.5, 1.0, 0.0]
    """
    at = (step % (2 * half_cycle)) / half_cycle
    return low + (high - low) * (at if at <= 1 else 2 - at)
