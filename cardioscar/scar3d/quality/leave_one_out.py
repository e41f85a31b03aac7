"""How well each slice is predicted from the others: a figure of quality that needs no truth."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.metrics.calibration import brier_score
from cardioscar.metrics.overlap import dice
from cardioscar.scar3d.observation.interpolation import log_odds
from cardioscar.types import Points

Predictor = Callable[[SliceStack, Points], np.ndarray]
"""Scar probability at points in mm from the slices given, and from nothing else."""

CLIP = 0.02
"""Fractions are kept this far from 0 and 1 while their log-odds are interpolated."""
DEPTHS = (-1 / 3, 0.0, 1 / 3)
"""Where a pixel's prism is sampled through the slab, in thicknesses."""


@dataclass(frozen=True)
class LeftOut:
    """One slice beside its prediction from the others.

    Attributes:
        number: Number of the slice.
        observed: Scar fraction of its wall pixels, 0 to 1, shape (pixels,).
        predicted: The same, from the other slices.
        pixel_mm2: Area of a pixel in mm².
    """

    number: int
    observed: np.ndarray
    predicted: np.ndarray
    pixel_mm2: float

    @property
    def area_error_mm2(self) -> float:
        """Predicted minus observed scar area in mm²."""
        return float((self.predicted - self.observed).sum()) * self.pixel_mm2

    def scores(self, *, threshold: float = 0.5) -> dict[str, float]:
        """Scores of this slice alone, as in `LeaveOneOut.scores`."""
        return LeaveOneOut((self,)).scores(threshold=threshold)


@dataclass(frozen=True)
class LeaveOneOut:
    """The slices that were hidden in turn.

    Attributes:
        slices: One entry for each slice with wall but the outermost, from one end to the other.
    """

    slices: tuple[LeftOut, ...]

    def scores(self, *, threshold: float = 0.5) -> dict[str, float]:
        """Scores of all hidden pixels together.

        Args:
            threshold: Fraction from which a pixel is scar.

        Returns:
            `dice` (NaN where there is no scar), `mean_absolute_error` and `brier` of the scar fraction,
            `scar_error` (sum of the absolute differences over the sum of the observed fractions; NaN without scar) and
            `area_bias` (predicted over observed scar area, minus 1; NaN without scar). All NaN without slices.
        """
        if not self.slices:
            return dict.fromkeys(("dice", "mean_absolute_error", "brier", "scar_error", "area_bias"), math.nan)
        observed = np.concatenate([s.observed for s in self.slices])
        predicted = np.concatenate([s.predicted for s in self.slices])
        difference, scar = predicted - observed, float(observed.sum())
        return {
            "dice": dice(observed >= 0.5, predicted >= threshold),
            "mean_absolute_error": float(np.abs(difference).mean()),
            "brier": brier_score(observed, predicted),
            "scar_error": float(np.abs(difference).sum()) / scar if scar > 0 else math.nan,
            "area_bias": float(difference.sum()) / scar if scar > 0 else math.nan,
        }


def interpolated(others: SliceStack, points_mm: Points) -> np.ndarray:
    """Log-odds interpolation whose clipped ends are 0 and 1 again: else the healthy wall would add up to scar."""
    return np.clip((log_odds(others, points_mm, clip=CLIP) - CLIP) / (1 - 2 * CLIP), 0, 1)


def leave_one_slice_out(
    stack: SliceStack, *, predict: Predictor = interpolated, workers: int | None = None
) -> LeaveOneOut:
    """Hide each slice in turn and predict its wall pixels from the others.

    What predicts a slice never sees it. A pixel is predicted by the mean over its prism, sampled at three depths, so
    that the cost depends on pixels and slices and not on the mesh. The outermost slices are not hidden: beyond them
    there is nothing to interpolate between. A gap that is bridged here is twice the one of the map, so the errors are
    larger than the map's own.

    Args:
        stack: Slices with scar fractions 0 to 1; slices without wall are ignored.
        predict: Prediction from the remaining slices; log-odds interpolation by default.
        workers: Threads; default the cores that this process may use.

    Returns:
        Empty where fewer than three slices have wall.
    """
    with_wall = [s for s in stack if s.observed.any()]
    axis = with_wall[0].normal if with_wall else np.zeros(3)
    with_wall.sort(key=lambda s: float(s.pixel_centers_mm().mean(axis=0) @ axis))
    stack = SliceStack(tuple(with_wall), stack.source) if with_wall else stack

    def hide(piece: Slice) -> LeftOut:
        others = stack.only({s.number for s in with_wall} - {piece.number})
        centers = piece.pixel_centers_mm()
        points = np.concatenate([centers + depth * piece.affine[:3, 2] for depth in DEPTHS])
        predicted = predict(others, points).reshape(len(DEPTHS), -1).mean(axis=0)
        area = float(np.linalg.norm(np.cross(piece.affine[:3, 0], piece.affine[:3, 1])))
        return LeftOut(piece.number, piece.values[piece.observed].astype(np.float64), predicted, area)

    inner = with_wall[1:-1]
    count = workers or len(os.sched_getaffinity(0))
    if count == 1 or len(inner) < 2:
        return LeaveOneOut(tuple(map(hide, inner)))
    with ThreadPoolExecutor(min(count, len(inner))) as pool:
        return LeaveOneOut(tuple(pool.map(hide, inner)))
