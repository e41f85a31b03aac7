"""Baselines: interpolation between slices in the exact slice frames. Every result is shown beside them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from scipy.special import expit, logit

from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.types import NodeValues, Points


def log_odds(stack: SliceStack, points_mm: Points, *, clip: float = 0.02) -> NodeValues:
    """Interpolate the log-odds of the scar fraction: bilinear in plane, linear between slices.

    Pixels outside the wall take the value of the nearest wall pixel, so that the image's empty surroundings do not pull
    the wall's border down; beyond the first and last slice the nearest one holds. Hard labels (fewer than 1 % of the
    pixels lie between the clip limits) have no log-odds to interpolate: they are first smoothed by a Gaussian of 1.5
    pixels.

    Args:
        stack: Slices with scar fractions 0 to 1.
        points_mm: Positions in mm LPS, shape (points, 3).
        clip: Fractions are kept within [clip, 1 - clip], so that the log-odds are finite.

    Returns:
        Scar probability at each point, 0 to 1.
    """
    hard = hard_labels(stack, clip=clip)

    def layer(piece: Slice) -> np.ndarray:
        fraction = _filled(piece, piece.values)
        if hard:
            fraction = ndimage.gaussian_filter(fraction, 1.5)
        return np.asarray(logit(np.clip(fraction, clip, 1 - clip)))

    return np.asarray(expit(_between(stack, points_mm, layer)))


def signed_distance(
    stack: SliceStack, points_mm: Points, *, width_mm: float = 1.0, far_mm: float = 10.0, smooth_mm: float = 0.0
) -> NodeValues:
    """Interpolate the signed distance to the scar's outline in each slice (shape-based interpolation [@raya1990]).

    Args:
        stack: Slices with scar fractions 0 to 1; scar is where the fraction is at least 0.5.
        points_mm: Positions in mm LPS, shape (points, 3).
        width_mm: Scale that turns a distance into a probability, σ(distance / width); 0 mm is 0.5.
        far_mm: Distance that stands for "no scar in this slice" (and, inside, for "nothing but scar").
        smooth_mm: Standard deviation of a Gaussian that smooths the fractions in plane, within the wall.

    Returns:
        Scar probability at each point, 0 to 1. Outside the wall the nearest wall pixel holds, as in `log_odds`.
    """
    found = _between(stack, points_mm, lambda piece: _distance(piece, far_mm, smooth_mm))
    return np.asarray(expit(found / width_mm))


def shape_based(
    stack: SliceStack, points_mm: Points, *, width_mm: float = 1.0, far_mm: float = 10.0, smooth_mm: float = 0.0
) -> NodeValues:
    """Interpolate the signed distance by a cubic through the slices on either side and those beyond [@herman1992].

    Args:
        stack: Slices with scar fractions 0 to 1, parallel to each other.
        points_mm: Positions in mm LPS, shape (points, 3).
        width_mm: As in `signed_distance`.
        far_mm: As in `signed_distance`.
        smooth_mm: As in `signed_distance`.

    Returns:
        Scar probability at each point, 0 to 1; beyond the first and last slice the nearest one holds.
    """
    pieces = [piece for piece in stack if piece.observed.any()]
    if len(pieces) < 3:
        return signed_distance(stack, points_mm, width_mm=width_mm, far_mm=far_mm, smooth_mm=smooth_mm)
    axis = pieces[0].normal
    pieces.sort(key=lambda piece: float(piece.center_mm @ axis))
    at = np.array([float(piece.center_mm @ axis) for piece in pieces])
    layers = [
        ndimage.map_coordinates(
            _distance(piece, far_mm, smooth_mm), piece.mm_to_index(points_mm)[:, :2].T, order=1, mode="nearest"
        )
        for piece in pieces
    ]
    found = _cubic(at, np.array(layers), points_mm @ axis)
    return np.asarray(expit(found / width_mm))


def linear(stack: SliceStack, points_mm: Points, *, smooth_mm: float = 0.0) -> NodeValues:
    """Interpolate the scar fraction itself: in the middle between scar and living tissue it is a half.

    Args:
        stack: Slices with scar fractions 0 to 1.
        points_mm: Positions in mm LPS, shape (points, 3).
        smooth_mm: As in `signed_distance`.

    Returns:
        Scar fraction at each point, 0 to 1. Outside the wall the nearest wall pixel holds, as in `log_odds`.
    """

    found = _between(stack, points_mm, lambda piece: np.asarray(_fraction(piece, smooth_mm), dtype=np.float64))
    return np.clip(found, 0, 1)


def _distance(piece: Slice, far_mm: float, smooth_mm: float) -> np.ndarray:
    """Signed distance to the scar's outline in mm, positive inside, shape (i, j)."""
    scar = _fraction(piece, smooth_mm) >= 0.5
    if not scar.any() or scar.all():
        return np.full(scar.shape, far_mm if scar.all() else -far_mm)
    inside = ndimage.distance_transform_edt(scar, sampling=piece.pixel_mm)
    outside = ndimage.distance_transform_edt(~scar, sampling=piece.pixel_mm)
    return np.asarray(inside - outside)


