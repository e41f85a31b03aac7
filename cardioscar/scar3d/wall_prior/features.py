"""What the slices say at each cell of the grid: the input channels of the prior's network."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float
from scipy import ndimage
from scipy.special import logit

from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.imaging.volume import holding_voxel
from cardioscar.scar3d.observation.along_wall import WallBlur, along_wall, neighbours_along_wall, unrolled
from cardioscar.scar3d.observation.interpolation import log_odds, signed_distance
from cardioscar.scar3d.wall_prior.config import Pixels
from cardioscar.scar3d.wall_prior.grid import LVGrid, cell_centers
from cardioscar.types import NodeValues, Points

CHANNELS = (
    "log-odds interpolation",
    "signed distance",
    "inside a slab",
    "observed fraction",
    "fraction below",
    "fraction above",
    "distance below",
    "distance above",
    "apicobasal",
    "transmural",
    "size along",
    "size around",
    "size through",
)
"""What each input channel holds where pixels are scar fractions, in order."""
LABEL_CHANNELS = (*CHANNELS, "along the wall, below", "along the wall, above", "along the wall, between")
"""The same where pixels are labels."""

SHARP = WallBlur(around_mm=1.2, through_mm=0.6, around_growth=0.0, through_growth=0.0)
"""What the network sees of the neighbouring slices along the wall is hardly smoothed: it learns how far to trust it."""

BASE_SCALE = 4.0
"""What the network corrects, a logit, stands among its channels divided by this."""

FINEST_MM = 1.1
"""In the training, pixels finer than this are averaged in square blocks."""
FINEST_SUBJECT_MM = 0.9
"""A subject's pixels are averaged below this: between the two, a block would lose more than the network gains."""


def averaged(stack: SliceStack, *, finest_mm: float = FINEST_MM) -> SliceStack:
    """The stack with pixels averaged in square blocks until they measure at least `finest_mm`.

    A block is observed where at least half of its pixels are, and holds the mean of those.
    """
    return dataclasses.replace(stack, slices=tuple(_averaged(piece, finest_mm) for piece in stack))


def for_network(stack: SliceStack) -> SliceStack:
    """Bring a subject's slices to the range of the training: `averaged`, where hard labels stay hard, by majority.

    Blocks of hard labels would otherwise look like measured fractions, and their steps like measured borders, which
    `log_odds` smooths only while it sees that labels are hard.
    """
    coarse = averaged(stack, finest_mm=FINEST_SUBJECT_MM)
    if not all(np.isin(piece.values[piece.observed], (0, 1)).all() for piece in stack):
        return coarse
    pieces = (dataclasses.replace(piece, values=(piece.values >= 0.5).astype(np.float64)) for piece in coarse)
    return dataclasses.replace(coarse, slices=tuple(pieces))


