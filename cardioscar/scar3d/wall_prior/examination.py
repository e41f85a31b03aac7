"""A synthetic examination: the slices that a scanner and a reader would make of a synthetic scar."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.scar3d.wall_prior.synthetic import SyntheticScar
from cardioscar.scar3d.wall_prior.ventricle import VOXEL_MM, WallBox

THROUGH = 5
"""Samples of a prism through the slice."""


def examine(box: WallBox, scar: SyntheticScar, rng: np.random.Generator) -> SliceStack:
    """Draw an examination: slices 6 to 12 mm apart and 5 to 10 mm thick, pixels 0.6 to 2 mm, tilt up to 15°.

    In half of the examinations the slices are shifted against each other by uneven breath-holds, in half the reader's
    contours are off, and in a third pixels are scar or not with nothing between.

    Args:
        box: The wall.
        scar: The true scar.
        rng: Source of the draws.

    Returns:
        Scar fractions 0 to 1; observed are the pixels at least half in the wall.
    """
    thickness = rng.uniform(5, 10)
    spacing = max(rng.uniform(6, 12), thickness)
    pixel = rng.uniform(0.6, 2.0)
    shift_mm = rng.choice([0.0, rng.uniform(0, 2)])
    contour_mm = rng.choice([0.0, rng.uniform(0, 1.2)])
    noise = rng.choice([0.0, rng.uniform(0, 0.15)])
    hard = rng.random() < 0.35
    frame = _frame(rng)

    mm = box.corner_mm + VOXEL_MM * np.stack(np.nonzero(box.depth > 0), axis=1)
    middle = mm.mean(axis=0)
    local = (mm - middle) @ frame
    bottom, top = local.min(axis=0), local.max(axis=0)
    corner = bottom[:2] - 3 * pixel
    size = np.ceil((top[:2] - bottom[:2] + 6 * pixel) / pixel).astype(int) + 1
    first = bottom[2] + rng.uniform(0.1, 1.0) * spacing
    slices = []
    for number in range(max(1, int((top[2] - first) / spacing + 0.8))):
        affine = np.eye(4)
        affine[:3, :2] = frame[:, :2] * pixel
        affine[:3, 2] = frame[:, 2] * thickness
        affine[:3, 3] = middle + frame @ np.array([*corner, first + number * spacing])
        shift = frame[:, :2] @ (rng.normal(size=2) * shift_mm)
        error = _contour_error(rng, (int(size[0]), int(size[1])), pixel, contour_mm)
        values, observed = _prisms(box, scar, affine, (int(size[0]), int(size[1])), shift, frame[:, :2], error)
        values = np.clip(values + noise * rng.standard_normal(values.shape) * (values > 0), 0, 1)
        if hard:
            values = (values >= 0.5).astype(np.float64)
        slices.append(Slice(np.where(observed, values, 0.0), observed, affine, number))
    return SliceStack(tuple(slices), "synthetic")


def _frame(rng: np.random.Generator) -> np.ndarray:
    """Columns: step along i, along j, normal; about the long axis, turned and tilted."""
    turn = rng.uniform(0, 2 * np.pi)
    tilt = np.radians(rng.uniform(0, 15)) * np.array([np.cos(turn), np.sin(turn), 0])
    spin = Rotation.from_rotvec([0, 0, rng.uniform(0, 2 * np.pi)])
    return np.asarray((Rotation.from_rotvec(tilt) * spin).as_matrix())


def _contour_error(
    rng: np.random.Generator, shape: tuple[int, int], pixel_mm: float, size_mm: float
) -> np.ndarray | None:
    """In-plane displacement of a reader's contours in mm, smooth over about 5 mm, shape (2, i, j)."""
    if size_mm == 0:
        return None
    sigma = 5.0 / pixel_mm
    raw = ndimage.gaussian_filter(rng.standard_normal((2, *shape)), (0, sigma, sigma))
    return np.asarray(raw * size_mm / max(float(raw.std()), 1e-9))


def _prisms(
    box: WallBox,
    scar: SyntheticScar,
    affine: np.ndarray,
    shape: tuple[int, int],
    shift_mm: np.ndarray,
    in_plane: np.ndarray,
    error_mm: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Share of the wall in each pixel's prism that is scar, and whether wall fills at least half of the prism."""
    pixel = float(np.linalg.norm(affine[:3, 0]))
    across = max(1, round(pixel / 0.7))
    i, j = (a.ravel() for a in np.indices(shape))
    center = np.stack([i, j], axis=1) @ affine[:3, :2].T + affine[:3, 3] + shift_mm
    # only pixels whose middle line comes near the wall are sampled in full
    line = center[:, None] + _middles(THROUGH)[:, None] * affine[:3, 2]
    depth = ndimage.map_coordinates(box.depth, box.index(line.reshape(-1, 3)), order=0, mode="nearest")
    near = np.flatnonzero((depth.reshape(-1, THROUGH) > -pixel).mean(axis=1) >= 0.4)
    if len(near) == 0:
        return np.zeros(shape), np.zeros(shape, dtype=bool)
    steps = np.stack(
        np.meshgrid(_middles(across), _middles(across), _middles(THROUGH), indexing="ij"), axis=-1
    ).reshape(-1, 3)
    points = (center[near][:, None] + steps @ affine[:3, :3].T).reshape(-1, 3)
    in_wall = ndimage.map_coordinates(box.depth, box.index(points), order=1, mode="nearest") > 0
    if error_mm is not None:
        moved = error_mm.reshape(2, -1)[:, near].T @ in_plane.T
        points = points + np.repeat(moved, len(steps), axis=0)
    scarred = in_wall & (ndimage.map_coordinates(scar.level, box.index(points), order=1, mode="nearest") > 0)
    wall = in_wall.reshape(len(near), -1).mean(axis=1)
    share = scarred.reshape(len(near), -1).mean(axis=1)
    values, seen = np.zeros(shape), np.zeros(shape, dtype=bool)
    values[i[near], j[near]] = np.divide(share, wall, out=np.zeros_like(share), where=wall > 0)
    seen[i[near], j[near]] = wall >= 0.5
    return values, seen


def _middles(n: int) -> np.ndarray:
    """Middles of n equal parts of [−½, ½]."""
    return (np.arange(n) + 0.5) / n - 0.5
