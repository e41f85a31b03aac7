"""Projection of a nodal field onto the group means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from cardioscar.types import GroupOffsets, GroupValues, NodeValues, Points

LIMIT = 40.0
"""Logits are kept within ± this: beyond, a probability is 0 or 1 to machine precision."""

# A group whose pixel is already met this well (squared, in standard deviations) needs no root of the hard projection:
# the soft shift is at most τ/10, where the objective has one minimum.
_NEARLY_MET = 0.01
_SETTLED = 1e-9
# Newton's method needs a few steps. What has not settled by then goes in circles, or forward by ever the same share:
# from then on a step must halve the one before, or else halves the bracket.
_PATIENT = 10


@dataclass(frozen=True)
class Projected:
    """Logits that were shifted towards their pixels.

    Attributes:
        logits: Shifted logits, shape (nodes,), float64.
        unsettled: Groups whose shift still moved when the iterations were used up: they meet their pixel as nearly as
            it had come.
    """

    logits: NodeValues
    unsettled: int


def project(
    logits: NodeValues,
    group_offsets: GroupOffsets,
    targets: GroupValues,
    *,
    variance: GroupValues | None = None,
    prior_sd: float = 2.0,
    iterations: int = 100,
) -> Projected:
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
        Shifted logits, and how many groups did not settle.
    """
    logits = np.clip(np.asarray(logits, dtype=np.float64), -LIMIT, LIMIT)
    sizes = np.diff(group_offsets)
    groups = _Groups(logits, group_offsets[:-1], sizes)
    goal = np.clip(np.asarray(targets, dtype=np.float64), 1e-7, 1 - 1e-7)
    far = np.full(len(goal), 2 * LIMIT)
    if variance is None:
        shift, unsettled = _root(_hard, groups, (goal,), -far, far, np.zeros(len(goal)), iterations)
        return Projected(logits + np.repeat(shift, sizes), unsettled)
    missed = (groups.sums(np.zeros(len(goal)))[0] / sizes - goal) ** 2 / variance
    off = missed > _NEARLY_MET
    # a root of the soft projection starts at the hard one: its objective is not convex, and may be flat at no shift
    hard = np.zeros(len(goal))
    hard[off], _ = _root(_hard, groups.only(off), (goal[off],), -far[off], far[off], hard[off], iterations, 1e-3)
    # no point farther than this beats no shift, and beyond the hard shift (here within 1e-3) the objective only grows
    reach = np.where(off, 1e-2, 2 * prior_sd * np.sqrt(missed))
    given = (goal, np.asarray(variance, dtype=np.float64), np.full(len(goal), prior_sd**-2.0))
    low, high = np.minimum(hard, 0) - reach, np.maximum(hard, 0) + reach
    shift, unsettled = _root(_soft, groups, given, low, high, hard, iterations)
    return Projected(logits + np.repeat(shift, sizes), unsettled)


@dataclass(frozen=True)
class _Groups:
    """Logits of some of the groups, group after group."""

    logits: NodeValues
    first: np.ndarray
    sizes: np.ndarray

    def only(self, chosen: np.ndarray) -> _Groups:
        sizes = self.sizes[chosen]
        return _Groups(self.logits[np.repeat(chosen, self.sizes)], np.cumsum(sizes) - sizes, sizes)

    def sums(self, shift: GroupValues) -> tuple[GroupValues, GroupValues, GroupValues]:
        """Sums over each group of p, of 1 - p (without cancellation where p is near 1) and of p (1 - p)."""
        if len(self.sizes) == 0:
            return shift, shift, shift
        # numpy's exponential is a vector instruction, scipy's expit is not: four times the time; |x| stays below 120
        odds = np.exp(-(self.logits + np.repeat(shift, self.sizes)))
        p = 1 / (1 + odds)
        q = odds * p
        return (np.add.reduceat(p, self.first), np.add.reduceat(q, self.first), np.add.reduceat(p * q, self.first))


