"""Binary masks and weights as every metric of this package accepts them."""

from __future__ import annotations

import numpy as np

from cardioscar.errors import InputError, counted
from cardioscar.types import NodeMask, NodeValues


def as_mask(values: np.ndarray, *, where: str) -> NodeMask:
    """Read a one-dimensional mask from booleans or from numbers that are all 0 or 1.

    Args:
        values: Shape (nodes,).
        where: Name of the argument, for errors.

    Returns:
        Boolean array of the same shape.

    Raises:
        InputError: If the array has more than one axis, or holds anything but 0 and 1. Probabilities are not
            thresholded here: the threshold is the caller's decision.

    >>> as_mask(np.array([0, 1, 1]), where="truth")
    array([False,  True,  True])
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(where, "one value for each node, shape (nodes,)", f"shape {array.shape}")
    if array.dtype == bool:
        return array
    bad = ~np.isin(array, (0, 1))
    if bad.any():
        raise InputError(where, "only 0 and 1", f"{array[bad][0]:g} ({counted(int(bad.sum()), 'node')})")
    return array.astype(bool)


def as_fractions(values: np.ndarray, *, where: str) -> NodeValues:
    """Read a one-dimensional array of probabilities or fractions, booleans included.

    Args:
        values: Shape (nodes,), 0 to 1.
        where: Name of the argument, for errors.

    Returns:
        float64 array of the same shape.

    Raises:
        InputError: If the array has more than one axis, or a value is not in 0 to 1.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise InputError(where, "one value for each node, shape (nodes,)", f"shape {array.shape}")
    bad = ~((array >= 0) & (array <= 1))
    if bad.any():
        raise InputError(where, "values from 0 to 1", f"{array[bad][0]:g} ({counted(int(bad.sum()), 'node')})")
    return array


def as_weights(weights: np.ndarray | None, n_nodes: int) -> NodeValues:
    """Read weights, by default one for each node.

    Args:
        weights: Shape (nodes,), at least 0 each; node volumes make a metric independent of mesh density.
        n_nodes: Number of nodes expected.

    Returns:
        float64 array, shape (nodes,).

    Raises:
        InputError: If the shape differs, or a weight is negative or not finite.
    """
    if weights is None:
        return np.ones(n_nodes)
    array = np.asarray(weights, dtype=np.float64)
    same_length(array, n_nodes, where="weights")
    bad = ~(np.isfinite(array) & (array >= 0))
    if bad.any():
        raise InputError(
            "weights", "finite weights of at least 0", f"{array[bad][0]:g} ({counted(int(bad.sum()), 'node')})"
        )
    return array


def same_length(array: np.ndarray, n_nodes: int, *, where: str) -> None:
    """Refuse an array that does not have one value for each node.

    Raises:
        InputError: If its shape is not (n_nodes,).
    """
    if array.shape != (n_nodes,):
        raise InputError(where, f"shape ({n_nodes},), one value for each node", f"shape {array.shape}")
