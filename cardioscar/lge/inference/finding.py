"""Where the heart is in a full field of view: a coarse pass of windows over a few slices."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from cardioscar.imaging.labels import Label
from cardioscar.lge.inference.config import InferConfig
from cardioscar.lge.inference.grid import Grid, first_of
from cardioscar.lge.inference.segmenter import Segmenter
from cardioscar.lge.inference.views import see

MOST_WINDOWS = 400
"""Windows of the whole search: their distance grows where a field of view would take more."""
HEART_MM = 15.0
"""Deviation of the Gaussian within which wall and cavity must lie together: half of a ventricle."""
NEAR_MM = 60.0
"""How far from the best place the middle of the heart is taken."""


def find_heart(grid: Grid, segmenter: Segmenter, config: InferConfig) -> tuple[Float[np.ndarray, " axes"], int]:
    """Find the left ventricle.

    A place counts where the network sees both wall and cavity near it, in all searched slices together: fat around a
    kidney may look like a wall, and an aorta like a cavity.

    Args:
        grid: The stack.
        segmenter: The network.
        config: Settings; one view is enough here.

    Returns:
        Middle of the ventricle, index on the network's grid, shape (2,), and how many windows were looked at. A stack
        that the network sees whole has its own middle, and none.
    """
    shape, pixels = grid.values.shape, segmenter.pixels
    middle = (np.array(shape[:2]) - 1) / 2
    if shape[0] <= pixels[0] and shape[1] <= pixels[1]:
        return middle, 0
    slices = searched(shape[2], config.search_slices)
    centers = window_centers((shape[0], shape[1]), pixels, most=max(MOST_WINDOWS // len(slices), 1))
    once = InferConfig(views=1, batch=config.batch)
    weight = np.outer(*(np.hanning(size + 2)[1:-1] for size in pixels)).astype(np.float32)
    seen, total = np.zeros((2, *shape[:2]), dtype=np.float32), np.zeros(shape[:2], dtype=np.float32)
    for k in slices:
        windows = np.stack([grid.window(k, at, pixels, neighbours=segmenter.neighbours) for at in centers])
        for at, probability in zip(centers, see(segmenter.network, windows, once).probability, strict=True):
            inside, part = _overlap(first_of(at, pixels), pixels, shape)
            seen[0][inside] += (probability[Label.MYOCARDIUM] + probability[Label.SCAR])[part] * weight[part]
            seen[1][inside] += probability[Label.BLOOD_POOL][part] * weight[part]
            total[inside] += weight[part]
    seen /= np.maximum(total, 1e-6)
    near = HEART_MM / grid.pixel_mm
    both = np.sqrt(np.prod([gaussian_filter(one, near, mode="constant") for one in seen], axis=0))
    best = np.array(np.unravel_index(int(both.argmax()), both.shape))
    heart = seen.sum(axis=0)
    places = np.indices(heart.shape)
    apart_mm = np.hypot(*(places - best[:, None, None])) * grid.pixel_mm
    mass = np.where((apart_mm < NEAR_MM) & (heart >= 0.5), heart, 0)
    found = (places * mass).sum(axis=(1, 2)) / mass.sum() if mass.sum() > 0 else best.astype(float)
    return found, len(slices) * len(centers)


def searched(slices: int, most: int) -> list[int]:
    """Slices that are searched: evenly over the middle seven tenths of the stack.

    >>> searched(12, 5), searched(1, 5)
    ([2, 4, 6, 7, 9], [0])
    """
    places = np.linspace(0.15, 0.85, min(most, slices)) * (slices - 1) if slices > 1 else np.zeros(1)
    return sorted({round(float(one)) for one in places})


def window_centers(shape: tuple[int, int], pixels: tuple[int, int], *, most: int) -> list[np.ndarray]:
    """Middles of windows that cover a slice: half a window apart, farther where that would be too many."""
    share = 0.5
    while True:
        counts = [
            max(math.ceil((length - size) / (size * share)), 0) + 1 for length, size in zip(shape, pixels, strict=True)
        ]
        if math.prod(counts) <= most or share >= 1:
            break
        share = min(share * 1.25, 1.0)
    axes = [
        np.linspace((size - 1) / 2, length - 1 - (size - 1) / 2, count) if length > size else [(length - 1) / 2]
        for length, size, count in zip(shape, pixels, counts, strict=True)
    ]
    return [np.array([i, j]) for i in axes[0] for j in axes[1]]


def _overlap(
    first: list[int], pixels: tuple[int, int], shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The part of a slice that a window covers, and the part of the window."""
    inside, part = [], []
    for start, size, length in zip(first, pixels, shape, strict=False):
        low, high = max(start, 0), min(start + size, length)
        inside.append(slice(low, high))
        part.append(slice(low - start, high - start))
    return tuple(inside), tuple(part)