def _fraction(piece: Slice, smooth_mm: float) -> np.ndarray:
    """Scar fraction smoothed within the wall, whose surroundings say nothing, and continued beyond it."""
    if not smooth_mm:
        return _filled(piece, piece.values)
    sigma = smooth_mm / piece.pixel_mm
    weight = ndimage.gaussian_filter(piece.observed.astype(np.float64), sigma)
    total = ndimage.gaussian_filter(np.where(piece.observed, piece.values, 0.0).astype(np.float64), sigma)
    return _filled(piece, np.divide(total, weight, out=np.zeros_like(total), where=piece.observed))


def _cubic(at: np.ndarray, layers: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Cubic Hermite interpolation along the first axis; slopes are those of a parabola through three layers.

    Args:
        at: Ascending heights of the layers, shape (layers,), at least three.
        layers: Values at each point, shape (layers, points).
        height: Height of each point, shape (points,).
    """
    gap = np.diff(at)[:, None]
    steps = np.diff(layers, axis=0) / gap
    slopes = np.concatenate(
        [steps[:1], (steps[:-1] * gap[1:] + steps[1:] * gap[:-1]) / (gap[:-1] + gap[1:]), steps[-1:]]
    )
    low = np.clip(np.searchsorted(at, height) - 1, 0, len(at) - 2)
    one = np.arange(len(height))
    width = gap[low, 0]
    t = np.clip((height - at[low]) / width, 0, 1)
    start, end = layers[low, one], layers[low + 1, one]
    leave, arrive = slopes[low, one] * width, slopes[low + 1, one] * width
    bend = leave * t * (1 - t) ** 2 - arrive * t**2 * (1 - t)
    return np.asarray(start + (end - start) * t**2 * (3 - 2 * t) + bend)


def _filled(piece: Slice, values: np.ndarray) -> np.ndarray:
    if piece.observed.all():
        return values
    if not piece.observed.any():
        return np.zeros_like(values)
    nearest = ndimage.distance_transform_edt(
        ~piece.observed, sampling=piece.pixel_mm, return_distances=False, return_indices=True
    )
    return np.asarray(values[tuple(nearest)])


def _between(stack: SliceStack, points_mm: Points, layer: Callable[[Slice], np.ndarray]) -> np.ndarray:
    """Linear interpolation of planar layers at points, by distance to the mid-planes on either side."""
    n = len(points_mm)
    axis = stack.slices[0].normal
    below, above = np.full(n, -np.inf), np.full(n, np.inf)
    value_below, value_above = np.full(n, np.nan), np.full(n, np.nan)
    for piece in stack:
        if not piece.observed.any():
            continue  # a slice without wall says nothing of scar
        index = piece.mm_to_index(points_mm)
        side = 1.0 if piece.normal @ axis >= 0 else -1.0
        height = index[:, 2] * piece.thickness_mm * side  # of the point above this slice
        sampled = ndimage.map_coordinates(layer(piece), index[:, :2].T, order=1, mode="nearest")
        lower = (height >= 0) & (-height > below)
        upper = (height < 0) & (-height < above)
        below[lower], value_below[lower] = -height[lower], sampled[lower]
        above[upper], value_above[upper] = -height[upper], sampled[upper]
    gap = above - below
    weight = np.divide(above, gap, out=np.zeros(n), where=np.isfinite(gap))
    weight = np.where(np.isfinite(above), weight, 1.0)
    weight = np.where(np.isfinite(below), weight, 0.0)
    return weight * np.nan_to_num(value_below) + (1 - weight) * np.nan_to_num(value_above)


def hard_labels(stack: SliceStack, *, clip: float = 0.02) -> bool:
    """Whether pixels are scar or not, rather than fractions: fewer than 1 % lie between `clip` and 1 - `clip`."""
    seen = np.concatenate([s.values[s.observed] for s in stack])
    return bool(np.mean((seen > clip) & (seen < 1 - clip)) < 0.01) if len(seen) else True
