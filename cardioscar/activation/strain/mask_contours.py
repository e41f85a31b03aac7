"""Contours around the pixels of a mask, half way between pixels inside and outside."""

from __future__ import annotations

from typing import Any

import contourpy
import numpy as np
from jaxtyping import Bool, Float

from cardioscar.errors import InputError
from cardioscar.imaging.affine import Affine


def mask_contour(
    mask: Bool[np.ndarray, "i j"], affine: Affine, *, where: str = "mask"
) -> Float[np.ndarray, "points 3"]:
    """The outer contour of the largest piece of a mask, in mm.

    Args:
        mask: Pixels of cavity, or of cavity and wall: what lies inside the contour.
        affine: From index (i, j) to LPS in mm.
        where: Name for errors.

    Returns:
        Points in order, the first not repeated.

    Raises:
        InputError: If the mask is empty.
    """
    # a border of zeros closes contours at the edge of the picture
    padded = np.pad(np.asarray(mask, dtype=np.float64), 1)
    lines: list[Any] = list(contourpy.contour_generator(z=padded, name="serial").lines(0.5))
    if not lines:
        raise InputError(where, "a mask of the cavity or the wall", "an empty one")
    column_row = max(lines, key=_enclosed)[:-1]
    return affine.index_to_mm(column_row[:, ::-1] - 1)


def _enclosed(line: Float[np.ndarray, "points 2"]) -> float:
    x, y = line.T
    return abs(float(x[:-1] @ y[1:] - x[1:] @ y[:-1])) / 2