def _averaged(piece: Slice, finest_mm: float) -> Slice:
    merge = int(np.ceil(finest_mm / piece.pixel_mm.min() - 1e-6))
    if merge <= 1:
        return piece
    rows, columns = (-(-n // merge) * merge for n in piece.values.shape)
    pad = ((0, rows - piece.values.shape[0]), (0, columns - piece.values.shape[1]))
    seen = np.pad(piece.observed, pad)
    values = np.pad(np.where(piece.observed, piece.values, 0.0), pad)

    def total(array: np.ndarray) -> np.ndarray:
        return np.asarray(array.reshape(rows // merge, merge, columns // merge, merge).sum(axis=(1, 3)))

    count = total(seen.astype(np.float64))
    affine = piece.affine.copy()
    affine[:3, :2] *= merge
    affine[:3, 3] += piece.affine[:3, :2].sum(axis=1) * (merge - 1) / 2
    return Slice(total(values) / np.maximum(count, 1), count >= merge**2 / 2, affine, piece.number)


def base_logits(stack: SliceStack, points_mm: Points) -> NodeValues:
    """Log-odds interpolation as logits: what the network corrects."""
    return np.asarray(logit(np.clip(log_odds(stack, points_mm), 1e-4, 1 - 1e-4)))


def base_logits_along_wall(stack: SliceStack, places_mm: Points, coordinates: Points) -> NodeValues:
    """Interpolation along the wall as logits: what the network corrects where pixels are labels."""
    return np.asarray(logit(np.clip(along_wall(stack, places_mm, coordinates), 0.01, 0.99)))


def channels(pixels: Pixels) -> tuple[str, ...]:
    """What the input channels hold for a kind of pixels."""
    return LABEL_CHANNELS if pixels == "labels" else CHANNELS


def base_channel(pixels: Pixels) -> int:
    """The channel that the network corrects: log-odds interpolation, or where pixels are labels that along the wall."""
    return channels(pixels).index("along the wall, between" if pixels == "labels" else "log-odds interpolation")


def features(
    stack: SliceStack, grid: LVGrid, *, cell_mm: float, pixels: Pixels = "fractions"
) -> Float[np.ndarray, "channels a c t"]:
    """Input channels of the network, each of order 1.

    Args:
        stack: Slices with scar fractions 0 to 1, see `averaged`.
        grid: Cells of the ventricle.
        cell_mm: Cell size that the network was trained for.
        pixels: Kind of pixels that it was trained for.

    Returns:
        float32, in the order of `channels(pixels)`.
    """
    points = grid.points_mm.reshape(-1, 3)
    base = base_logits(stack, points)
    width = 3.0
    outline = signed_distance(stack, points, width_mm=width)
    distance_mm = width * logit(np.clip(outline, 0.02, 0.98))
    seen, fraction = _observed(stack, points)
    below, above, value_below, value_above = _neighbours(stack, points, grid.long_axis)
    centers = cell_centers(grid.shape).reshape(-1, 3)
    flat = [
        base / BASE_SCALE,
        distance_mm / 6,
        seen,
        np.where(seen, 2 * fraction - 1, 0),
        value_below,
        value_above,
        np.minimum(below, 20) / 10,
        np.minimum(above, 20) / 10,
        2 * centers[:, 0] - 1,
        2 * centers[:, 2] - 1,
    ]
    sizes = [np.clip(step / cell_mm, 0, 4) - 1 for step in grid.steps_mm()]
    if pixels == "labels":
        beside = neighbours_along_wall(unrolled(stack, points, centers, SHARP), points, centers)
        flat += [*(2 * beside.fraction - 1), base_logits_along_wall(stack, points, centers) / BASE_SCALE]
    first = [f.reshape(grid.shape) for f in flat[: len(CHANNELS) - len(sizes)]]
    rest = [f.reshape(grid.shape) for f in flat[len(first) :]]
    return np.stack([*first, *sizes, *rest]).astype(np.float32)


def _observed(stack: SliceStack, points_mm: Points) -> tuple[np.ndarray, np.ndarray]:
    """Whether an observed pixel holds each point, and the fraction of that of the nearest slice."""
    fraction, nearest = np.zeros(len(points_mm)), np.full(len(points_mm), np.inf)
    for piece in stack:
        index = piece.mm_to_index(points_mm)
        pixel = holding_voxel(index[:, :2])
        distance = np.abs(index[:, 2]) * piece.thickness_mm
        inside = (np.abs(index[:, 2]) <= 0.5) & (distance < nearest)
        inside &= ((pixel >= 0) & (pixel < piece.values.shape)).all(axis=1)
        held = np.flatnonzero(inside)
        held = held[piece.observed[tuple(pixel[held].T)]]
        fraction[held], nearest[held] = piece.values[tuple(pixel[held].T)], distance[held]
    return np.isfinite(nearest), fraction


def _neighbours(stack: SliceStack, points_mm: Points, axis: np.ndarray) -> tuple[np.ndarray, ...]:
    """Distance to the slices below and above each point (towards apex and base), and their fractions, −1 to 1.

    Where there is no slice on a side the distance is infinite and the value that of the other side.
    """
    n = len(points_mm)
    gap = np.full((2, n), np.inf)
    value = np.full((2, n), np.nan)
    for piece in stack:
        if not piece.observed.any():
            continue
        index = piece.mm_to_index(points_mm)
        height = index[:, 2] * piece.thickness_mm * (1.0 if piece.normal @ axis >= 0 else -1.0)
        filled = np.where(piece.observed, piece.values, 0.0)
        if not piece.observed.all():
            near = ndimage.distance_transform_edt(~piece.observed, return_distances=False, return_indices=True)
            filled = filled[tuple(near)]
        for side, distance in enumerate((height, -height)):
            better = np.flatnonzero((distance >= 0) & (distance < gap[side]))
            gap[side, better] = distance[better]
            value[side, better] = ndimage.map_coordinates(filled, index[better, :2].T, order=1, mode="nearest")
    value = np.where(np.isnan(value), value[::-1], value)
    value = 2 * np.nan_to_num(value) - 1
    return gap[0], gap[1], value[0], value[1]
