"""Pixels of a cine brought to another size, and parts of it cut out, with the affine that belongs to them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardioscar.imaging.cine import Cine

_SAME = 0.02
"""Share by which pixels may lie beyond the range before they are brought into it."""


def wanted_pixel_mm(cine: Cine, low_high: tuple[float, float]) -> Float[np.ndarray, " axes"]:
    """Pixel size at which a network sees a cine: its own where the network met such, else the nearest that it met.

    Args:
        cine: The cine.
        low_high: Smallest and largest pixel that the network met.
    """
    low, high = low_high
    own = np.asarray(cine.pixel_mm, dtype=float)
    return np.where((own < low * (1 - _SAME)) | (own > high * (1 + _SAME)), np.clip(own, low, high), own)


def with_pixels(cine: Cine, pixel_mm: Float[np.ndarray, " axes"]) -> Cine:
    """The same picture in pixels of another size, interpolated linearly; float32.

    Where pixels become larger, neighbours are averaged, so that nothing fine turns into something coarse.

    >>> cine = Cine(np.ones((10, 8, 1, 2)), np.diag([1.0, 1, 8, 1]))
    >>> with_pixels(cine, np.array([2.0, 1.0])).values.shape
    (5, 8, 1, 2)
    """
    own = np.asarray(cine.pixel_mm, dtype=float)
    if np.array_equal(own, pixel_mm):
        return cine
    old = cine.values.shape[:2]
    new = [max(round(size * before / after), 1) for size, before, after in zip(old, own, pixel_mm, strict=True)]
    values = resized(cine.values, own, pixel_mm, (new[0], new[1]))
    scale = np.asarray(pixel_mm) / own
    affine = cine.affine @ np.diag([*scale, 1.0, 1.0])
    # the outer edge of the first pixel stays where it is
    affine[:3, 3] = cine.grid.index_to_mm(np.array([[*((scale - 1) / 2), 0.0]]))[0]
    return replace(cine, values=values, affine=affine)


def resized(
    values: Float[np.ndarray, "i j ..."], old_mm: np.ndarray, new_mm: np.ndarray, shape: tuple[int, int]
) -> Float[np.ndarray, "rows columns ..."]:
    """Values of other pixels whose first one begins at the same edge, float32.

    Args:
        values: Values; the plane is the first two axes.
        old_mm: Their pixel size along i and j.
        new_mm: That which is wanted.
        shape: Pixels that are wanted.
    """
    rows, columns = (
        _weights(size, float(before), count, float(after))
        for size, before, count, after in zip(values.shape[:2], old_mm, shape, new_mm, strict=True)
    )
    along = np.tensordot(rows, np.asarray(values, dtype=np.float32), axes=(1, 0))
    return np.ascontiguousarray(np.moveaxis(np.tensordot(columns, along, axes=(1, 1)), 0, 1))


def _weights(size: int, step: float, count: int, new_step: float) -> Float[np.ndarray, "count size"]:
    """Share of each old pixel in each new one: a triangle as wide as the larger of the two."""
    centers = (np.arange(count) + 0.5) * new_step / step - 0.5
    width = max(new_step / step, 1.0)
    # beyond the picture its edge goes on
    reach = int(np.ceil(width)) + 1
    at = np.arange(-reach, size + reach)
    weights = np.clip(1 - np.abs(at[None] - np.clip(centers, 0, size - 1)[:, None]) / width, 0, None)
    folded = np.zeros((count, size))
    for column, index in enumerate(np.clip(at, 0, size - 1)):
        folded[:, index] += weights[:, column]
    return (folded / folded.sum(axis=1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels, the same in all slices and frames.

    Attributes:
        rows: Along i.
        columns: Along j.
    """

    rows: slice
    columns: slice

    def cut(self, cine: Cine) -> Cine:
        """The part of a cine, at its place in the patient."""
        affine = cine.affine.copy()
        affine[:3, 3] = cine.grid.index_to_mm(np.array([[self.rows.start, self.columns.start, 0]]))[0]
        return replace(cine, values=cine.values[self.rows, self.columns], affine=affine)

    def pasted(self, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Values of the part in a whole picture of zeros."""
        whole = np.zeros((*shape, *values.shape[2:]), dtype=values.dtype)
        whole[self.rows, self.columns] = values
        return whole


def window_around(center: Float[np.ndarray, " axes"], pixels: tuple[int, int], shape: tuple[int, int]) -> Window:
    """The rectangle of so many pixels about a place, moved into the picture where it reaches beyond.

    >>> window_around(np.array([2.0, 50.0]), (10, 10), (60, 60))
    Window(rows=slice(0, 10, None), columns=slice(46, 56, None))
    """
    sides = []
    for middle, wanted, size in zip(center, pixels, shape, strict=True):
        length = min(wanted, size)
        start = int(np.clip(round(float(middle) - (length - 1) / 2), 0, size - length))
        sides.append(slice(start, start + length))
    return Window(sides[0], sides[1])
