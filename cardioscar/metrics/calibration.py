"""Whether probabilities and intervals mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardioscar.errors import InputError
from cardioscar.metrics.masks import as_fractions, as_weights, same_length

BINS = 15
"""Number of equal-width bins of the expected calibration error, as in Guo et al. 2017."""


@dataclass(frozen=True)
class ReliabilityCurve:
    """Observed against predicted scar, bin by bin.

    Attributes:
        edges: Edges of the probability bins, shape (bins + 1,), from 0 to 1.
        predicted: Mean predicted probability in each bin, shape (bins,); NaN where the bin is empty.
        observed: Share of scar among the nodes of each bin, shape (bins,); NaN where the bin is empty.
        weight: Sum of node weights in each bin, shape (bins,).
    """

    edges: np.ndarray
    predicted: np.ndarray
    observed: np.ndarray
    weight: np.ndarray


def reliability_curve(
    truth: np.ndarray,
    probability: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    bins: int = BINS,
) -> ReliabilityCurve:
    """Compare predicted scar probability with the observed share of scar in equal-width bins.

    Args:
        truth: True scar, shape (nodes,), 0 or 1 (or a fraction between).
        probability: Predicted scar probability, shape (nodes,), 0 to 1.
        weights: What each node counts, shape (nodes,); default 1.
        bins: Number of bins over 0 to 1; a bin holds its lower edge, the last one also its upper.

    Returns:
        The curve, with empty bins as NaN.

    Raises:
        InputError: If a value is outside 0 to 1, the shapes differ, or there is no bin.
    """
    if bins < 1:
        raise InputError("bins", "at least one bin", str(bins))
    true, predicted = as_fractions(truth, where="truth"), as_fractions(probability, where="probability")
    same_length(predicted, len(true), where="probability")
    weight = as_weights(weights, len(true))
    index = np.minimum((predicted * bins).astype(np.int64), bins - 1)
    total = np.bincount(index, weights=weight, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0/0 is the NaN of an empty bin
        return ReliabilityCurve(
            edges=np.linspace(0, 1, bins + 1),
            predicted=np.bincount(index, weights=weight * predicted, minlength=bins) / total,
            observed=np.bincount(index, weights=weight * true, minlength=bins) / total,
            weight=total,
        )


def expected_calibration_error(
    truth: np.ndarray,
    probability: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    bins: int = BINS,
) -> float:
    r"""Expected calibration error (ECE) of the scar probability.

    $$\mathrm{ECE} = \sum_b \frac{w_b}{\sum w}\,\bigl|\bar y_b - \bar p_b\bigr|$$  [@naeini2015; @guo2017]

    with bins of the predicted probability of scar (not of the winning class).

    Args:
        truth: True scar, shape (nodes,), 0 or 1 (or a fraction between).
        probability: Predicted scar probability, shape (nodes,), 0 to 1.
        weights: What each node counts, shape (nodes,); default 1.
        bins: Number of equal-width bins.

    Returns:
        0 to 1; NaN where nothing has weight.

    Raises:
        InputError: If a value is outside 0 to 1 or the shapes differ.

    >>> round(expected_calibration_error(np.array([1, 1, 0, 0]), np.array([0.9, 0.9, 0.9, 0.1])), 3)
    0.2
    """
    curve = reliability_curve(truth, probability, weights, bins=bins)
    total = float(curve.weight.sum())
    if total == 0:
        return float("nan")
    filled = curve.weight > 0
    gap = np.abs(curve.observed[filled] - curve.predicted[filled])
    return min(float(gap @ curve.weight[filled] / total), 1.0)  # the two sums round apart


def brier_score(truth: np.ndarray, probability: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Mean squared error of the scar probability [@brier1950].

    Args:
        truth: True scar, shape (nodes,), 0 or 1 (or a fraction between).
        probability: Predicted scar probability, shape (nodes,), 0 to 1.
        weights: What each node counts, shape (nodes,); default 1.

    Returns:
        0 (certain and right) to 1 (certain and wrong); NaN where nothing has weight.

    Raises:
        InputError: If a value is outside 0 to 1 or the shapes differ.

    >>> brier_score(np.array([1, 0]), np.array([0.5, 0.5]))
    0.25
    """
    true, predicted = as_fractions(truth, where="truth"), as_fractions(probability, where="probability")
    same_length(predicted, len(true), where="probability")
    return _mean((predicted - true) ** 2, as_weights(weights, len(true)))


def interval_coverage(
    truth: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    weights: np.ndarray | None = None,
) -> float:
    """Share of true values that lie inside their predicted interval, ends included.

    Args:
        truth: True quantity, shape (n,), any unit (for instance the scar fraction of 5 mm cubes).
        lower: Lower end of each interval, shape (n,), same unit.
        upper: Upper end of each interval, shape (n,), at least `lower`.
        weights: What each value counts, shape (n,); default 1.

    Returns:
        0 to 1, for a 90 % interval ideally 0.90; NaN where nothing has weight.

    Raises:
        InputError: If the shapes differ, a value is not finite, or an interval ends before it starts.

    >>> interval_coverage(np.array([0.2, 0.5, 0.9]), np.array([0.1, 0.5, 0.0]), np.array([0.3, 0.6, 0.8]))
    0.6666666666666666
    """
    true, low, high = (np.asarray(a, dtype=np.float64) for a in (truth, lower, upper))
    if true.ndim != 1:
        raise InputError("truth", "one value for each interval, shape (n,)", f"shape {true.shape}")
    for name, array in (("truth", true), ("lower", low), ("upper", high)):
        same_length(array, len(true), where=name)
        if not np.isfinite(array).all():
            raise InputError(name, "finite values", f"{int((~np.isfinite(array)).sum())} non-finite values")
    if (high < low).any():
        raise InputError("upper", "intervals that end after they start", f"{int((high < low).sum())} reversed")
    return _mean(((true >= low) & (true <= high)).astype(np.float64), as_weights(weights, len(true)))


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean of values from 0 to 1."""
    total = float(weights.sum())
    return min(float(values @ weights / total), 1.0) if total > 0 else float("nan")  # the two sums round apart
