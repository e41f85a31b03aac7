"""Projection of a nodal field onto the group means."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import expit

from cardioscar.types import GroupOffsets, GroupValues, NodeValues, Points

LIMIT = 40.0
"""Logits are kept within ± this: beyond, a probability is 0 or 1 to machine precision."""


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

    Hard (`variance=None`): the shift δ solves $\frac1n \sum σ(l_i + δ) = y$, by safeguarded Newton for all groups at
    once; where y is 0 or 1 the mean meets it to 1e-6. Soft: δ minimises $(\barσ(δ) - y)^2 / σ_g^2 + δ^2 / τ^2$
    between no shift and the hard one, which trusts a pixel as far as its variance allows.

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
    logits = np.clip(np.asarray(logits, dtype=np.float64), -LIMIT, LIMIT)
    sizes = np.diff(group_offsets)
    goal = np.clip(np.asarray(targets, dtype=np.float64), 1e-7, 1 - 1e-7)

    def mean_and_slope(shift: GroupValues) -> tuple[GroupValues, GroupValues]:
        p = expit(logits + np.repeat(shift, sizes))
        total = np.add.reduceat(np.stack([p, p * (1 - p)]), group_offsets[:-1], axis=1) / sizes
        return total[0], total[1]

    def hard(shift: GroupValues) -> tuple[GroupValues, GroupValues]:
        mean, slope = mean_and_slope(shift)
        return mean - goal, slope

    far = np.full(len(goal), 2 * LIMIT)
    shift = _root(hard, -far, far, np.zeros(len(goal)), iterations)
    if variance is not None:

        def soft(shift: GroupValues) -> tuple[GroupValues, GroupValues]:
            mean, slope = mean_and_slope(shift)
            # the derivative without the curvature of the mean (Gauss-Newton), which keeps it positive
            return (mean - goal) * slope / variance + shift / prior_sd**2, slope**2 / variance + 1 / prior_sd**2

        # the objective is not convex; its minimum lies between no shift and the hard one
        shift = _root(soft, np.minimum(shift, 0), np.maximum(shift, 0), shift, iterations)
    return logits + np.repeat(shift, sizes)


def _root(
    function: Callable[[GroupValues], tuple[GroupValues, GroupValues]],
    low: GroupValues,
    high: GroupValues,
    start: GroupValues,
    iterations: int,
) -> GroupValues:
    """Safeguarded Newton for many rising functions at once: a step out of its bracket becomes a bisection."""
    x = start
    for _ in range(iterations):
        value, derivative = function(x)
        high = np.where(value > 0, np.minimum(high, x), high)
        low = np.where(value < 0, np.maximum(low, x), low)
        step = np.divide(value, derivative, out=np.zeros_like(value), where=derivative > 1e-300)
        new = x - step
        escaped = (new < low) | (new > high) | (derivative <= 1e-300)
        new = np.where(escaped & (value != 0), (low + high) / 2, np.where(value == 0, x, new))
        moved = np.abs(new - x).max(initial=0.0)
        x = new
        if moved < 1e-10:
            break
    return x


class ShiftCarrier:
    r"""Carries the shifts of the projection on to nodes that no pixel sees, so that a map has no step at a slab's face.

    A node takes the mean shift of its eight nearest groups, weighted by $\exp(-d^2/2ℓ^2)$, and fades with the nearest.

    Args:
        nodes_mm: All mesh nodes in mm LPS, shape (nodes, 3).
        node_order: Mesh node of each sorted node.
        group_offsets: CSR offsets, shape (groups + 1,).
        reach_mm: ℓ in mm; 0 carries nothing.
    """

    def __init__(self, nodes_mm: Points, node_order: np.ndarray, group_offsets: GroupOffsets, reach_mm: float) -> None:
        observed = np.zeros(len(nodes_mm), dtype=bool)
        observed[node_order] = True
        self.nodes = np.flatnonzero(~observed) if reach_mm > 0 and len(group_offsets) > 1 else np.empty(0, np.int64)
        self._first = group_offsets[:-1]
        if len(self.nodes) == 0:
            return
        sizes = np.diff(group_offsets)
        centers = np.add.reduceat(nodes_mm[node_order], self._first, axis=0) / sizes[:, None]
        count = min(8, len(centers))
        distance, near = cKDTree(centers).query(nodes_mm[self.nodes], k=np.arange(1, count + 1))
        self._near = near.astype(np.int32)
        weight = np.exp(-0.5 * (distance / reach_mm) ** 2).astype(np.float32)
        total = weight.sum(axis=1, keepdims=True)
        self._weight = weight * weight[:, :1] / np.maximum(total, np.finfo(np.float32).tiny)

    def carry(self, logits: NodeValues, before: NodeValues, after: NodeValues) -> None:
        """Add the carried shifts to the unobserved nodes of `logits`, in place.

        Args:
            logits: All mesh nodes, shape (nodes,).
            before: Logits of the sorted nodes before the projection.
            after: The same after it.
        """
        if len(self.nodes):
            shift = (after - before)[self._first]
            logits[self.nodes] += np.einsum("nk,nk->n", self._weight, shift[self._near].astype(np.float32))


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
