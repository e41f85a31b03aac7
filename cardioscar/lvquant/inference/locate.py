"""Where the left ventricle is: in the plane over all slices and times, and which marked pixels belong to it."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import binary_dilation, label

from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import Label
from cardioscar.lvquant.inference.quantifier import Quantifier
from cardioscar.lvquant.volumes import without_open_slices

LOOKED_AT = 5
"""Frames, spread over the beat, in which the ventricle is looked for in whole pictures."""
_REACH_PIXELS = 2
"""How far shares below one half may lie from the ventricle to be its partial volume."""

_LEAST_SHARE = 0.02
"""Shares below are no partial volumes: a network is never quite sure of anything."""


def locate(quantifier: Quantifier, cine: Cine) -> Float[np.ndarray, " axes"] | None:
    """Index along i and j about which the ventricle lies in all slices and frames; None where none is found.

    The cavity is looked for in whole pictures, slice by slice; the largest piece that is connected over slices and
    times is the ventricle, so that an aorta, a stomach or a bright vessel in some slices does not draw it aside.

    Args:
        quantifier: Network.
        cine: In pixels of a size that the network met.
    """
    frames = np.unique(np.linspace(0, cine.frames, LOOKED_AT, endpoint=False).astype(int))
    cavity = np.zeros((*cine.values.shape[:3], len(frames)), dtype=np.float32)
    for k in range(cine.slices):
        image = quantifier.normalise(cine.values[:, :, k])[..., frames]
        with torch.no_grad():
            seen = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].to(quantifier.device)
            scores = quantifier.network.segment(seen)[0]
        shares = scores.float().softmax(dim=1)[0, Label.BLOOD_POOL]
        cavity[:, :, k] = shares.cpu().numpy().transpose(1, 2, 0)
    body = largest_piece(cavity >= 0.5)
    if not body.any():
        return None
    return np.asarray(np.argwhere(body)[:, :2].mean(axis=0))


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
    two pixels of it, and in the slice beyond its ends. At the base, in a stack of several slices, each frame ends
    before the first slice in which muscle borders less than `least_surrounded` of the cavity; at the apex with the last
    slice that is marked (`lvquant.volumes`).

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
    kept = tuple(np.where(near & (one >= _LEAST_SHARE), one, 0) for one in (cavity, wall))
    if grid.slices > 1:
        labels = grid.with_values(labels_of(kept[0], kept[1]))
        closed = without_open_slices(labels, least_surrounded=least_surrounded)
        for t in range(grid.frames):
            opened = (labels.values[..., t] != closed.values[..., t]).any(axis=(0, 1))
            if opened.any():
                first = int(np.argmax(opened))
                for part in kept:
                    part[:, :, first:, t] = 0
    return kept[0], kept[1]


def labels_of(cavity: np.ndarray, wall: np.ndarray) -> np.ndarray:
    """`Label` of each pixel, uint8: what fills at least half of it, cavity before wall."""
    muscle = np.where(cavity + wall >= 0.5, np.uint8(Label.MYOCARDIUM), np.uint8(Label.BACKGROUND))
    return np.where(cavity >= 0.5, np.uint8(Label.BLOOD_POOL), muscle)
