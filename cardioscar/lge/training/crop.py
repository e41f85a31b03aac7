"""A piece of a real slice at a network's pixel size: turned, mirrored and moved at random, or straight."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from cardioscar.lge.training.example import Example, example_of
from cardioscar.lge.training.labelled import LabelledStack


def middle_of(stack: LabelledStack, k: int) -> np.ndarray:
    """Middle of what is labelled in a slice, or in all slices where nothing is; index along i and j."""
    here = stack.labels[..., k] if stack.labels[..., k].any() else stack.labels.any(axis=2)
    return np.argwhere(here).mean(axis=0)


def cut(
    stack: LabelledStack,
    k: int,
    *,
    pixels: tuple[int, int],
    pixel_mm: float,
    center: np.ndarray,
    turn: float = 0.0,
    mirrored: bool = False,
    neighbours: bool = False,
) -> Example:
    """Cut a piece out of a slice.

    Args:
        stack: A subject.
        k: The slice.
        pixels: Pixels of the piece along i and j.
        pixel_mm: Their size, the same along both axes.
        center: Index of the middle of the piece in the slice.
        turn: Angle in radians by which the piece is turned.
        mirrored: Whether it is mirrored.
        neighbours: Whether the slices before and after it are channels too.

    Returns:
        The piece. Grey values are interpolated linearly, labels take the nearest; beyond the edge lie the edge's grey
        values and no labels.
    """
    steps = [(np.arange(size) - (size - 1) / 2) * pixel_mm for size in pixels]
    u, v = np.meshgrid(*steps, indexing="ij")
    v = -v if mirrored else v
    i = center[0] + (np.cos(turn) * u - np.sin(turn) * v) / stack.pixel_mm[0]
    j = center[1] + (np.sin(turn) * u + np.cos(turn) * v) / stack.pixel_mm[1]
    last = stack.image.shape[2] - 1
    around = [min(max(one, 0), last) for one in ((k - 1, k, k + 1) if neighbours else (k,))]
    # finer pixels than the piece's are averaged first: picking single ones would keep their noise and lose thin walls
    blur = [max(pixel_mm / own - 1, 0) / 2 for own in stack.pixel_mm]
    planes = [
        gaussian_filter(stack.image[..., one], blur) if max(blur) > 0 else stack.image[..., one] for one in around
    ]
    image = np.stack([map_coordinates(one, [i, j], order=1, mode="nearest") for one in planes], axis=-1)
    labels = map_coordinates(stack.labels[..., k], [i, j], order=0, mode="constant", cval=0)
    middle = len(around) // 2
    return example_of(image, np.repeat(labels[..., None], len(around), axis=2), k=middle, neighbours=neighbours)


def draw_cut(
    rng: np.random.Generator,
    stack: LabelledStack,
    *,
    pixels: tuple[int, int],
    pixel_mm: tuple[float, float],
    off_center_mm: float,
    neighbours: bool,
) -> Example:
    """A piece of any slice, at any angle, near the heart.

    Args:
        rng: Source of the draw.
        stack: A subject.
        pixels: Pixels of the piece.
        pixel_mm: Smallest and largest pixel size.
        off_center_mm: Deviation of the labels' middle from that of the piece.
        neighbours: Whether the slices before and after it are channels too.
    """
    k = int(rng.integers(stack.image.shape[2]))
    off = rng.normal(0, off_center_mm, 2) / stack.pixel_mm
    return cut(
        stack,
        k,
        pixels=pixels,
        pixel_mm=rng.uniform(*pixel_mm),
        center=middle_of(stack, k) + off,
        turn=rng.uniform(-np.pi, np.pi),
        mirrored=bool(rng.random() < 0.5),
        neighbours=neighbours,
    )
