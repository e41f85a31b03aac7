"""Where a stack leaves the ventricle at its base: open rings, and slices that do not beat with the others."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from cardioscar.imaging.labels import Label
from cardioscar.lvquant.volumes import surrounded_share

_UPPER_THIRD = 2 / 3
"""Where, among the slices that show a cavity, slices above the base are looked for."""
_LEAST_TOGETHER, _AGAINST = 0.5, -0.3
"""Correlation of a slice's area over the beat with that of the slices in the middle: below the first it lies above the
base if it flickers too, below the second in any case. Of the slices in the upper third that experts drew in four hearts
it was 0.81 and more, of those above them in which a half-trained network saw a cavity 0.58, 0.42, 0.15 and -0.75, and
once 0.93."""
_FLICKER = 0.03
"""Mean distance of an area from the mean of the frames beside it, over the mean area. Of slices that experts drew it
was 0.026 at most but for two (0.049, 0.065)."""

_MEDIAN_FRAMES = 5
"""Frames of which the middle one says where the base is: a ring that is open in one frame alone is no base."""


def first_open(labels: np.ndarray, least_surrounded: float) -> Int[np.ndarray, " frames"]:
    """In each frame the first slice from which on, to the base, muscle surrounds too little of every cavity.

    A ring that is open below a closed one is a gap of the network's, and no base; one that is open in a frame alone is
    none either: the middle one of five frames decides, around the beat.

    Args:
        labels: `Label` of each pixel, shape (i, j, slices, frames); slices from the apex to the base.
        least_surrounded: Share of the cavity's outline, 0 to 1.

    Returns:
        The number of slices where no slice is open at the base.
    """
    first = np.full(labels.shape[3], labels.shape[2])
    for t in range(labels.shape[3]):
        if not (labels[..., t] == Label.MYOCARDIUM).any():
            continue
        share = surrounded_share(labels[..., t])
        closed = np.flatnonzero(share >= least_surrounded)
        opened = np.flatnonzero(share < least_surrounded)
        if len(closed) and len(opened) and opened[-1] > closed[-1]:
            first[t] = opened[opened > closed[-1]][0]
    if labels.shape[3] > _MEDIAN_FRAMES:
        around = [np.roll(first, n) for n in range(-(_MEDIAN_FRAMES // 2), _MEDIAN_FRAMES // 2 + 1)]
        first = np.median(around, axis=0).astype(int)
    return first


def first_above_base(areas: Float[np.ndarray, "slices frames"]) -> int:
    """The first slice that lies above the base at all times; the number of slices where none does.

    Atria and vessels fill while the ventricle empties, and what a network takes for a ventricle there comes and goes
    from frame to frame. A wall that does not move has an area that neither changes nor flickers: it stays.

    Args:
        areas: Area of the cavity, any unit; slices from the apex to the base.

    >>> beat = np.array([10.0, 8, 6, 5, 6, 8])
    >>> first_above_base(np.stack([beat, 2 * beat, 2 * beat, 2 * beat, 20 - beat]))
    4
    """
    shown = np.flatnonzero(areas.max(axis=1) > 0.1 * areas.max()) if areas.any() else np.array([], dtype=int)
    if len(shown) < 4:
        return len(areas)
    middle = areas[shown[len(shown) // 4 : int(np.ceil(3 * len(shown) / 4))]].sum(axis=0)
    for k in shown[int(np.ceil(_UPPER_THIRD * len(shown))) :]:
        area = areas[k]
        beside = (np.roll(area, 1) + np.roll(area, -1)) / 2
        flicker = float(np.abs(area - beside).mean() / area.mean())
        spread = float(area.std() * middle.std())
        together = float(np.mean((area - area.mean()) * (middle - middle.mean())) / spread) if spread > 0 else 1.0
        if spread > 0 and (together < _AGAINST or (together < _LEAST_TOGETHER and flicker > _FLICKER)):
            return int(k)
    return len(areas)
