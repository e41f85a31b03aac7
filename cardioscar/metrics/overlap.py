"""Overlap of two binary scar maps on the same nodes: Dice, precision, recall."""

from __future__ import annotations

import numpy as np

from cardioscar.metrics.masks import as_mask, as_weights, same_length


def dice(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray | None = None) -> float:
    r"""Dice similarity coefficient of two binary maps.

    $$D = \frac{2\,|T \cap P|}{|T| + |P|}$$  [@dice1945]

    Args:
        truth: True scar, shape (nodes,), 0 or 1.
        prediction: Predicted scar, shape (nodes,), 0 or 1.
        weights: What each node counts, shape (nodes,), for instance its volume in ml; default 1.

    Returns:
        0 to 1. NaN where both maps are empty: agreement on no scar is no overlap of scar, and counting it
        as 1 lifts the mean of a cohort with scar-free patients.

    Raises:
        InputError: If a map is not binary or the shapes differ.

    >>> dice(np.array([1, 1, 0, 0]), np.array([0, 1, 1, 0]))
    0.5
    >>> dice(np.zeros(3), np.zeros(3))
    nan
    """
    both, in_truth, in_prediction = _sizes(truth, prediction, weights)
    return _ratio(2 * both, in_truth + in_prediction)


def precision(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Share of the predicted scar that is scar (positive predictive value).

    Args:
        truth: True scar, shape (nodes,), 0 or 1.
        prediction: Predicted scar, shape (nodes,), 0 or 1.
        weights: What each node counts, shape (nodes,); default 1.

    Returns:
        0 to 1; NaN where no scar is predicted.

    Raises:
        InputError: If a map is not binary or the shapes differ.

    >>> precision(np.array([1, 1, 0, 0]), np.array([0, 1, 1, 1]), weights=np.array([1.0, 2.0, 1.0, 1.0]))
    0.5
    """
    both, _, in_prediction = _sizes(truth, prediction, weights)
    return _ratio(both, in_prediction)


def recall(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Share of the true scar that is predicted (sensitivity).

    Args:
        truth: True scar, shape (nodes,), 0 or 1.
        prediction: Predicted scar, shape (nodes,), 0 or 1.
        weights: What each node counts, shape (nodes,); default 1.

    Returns:
        0 to 1; NaN where there is no scar.

    Raises:
        InputError: If a map is not binary or the shapes differ.

    >>> recall(np.array([1, 1, 1, 1, 0]), np.array([0, 1, 0, 0, 1]))
    0.25
    """
    both, in_truth, _ = _sizes(truth, prediction, weights)
    return _ratio(both, in_truth)


def _sizes(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray | None) -> tuple[float, float, float]:
    true, predicted = as_mask(truth, where="truth"), as_mask(prediction, where="prediction")
    same_length(predicted, len(true), where="prediction")
    weight = as_weights(weights, len(true))
    return float(weight[true & predicted].sum()), float(weight[true].sum()), float(weight[predicted].sum())


def _ratio(part: float, whole: float) -> float:
    # sums of other nodes in another order may differ in their last digit
    return min(part / whole, 1.0) if whole > 0 else float("nan")
