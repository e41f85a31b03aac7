"""Projection of a nodal field onto the group means."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from cardioscar.types import GroupOffsets, GroupValues, NodeValues

# Beyond ±40 a logit is 0 or 1 to machine precision.
_LIMIT = 40.0


def project(
    logits: NodeValues,
    group_offsets: GroupOffsets,
    targets: GroupValues,
    *,
    variance: GroupValues | None = None,
    prior_sd: float = 2.0,
    iterations: int = 60,
) -> NodeValues:
    r"""Shift the logits of each group so that its mean probability meets the pixel.

    Hard (`variance=None`): the shift δ solves $\frac1n \sum σ(l_i + δ) = y$, by safeguarded Newton for all groups at once;
    where y is 0 or 1 the mean meets it to 1e-6. Soft: δ minimises
    $(\barσ(δ) - y)^2 / σ_g^2 + δ^2 / τ^2$, which trusts a pixel as far as its variance allows.

    Args:
        logits: Scar logit of each node in group order, shape (nodes,).
        group_offsets: CSR offsets, shape (groups + 1,).
        targets: Scar fraction of each group, 0 to 1.
        variance: σ_g² of each group for the soft projection, see `pixel_variance`; None for the hard one.
        prior_sd: τ, standard deviation of the shift in logits before the pixel is seen.
        iterations: Upper limit of Newton steps.

    Returns:
        Shifted logits, shape (nodes,), float64.
    """
    logits = np.clip(np.asarray(logits, dtype=np.float64), -_LIMIT, _LIMIT)
    starts, sizes = group_offsets[:-1], np.diff(group_offsets)
    goal = np.clip(np.asarray(targets, dtype=np.float64), 1e-7, 1 - 1e-7)
    shift = np.zeros(len(goal))
    low, high = np.full(len(goal), -2 * _LIMIT), np.full(len(goal), 2 * _LIMIT)
    for _ in range(iterations):
        p = expit(logits + np.repeat(shift, sizes))
        mean = np.add.reduceat(p, starts) / sizes
        slope = np.add.reduceat(p * (1 - p), starts) / sizes
        if variance is None:
            residual, derivative = mean - goal, slope
        else:
            # Gauss-Newton on the soft objective: its gradient grows with δ, so the same bracket serves
            residual = (mean - goal) * slope / variance + shift / prior_sd**2
            derivative = slope**2 / variance + 1 / prior_sd**2
        high = np.where(residual > 0, shift, high)
        low = np.where(residual < 0, shift, low)
        step = np.divide(residual, derivative, out=np.zeros_like(residual), where=derivative > 1e-300)
        new = shift - step
        outside = (new <= low) | (new >= high) | (derivative <= 1e-300)
        new = np.where(outside & (residual != 0), (low + high) / 2, new)
        moved = np.abs(new - shift)
        shift = new
        if moved.max(initial=0.0) < 1e-10:
            break
    return logits + np.repeat(shift, sizes)


def pixel_variance(targets: GroupValues, group_offsets: GroupOffsets, *, noise_sd: float = 0.05) -> GroupValues:
    r"""Variance of a pixel about the mean of its nodes: $σ_g^2 = noise^2 + y(1-y)/(3 n_g)$.

    The second part is sampling: n nodes stand for a whole prism.

    Args:
        targets: Scar fraction of each group, 0 to 1.
        group_offsets: CSR offsets, shape (groups + 1,).
        noise_sd: Standard deviation of the pixel's own error, as a fraction.

    Returns:
        Shape (groups,), positive.
    """
    y = np.asarray(targets, dtype=np.float64)
    return noise_sd**2 + y * (1 - y) / (3 * np.diff(group_offsets))
