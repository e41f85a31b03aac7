"""Which of the marked pixels belong to the ventricle, and what they are."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import binary_dilation, label

from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import Label
from cardioscar.lvquant.inference.base import first_above_base, first_open
from cardioscar.lvquant.inference.shape import settled, shaped

_REACH_PIXELS = 2
"""How far shares below one half may lie from the ventricle to be its partial volume."""

_LEAST_SHARE = 0.02
"""Shares below are no partial volumes: a network is never quite sure of anything."""


def largest_piece(marked: Bool[np.ndarray, "i j slices frames"]) -> Bool[np.ndarray, "i j slices frames"]:
    """The largest piece of what is marked, connected over pixels, slices and frames."""
    pieces, count = label(marked)
    if count < 2:
        return np.asarray(marked)
    return np.asarray(pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:])))


def ventricle_alone(
    cavity: Float[np.ndarray, "i j slices frames"],
    wall: Float[np.ndarray, "i j slices frames"],
    grid: Cine,
    *,
    least_surrounded: float,
) -> tuple[Float[np.ndarray, "i j slices frames"], Float[np.ndarray, "i j slices frames"]]:
    """Shares without what is no part of the ventricle.

    What is marked elsewhere goes; shares below one half stay near the ventricle, where they are partial volumes: within
    two pixels of it, and in the slice beyond its ends. At the base, in a stack of several slices, slices that do not
    beat with the ventricle go, and each frame ends where muscle borders less than `least_surrounded` of the cavity from
    there on; at the apex with the last slice that is marked.

    Args:
        cavity: Share of each pixel that is cavity.
        wall: Share that is wall.
        grid: The cine whose pixels they are.
        least_surrounded: Share of the cavity's outline, 0 to 1.
    """
    heart = largest_piece(cavity + wall >= 0.5)
    plane = np.zeros((3, 3, 3, 1), dtype=bool)
    plane[1, :, 1], plane[:, 1, 1] = True, True
    near = binary_dilation(heart, plane, iterations=_REACH_PIXELS)
    near = binary_dilation(near, np.ones((1, 1, 3, 1), dtype=bool))
    near_shares = [np.where(near & (one >= _LEAST_SHARE), one, 0) for one in (cavity, wall)]
    kept = settled(*shaped(near_shares[0], near_shares[1], grid.pixel_mm))
    if grid.slices > 1:
        base = first_above_base(kept[0].sum(axis=(0, 1)))
        for part in kept:
            part[:, :, base:] = 0
        first = first_open(labels_of(kept[0], kept[1]), least_surrounded)
        for t, end in enumerate(first):
            for part in kept:
                part[:, :, end:, t] = 0
    return kept[0], kept[1]


def labels_of(cavity: np.ndarray, wall: np.ndarray) -> np.ndarray:
    """`Label` of each pixel, uint8: what fills at least half of it, cavity before wall."""
    muscle = np.where(cavity + wall >= 0.5, np.uint8(Label.MYOCARDIUM), np.uint8(Label.BACKGROUND))
    return np.where(cavity >= 0.5, np.uint8(Label.BLOOD_POOL), muscle)
