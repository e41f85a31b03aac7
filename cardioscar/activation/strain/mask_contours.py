"""Contours around the pixels of masks, half way between pixels inside and outside."""

from __future__ import annotations

from typing import Any

import contourpy
import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from cardioscar.activation.strain.contours import WallContours
from cardioscar.errors import InputError
from cardioscar.imaging.affine import Affine


def contours_of_masks(
    cavity: Bool[np.ndarray, "i j frames"],
    wall: Bool[np.ndarray, "i j frames"] | None,
    affine: Affine,
    frame_ms: Float[np.ndarray, " frames"],
    *,
    blur_px: float = 0.0,
    where: str = "labels",
) -> WallContours:
    """Contours of the frames of a slice that were drawn.

    Args:
        cavity: Pixels of the cavity through the cycle; frames without any were not drawn, and are left out.
        wall: Pixels of the wall; None, or no pixels in one of those frames, where the epicardium is not known.
        affine: From index (i, j) to LPS in mm.
        frame_ms: Time of each frame in ms.
        blur_px: As for `mask_contour`.
        where: Name for errors.

    Returns:
        Contours in LPS of the drawn frames, with their times.

    Raises:
        InputError: If masks and frame times do not fit each other, or fewer than two frames are drawn.
    """
    shapes = {"cavity": cavity.shape} | ({} if wall is None else {"wall": wall.shape})
    for name, shape in shapes.items():
        if len(shape) != 3 or shape != cavity.shape or shape[2] != len(frame_ms):
            rule = f"masks of rows, columns and {len(frame_ms)} frames, of one shape"
            raise InputError(where, rule, f"a {name} of shape {shape}")
    drawn = np.flatnonzero(cavity.any(axis=(0, 1)))
    if len(drawn) < 2:
        raise InputError(where, "2 frames with contours and more", f"{len(drawn)}")
    endo = [mask_contour(cavity[..., frame], affine, blur_px=blur_px, where=where) for frame in drawn]
    epi = None
    if wall is not None and wall[..., drawn].any(axis=(0, 1)).all():
        epi = [
            mask_contour(cavity[..., frame] | wall[..., frame], affine, blur_px=blur_px, where=where) for frame in drawn
        ]
    return WallContours(endo, epi, np.asarray(frame_ms, dtype=np.float64)[drawn], source=where)


def mask_contour(
    mask: Bool[np.ndarray, "i j"], affine: Affine, *, blur_px: float = 0.0, where: str = "mask"
) -> Float[np.ndarray, "points 3"]:
    """The outer contour of the largest piece of a mask, in mm.

    Args:
        mask: Pixels of cavity, or of cavity and wall: what lies inside the contour.
        affine: From index (i, j) to LPS in mm.
        blur_px: Standard deviation of a Gaussian by which notches and spurs of the mask are evened out; of a circle of
            radius R it takes a share of about blur²/2R².
        where: Name for errors.

    Returns:
        Points in order, the first not repeated.

    Raises:
        InputError: If the mask is empty.
    """
    # a border of zeros closes contours at the edge of the picture
    border = 1 + int(np.ceil(3 * blur_px))
    padded = np.pad(np.asarray(mask, dtype=np.float64), border)
    if blur_px:
        padded = ndimage.gaussian_filter(padded, blur_px)
    lines: list[Any] = list(contourpy.contour_generator(z=padded, name="serial").lines(0.5))
    if not lines:
        raise InputError(where, "a mask of the cavity or the wall", "an empty one")
    column_row = max(lines, key=_enclosed)[:-1]
    return affine.index_to_mm(column_row[:, ::-1] - border)


def _enclosed(line: Float[np.ndarray, "points 2"]) -> float:
    x, y = line.T
    return abs(float(x[:-1] @ y[1:] - x[1:] @ y[:-1])) / 2
