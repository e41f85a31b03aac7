"""Augmentation along an axis that closes upon itself, such as the circumference of a ventricle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def turn_closed_axis(
    arrays: Mapping[str, np.ndarray], axes: Mapping[str, int], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Turn arrays about a closed axis by any number of cells, and mirror them at random: no place is preferred.

    Args:
        arrays: Features, labels, … of one example, turned alike.
        axes: The closed axis of each array, of the same size in all of them.
        rng: Source of the draws: first the turn, then whether to mirror.

    Returns:
        The arrays turned, views where that is possible.

    >>> rng = np.random.default_rng(3)
    >>> turned = turn_closed_axis({"a": np.arange(4), "b": np.arange(4)[None]}, {"a": 0, "b": 1}, rng)
    >>> turned["a"].tolist(), turned["b"].tolist()
    ([0, 3, 2, 1], [[0, 3, 2, 1]])
    """
    sizes = {arrays[name].shape[axis] for name, axis in axes.items()}
    if len(sizes) != 1 or arrays.keys() != axes.keys():
        raise ValueError("arrays whose closed axes differ in size")
    turn, step = int(rng.integers(sizes.pop())), int(rng.choice([-1, 1]))
    return {
        name: np.roll(one, turn, axis=axes[name])[_mirrored(one.ndim, axes[name], step)] for name, one in arrays.items()
    }


def _mirrored(dimensions: int, axis: int, step: int) -> tuple[slice, ...]:
    return tuple(slice(None, None, step if at == axis else None) for at in range(dimensions))
