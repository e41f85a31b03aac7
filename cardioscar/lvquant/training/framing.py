"""Labelled slices brought to one number of pixels and frames, as a batch needs them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates

from cardioscar.lvquant.network.intensity import normalised
from cardioscar.lvquant.network.views import View
from cardioscar.lvquant.training.example import Example


def framed(
    example: Example,
    center: Float[np.ndarray, " axes"],
    *,
    pixels: tuple[int, int],
    pixel_mm: float,
    frames: int,
    turn_rad: float = 0.0,
    first: int = 0,
) -> Example:
    """Look at a slice through another grid; what is measured in millimetres stays as it is.

    Frames are taken, not interpolated: what is known of one remains true. Turning leaves sectors where they are in the
    heart.

    Args:
        example: A slice of any size and number of frames.
        center: Index of what comes to the middle of the grid.
        pixels: Pixels of the grid along i and j.
        pixel_mm: Their size.
        frames: Number of frames; they are spread over the beat.
        turn_rad: Rotation of the grid.
        first: Frame that comes first.
    """
    count = len(example.image)
    taken = (first + np.arange(frames) * count // frames) % count
    i, j = ((np.arange(size) - (size - 1) / 2) * pixel_mm for size in pixels)
    along, across = np.meshgrid(i, j, indexing="ij")
    cos, sin = np.cos(turn_rad), np.sin(turn_rad)
    places = np.stack(
        [
            center[0] + (cos * along - sin * across) / example.pixel_mm[0],
            center[1] + (sin * along + cos * across) / example.pixel_mm[1],
        ]
    )
    image = np.stack([map_coordinates(example.image[t], places, order=1, mode="nearest") for t in taken])
    labels = np.stack([map_coordinates(example.labels[t], places, order=0, mode="nearest") for t in taken])
    return Example(
        # grey values between percentiles of what is seen, as at inference
        np.ascontiguousarray(normalised(image.transpose(1, 2, 0)).transpose(2, 0, 1)),
        labels,
        example.areas_mm2[taken],
        example.dimensions_mm[taken],
        example.thickness_mm[taken],
        example.systole[taken],
        np.full(2, pixel_mm, dtype=np.float32),
    )


def viewed(example: Example, view: View) -> Example:
    """An example turned by quarters, or mirrored, with its indices as they then are."""
    return replace(
        example,
        image=view.seen(example.image),
        labels=view.seen(example.labels),
        dimensions_mm=view.reordered(example.dimensions_mm),
        thickness_mm=view.reordered(example.thickness_mm),
        pixel_mm=view.pixel_mm(example.pixel_mm),
    )
