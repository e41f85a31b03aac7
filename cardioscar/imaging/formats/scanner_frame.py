"""Whether the frame of an image is a scanner's, or what is left where a header was lost on the way.

Tools that save bare arrays write axes along x, y and z from a corner or about the centre. Nothing in such a frame says
which way the patient lay, so nothing can be read off it: not the septum, and not the names of the walls.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cardioscar.imaging.slices import Slice, SliceStack

AXIS_COSINE = 1 - 1e-5
"""Axes within 0.26° of x, y or z lie along it: what float32 headers lose is less, what a planned slice is turned by is
more."""
ALONG_NORMAL = np.cos(np.radians(25))
"""The heart lies obliquely in the body. One whose long axis is within 25° of the normal of slices along x, y and z was
not imaged in that frame."""


def has_scanner_frame(stack: SliceStack, *, long_axis: Float[np.ndarray, " xyz"] | None = None) -> bool:
    """Whether the slices lie in the frame of a scanner.

    They do not where their axes run along x, y and z, and either the origin is a corner or the centre of the stack, or
    the long axis of the heart runs along the slices' normal.

    Args:
        stack: All slices, those without wall included, with the frames that their file states.
        long_axis: Direction of the LV's long axis, LPS, where it is known.

    Returns:
        False where nothing relates the frame to the patient.
    """
    slices = list(stack)
    axes = np.concatenate([s.frame.directions for s in slices], axis=1)
    if np.abs(axes).max(axis=0).min() < AXIS_COSINE:
        return True
    if long_axis is not None:
        cosines = [abs(s.normal @ long_axis) / np.linalg.norm(long_axis) for s in slices]
        if min(cosines) >= ALONG_NORMAL:
            return False
    corners = np.concatenate([_corners(s) for s in slices])
    low, high = corners.min(axis=0), corners.max(axis=0)
    # steps along x, y and z: half of one lies between the centre of a pixel and its edge
    half = np.abs(slices[0].affine[:3, :3]).max(axis=1) / 2
    if len(slices) > 1:
        half = np.maximum(half, np.abs(slices[1].affine[:3, 3] - slices[0].affine[:3, 3]) / 2)
    places = np.stack([low, high, (low + high) / 2])
    apart = np.abs(places[:, None, :] - np.outer((-1, 0, 1), half))
    return bool(apart.min(axis=(0, 1)).max() > 0.01)


def _corners(piece: Slice) -> np.ndarray:
    """Centres of the corner pixels in mm, shape (4, 3)."""
    rows, columns = piece.values.shape
    index = np.array([(i, j) for i in (0, rows - 1) for j in (0, columns - 1)], dtype=float)
    return piece.frame.index_to_mm(index)
