"""One volume in all the orders in which a file may store it, the affine following the voxels."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from cardioscar.imaging.volume import Volume

Order = tuple[tuple[int, int, int], tuple[int, int, int]]
"""Axes of the volume in the file, and 1 or -1 for the direction of each."""

ORDERS: list[Order] = list(itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)))
"""All 48; the first is the volume's own."""


def stored(volume: Volume, order: Order) -> Volume:
    """The same voxels at the same places, stored in another order."""
    axes, signs = order
    values = np.transpose(volume.values, axes)[tuple(slice(None, None, sign) for sign in signs)]
    corner = np.zeros(3)
    for axis, sign in zip(axes, signs, strict=True):
        corner[axis] = volume.values.shape[axis] - 1 if sign < 0 else 0
    affine = np.eye(4)
    affine[:3, :3] = volume.affine[:3, list(axes)] * np.array(signs)
    affine[:3, 3] = volume.index_to_mm(corner[None])[0]
    return replace(volume, values=values, affine=affine)


def as_float32(volume: Volume) -> Volume:
    """A volume whose affine went through a header of single precision."""
    return replace(volume, affine=volume.affine.astype(np.float32).astype(np.float64))
