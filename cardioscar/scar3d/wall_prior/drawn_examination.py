"""An examination as hospitals have it: hard labels, drawn slice by slice, about 10 mm apart or with slices missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.scar3d.wall_prior.drawn_scar import (
    ANGLES,
    DEPTHS,
    Hand,
    Level,
    WallSize,
    draw_hand,
    draw_scar,
    draw_slice,
)
from cardioscar.scar3d.wall_prior.grid import LVGrid, cell_centers, grid_shape
from cardioscar.scar3d.wall_prior.ventricle import Ventricle
from cardioscar.types import Points


@dataclass(frozen=True)
class Tube:
    """The part of a ventricle that slices show: a mesh made from labels ends half a slice beyond the outermost ones.

    Attributes:
        ventricle: The ventricle.
        ends: Its apicobasal coordinates at both ends, which are 0 and 1 in the coordinates of the tube.
    """

    ventricle: Ventricle
    ends: tuple[float, float]

    def place(self, at: np.ndarray) -> np.ndarray:
        """Positions in mm of apicobasal, angle and transmural coordinates of the tube, shape (..., 3)."""
        low, high = self.ends
        return self.ventricle.place(np.concatenate([low + at[..., :1] * (high - low), at[..., 1:]], axis=-1))

    def coordinates(self, points_mm: Points) -> Float[np.ndarray, "n 3"]:
        """The inverse of `place`."""
        at = self.ventricle.coordinates(points_mm)
        low, high = self.ends
        at[:, 0] = (at[:, 0] - low) / (high - low)
        return at

    def size(self) -> WallSize:
        """Length, mean girth and thickness of the wall."""
        rings = self.place(cell_centers((24, 48, 1)))[:, :, 0]
        length = np.linalg.norm(np.diff(rings, axis=0), axis=-1).mean(axis=1).sum() * 24 / 23
        girth = np.linalg.norm(rings - np.roll(rings, 1, axis=1), axis=-1).sum(axis=1)
        inner, outer = self.ventricle.radius_mm
        return WallSize(float(length), float(girth.mean()), float(outer - inner))

    def grid(self, *, cell_mm: float, layers: int) -> LVGrid:
        """The grid that a mesh of this tube would have."""
        size = self.size()
        rings = self.place(cell_centers((24, 48, 1)))[:, :, 0]
        girth = np.linalg.norm(rings - np.roll(rings, 1, axis=1), axis=-1).sum(axis=1).max()
        shape = grid_shape(size.length_mm, float(girth), cell_mm=cell_mm, layers=layers)
        return LVGrid(self.place(cell_centers(shape)))


@dataclass(frozen=True)
class DrawnHeart:
    """A scar and who draws it."""

    tube: Tube
    size: WallSize
    level: Level
    hand: Hand
    thickness_mm: float


def draw_tube(ventricle: Ventricle, rng: np.random.Generator) -> Tube:
    """Cut a ventricle as slices cut it: without the apex, in three of four."""
    return Tube(ventricle, (rng.uniform(0.08, 0.3) if rng.random() < 0.75 else 0.0, rng.uniform(0.8, 1.0)))


def draw_heart(tube: Tube, rng: np.random.Generator) -> DrawnHeart:
    """Draw a scar, an observer and a slice thickness."""
    size = tube.size()
    return DrawnHeart(tube, size, draw_scar(size, rng), draw_hand(rng), rng.uniform(5, 10))


def drawn_stack(heart: DrawnHeart, rng: np.random.Generator) -> SliceStack:
    """Slices 6 to 13 mm apart, all of them or with one, two or three of every two, three or four left out.

    Returns:
        Hard labels, 0 or 1; observed are the pixels that the observer takes for wall.
    """
    spacing = max(rng.uniform(6, 13), heart.thickness_mm)
    keep = int(rng.choice([1, 2, 3, 4], p=[0.35, 0.45, 0.12, 0.08]))
    ends = heart.tube.place(np.array([[0.0, 0.0, 0.5], [1.0, 0.0, 0.5]]))[:, 2]
    heights = np.arange(ends[0] + rng.uniform(0.3, 0.7) * spacing, ends[1] - 0.2 * spacing, spacing)
    chosen = np.arange(len(heights)) % keep == rng.integers(keep)
    if chosen.sum() < 2:
        chosen[[0, -1]] = True
    pixel = rng.uniform(0.7, 2.0)
    turn = rng.uniform(0, 2 * np.pi)
    frame = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]])
    outer = heart.tube.ventricle.radius_mm[1] * 1.25
    n = int(np.ceil(2 * outer / pixel)) + 2
    slices = []
    for number in np.flatnonzero(chosen):
        middle = heart.tube.place(
            np.column_stack([np.full(12, (number + 0.5) / len(heights)), np.linspace(-3, 2.7, 12), np.full(12, 0.5)])
        ).mean(axis=0)
        affine = np.eye(4)
        affine[:3, :2] = frame[:, :2] * pixel
        affine[:3, 2] = frame[:, 2] * heart.thickness_mm
        affine[:3, 3] = np.array([*middle[:2], heights[number]]) - affine[:3, :2].sum(axis=1) * (n - 1) / 2
        slices.append(_draw(heart, affine, n, int(number), rng))
    return SliceStack(tuple(s for s in slices if s.observed.any()), "synthetic")


def drawn_truth(
    heart: DrawnHeart, grid: LVGrid, stack: SliceStack, rng: np.random.Generator
) -> Bool[np.ndarray, "a c t"]:
    """What the observer would draw at each level of a grid if a slice lay there, and has drawn where one lies."""
    centers = cell_centers(grid.shape)
    index = _index(centers.reshape(-1, 3)).reshape(2, *grid.shape)
    truth = np.zeros(grid.shape, dtype=bool)
    for level, at in enumerate(centers[:, 0, 0, 0]):
        seen = draw_slice(heart.level, heart.size, heart.hand, float(at), heart.thickness_mm, rng)
        truth[level] = _at(seen, index[:, level].reshape(2, -1)).reshape(grid.shape[1:]) > 0
    points = grid.points_mm.reshape(-1, 3)
    flat = truth.reshape(-1)
    for piece in stack:
        within = np.flatnonzero(np.abs(piece.mm_to_index(points)[:, 2]) <= 0.5)
        near = ndimage.distance_transform_edt(~piece.observed, return_distances=False, return_indices=True)
        at_pixel = np.rint(piece.mm_to_index(points[within])[:, :2]).astype(int)
        i, j = (np.clip(at_pixel[:, k], 0, piece.values.shape[k] - 1) for k in (0, 1))
        flat[within] = piece.values[near[0][i, j], near[1][i, j]] >= 0.5
    return truth


def _draw(heart: DrawnHeart, affine: np.ndarray, n: int, number: int, rng: np.random.Generator) -> Slice:
    i, j = (a.ravel() for a in np.indices((n, n)))
    points = np.stack([i, j], axis=1) @ affine[:3, :2].T + affine[:3, 3]
    at = heart.tube.coordinates(points)
    inner, outer = (rng.uniform(0, 1.0) * _ring(rng, at[:, 1]) / heart.size.wall_mm for _ in range(2))
    observed = (at[:, 2] >= inner) & (at[:, 2] <= 1 + outer) & (at[:, 0] > -0.05) & (at[:, 0] < 1.05)
    values = np.zeros(n * n)
    if observed.any():
        height = float(np.clip(np.median(at[observed, 0]), 0, 1))
        seen = draw_slice(heart.level, heart.size, heart.hand, height, heart.thickness_mm, rng)
        depth = np.clip((at[observed, 2] - inner[observed]) / np.maximum(1 + outer - inner, 0.3)[observed], 0, 1)
        values[observed] = _at(seen, _index(np.column_stack([at[observed, :2], depth]))) > 0
    return Slice(values.reshape(n, n), observed.reshape(n, n), affine, number)


def _ring(rng: np.random.Generator, angle: np.ndarray) -> np.ndarray:
    """A smooth closed curve of unit variance."""
    orders = np.arange(1, 6)
    weights = rng.normal(size=(2, 5)) / orders
    weights /= np.sqrt((1 / orders**2).sum())
    turns = angle[:, None] * orders
    return np.asarray(np.cos(turns) @ weights[0] + np.sin(turns) @ weights[1])


def _index(coordinates: np.ndarray) -> np.ndarray:
    """Continuous cell of an unrolled slice, shape (2, n)."""
    return np.stack(
        [
            (coordinates[:, 1] / (2 * np.pi) + 0.5) % 1.0 * ANGLES - 0.5,
            np.clip(coordinates[:, 2], 0, 1) * DEPTHS - 0.5,
        ]
    )


def _at(seen: np.ndarray, index: np.ndarray) -> np.ndarray:
    closed = np.concatenate([seen[-1:], seen, seen[:1]])
    return np.asarray(ndimage.map_coordinates(closed, index + np.array([[1.0], [0.0]]), order=1, mode="nearest"))
