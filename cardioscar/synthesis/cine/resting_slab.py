"""The part of a resting heart that comes through a slice in the course of a beat, as signals and shares.

Asking the anatomy at every frame would cost a picture each time. It is asked once in planes that lie a few millimetres
apart from below the slice to as far above it as the base comes down; their means over the slice's thickness are then
looked up where the tissue of each frame lay at end-diastole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates

from cardioscar.synthesis.anatomy.heart import OUTSIDE, Heart
from cardioscar.synthesis.anatomy.tissue import Tissue
from cardioscar.synthesis.effects.thick_slice import slice_profile
from cardioscar.synthesis.lge.planes import Planes

_STEPS_IN_SLICE = 3
"""Planes in the thickness of a slice."""


@dataclass(frozen=True)
class RestingSlab:
    """Means through the slice of the heart at end-diastole, around one slice.

    Attributes:
        signal: Signal, shape (planes, i, j) of the box, float32.
        cavity: Share of the left cavity, likewise.
        wall: Share of the left wall, likewise.
        box: Rows and columns of the picture.
        step_mm: Distance of the planes along the slices' normal.
        first_mm: Where the first of them lies, from the middle of the slice.
    """

    signal: Float[np.ndarray, "planes i j"]
    cavity: Float[np.ndarray, "planes i j"]
    wall: Float[np.ndarray, "planes i j"]
    box: tuple[slice, slice]
    step_mm: float
    first_mm: float

    def at_rest(self) -> Float[np.ndarray, "i j"]:
        """Signal of the box at end-diastole."""
        return self.signal[round(-self.first_mm / self.step_mm)]

    def lookup(
        self, part: Float[np.ndarray, "planes i j"], rows: np.ndarray, columns: np.ndarray, through_mm: np.ndarray
    ) -> np.ndarray:
        """Signal, cavity or wall at places.

        Args:
            part: One of them.
            rows: Index along i of the picture, any shape.
            columns: Index along j.
            through_mm: Place along the normal, from the middle of the slice.
        """
        along = (through_mm - np.float32(self.first_mm)) / np.float32(self.step_mm)
        index = np.stack([along, rows - np.float32(self.box[0].start), columns - np.float32(self.box[1].start)])
        return map_coordinates(part, index, order=1, mode="nearest", prefilter=False)


def resting_slab(
    heart: Heart,
    planes: Planes,
    k: int,
    *,
    box: tuple[slice, slice],
    around: Float[np.ndarray, "i j"],
    signals: Float[np.ndarray, " tissues"],
    rises_mm: float,
) -> RestingSlab:
    """Ask the anatomy around one slice.

    Args:
        heart: The heart at end-diastole.
        planes: The slices.
        k: Which of them.
        box: Rows and columns that are asked for.
        around: Signal of the chest in the box.
        signals: Signal of each tissue.
        rises_mm: How far above the slice tissue comes from, at most.
    """
    step = planes.thickness_mm / _STEPS_IN_SLICE
    up = 1.0 if planes.frame.normal(2)[2] >= 0 else -1.0
    count = math.ceil(rises_mm / step) + 2
    places, weights = slice_profile(_STEPS_IN_SLICE + 2, sharpness=0.7)
    half = (_STEPS_IN_SLICE + 2) // 2
    weights = np.interp(np.arange(-half, half + 1) / _STEPS_IN_SLICE, places, weights, left=0, right=0)
    weights = (weights / weights.sum()).astype(np.float32)
    signal, cavity, wall = [], [], []
    for plane in range(-half - 1, count + half):
        x, y, z = planes.points_mm(k, up * plane / _STEPS_IN_SLICE, *box)
        tissue, at = heart.tissues(x, y, z)
        signal.append(np.where(tissue == OUTSIDE, around, signals[np.minimum(tissue, len(signals) - 1)]))
        cavity.append(at.in_drawn_cavity)
        wall.append((tissue == Tissue.WALL) & at.in_drawn_outline & ~at.in_drawn_cavity)
    means = [_means(np.stack(part).astype(np.float32), weights) for part in (signal, cavity, wall)]
    return RestingSlab(means[0], means[1], means[2], box, up * step, -up * step)


def _means(planes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Means over neighbouring planes; those at the ends, which lack neighbours, are left out."""
    kept = len(planes) - len(weights) + 1
    total = weights[0] * planes[:kept]
    for number in range(1, len(weights)):
        total += weights[number] * planes[number : number + kept]
    return total
