"""Scar volume and its error."""

from __future__ import annotations

import numpy as np

from cardioscar.metrics.masks import as_fractions, as_weights, same_length


def scar_volume_ml(scar: np.ndarray, node_volumes_ml: np.ndarray) -> float:
    """Volume of a scar map; of a probability map, its expected volume.

    Args:
        scar: Binary map, fraction or probability, shape (nodes,), 0 to 1.
        node_volumes_ml: Volume that each node stands for in ml, shape (nodes,).

    Returns:
        ml, at least 0.

    Raises:
        InputError: If a value is outside 0 to 1, a volume is negative, or the shapes differ.

    >>> scar_volume_ml(np.array([1.0, 0.5, 0.0]), np.array([2.0, 2.0, 2.0]))
    3.0
    """
    fraction = as_fractions(scar, where="scar")
    return float(fraction @ as_weights(node_volumes_ml, len(fraction)))


def volume_error_percent(
    truth: np.ndarray,
    prediction: np.ndarray,
    node_volumes_ml: np.ndarray | None = None,
    *,
    signed: bool = False,
) -> float:
    r"""Error of the scar volume in percent of the true volume.

    $$E = 100\,\frac{|V_P - V_T|}{V_T}$$

    Args:
        truth: True scar, shape (nodes,), 0 to 1.
        prediction: Predicted scar, binary or a probability, shape (nodes,), 0 to 1.
        node_volumes_ml: Volume of each node in ml, shape (nodes,); default equal volumes.
        signed: Keep the sign: negative where the prediction is too small.

    Returns:
        Percent, at least 0 unless `signed`; NaN where there is no true scar.

    Raises:
        InputError: If a value is outside 0 to 1 or the shapes differ.

    >>> volume_error_percent(np.array([1, 1, 1, 1]), np.array([1, 1, 1, 0]), signed=True)
    -25.0
    """
    true = as_fractions(truth, where="truth")
    same_length(np.asarray(prediction), len(true), where="prediction")
    weights = as_weights(node_volumes_ml, len(true))
    true_ml = scar_volume_ml(true, weights)
    if true_ml == 0:
        return float("nan")
    error = 100 * (scar_volume_ml(prediction, weights) - true_ml) / true_ml
    return error if signed else abs(error)