def _hard(groups: _Groups, shift: GroupValues, goal: GroupValues) -> tuple[GroupValues, GroupValues]:
    """Log-odds of the mean less those of the goal: nearly linear in the shift, so Newton needs few steps."""
    p, q, slope = groups.sums(shift)
    return np.log(p / q) - np.log(goal / (1 - goal)), slope * groups.sizes / (p * q)


def _soft(
    groups: _Groups, shift: GroupValues, goal: GroupValues, variance: GroupValues, precision: GroupValues
) -> tuple[GroupValues, GroupValues]:
    """Half the objective's derivative, and the derivative of that without the curvature of the mean (Gauss-Newton)."""
    p, _, slope = (values / groups.sizes for values in groups.sums(shift))
    return (p - goal) * slope / variance + shift * precision, slope**2 / variance + precision


def _root(
    function: Callable[..., tuple[GroupValues, GroupValues]],
    groups: _Groups,
    given: tuple[GroupValues, ...],
    low: GroupValues,
    high: GroupValues,
    start: GroupValues,
    iterations: int,
    tolerance: float = _SETTLED,
) -> tuple[GroupValues, int]:
    """Safeguarded Newton for many rising functions at once: a step out of its bracket, or one of many that hardly help,
    becomes a bisection.

    Returns the roots, and how many of them still moved by more than the tolerance in the last step.

    Groups that have settled leave, so that a few slow ones do not keep all the others busy.
    """
    result = start.copy()
    open_, x, going = np.arange(len(start)), start, np.ones(len(start), dtype=bool)
    last = np.full(len(start), np.inf)
    for taken in range(iterations):
        if len(open_) == 0:
            break
        value, derivative = function(groups, x, *given)
        high = np.where(value > 0, np.minimum(high, x), high)
        low = np.where(value < 0, np.maximum(low, x), low)
        step = np.divide(value, derivative, out=np.zeros_like(value), where=derivative > 1e-300)
        new = x - step
        escaped = (new < low) | (new > high) | (derivative <= 1e-300)
        if taken >= _PATIENT:
            escaped |= np.abs(step) > last / 2
        new = np.where(escaped & (value != 0), (low + high) / 2, np.where(value == 0, x, new))
        last = np.abs(new - x)
        going = last > tolerance
        x = result[open_] = new
        if going.sum() <= 0.7 * len(going):
            groups, open_, x, last = groups.only(going), open_[going], x[going], last[going]
            low, high = low[going], high[going]
            given = tuple(values[going] for values in given)
            going = np.ones(len(open_), dtype=bool)
    return result, int(going.sum())


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

    def carry(
        self, logits: NodeValues, before: Float[np.ndarray, " sorted"], after: Float[np.ndarray, " sorted"]
    ) -> None:
        """Add the carried shifts to the unobserved nodes of `logits`, in place.

        Args:
            logits: All mesh nodes, shape (nodes,).
            before: Logits of the sorted nodes before the projection.
            after: The same after it.
        """
        if len(self.nodes):
            shift = (after - before)[self._first]
            logits[self.nodes] += np.einsum("nk,nk->n", self._weight, shift[self._near].astype(np.float32))


def shift_to_pixels(
    logits: NodeValues,
    rows: np.ndarray,
    group_offsets: GroupOffsets,
    targets: GroupValues,
    carrier: ShiftCarrier,
    *,
    variance: GroupValues | None,
) -> int:
    """Project a map onto its pixels and carry the shifts on into the gaps, in place.

    Args:
        logits: Scar logit of each node, shape (nodes,), float.
        rows: Node of each sorted node, shape (observed nodes,).
        group_offsets: CSR offsets, shape (groups + 1,).
        targets: Scar fraction of each group, 0 to 1.
        carrier: Carries on to the nodes that no pixel sees.
        variance: As for `project`.

    Returns:
        How many groups did not settle.
    """
    observed = np.clip(logits[rows].astype(np.float64), -LIMIT, LIMIT)
    projected = project(observed, group_offsets, targets, variance=variance)
    logits[rows] = projected.logits
    carrier.carry(logits, observed, projected.logits)
    return projected.unsettled


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
