"""One thing to learn from: a slice as a network sees it, and its labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from cardioscar.lge.intensity import normalised


@dataclass(frozen=True)
class Example:
    """A slice.

    Attributes:
        image: Normalised grey values; one channel, or three with those of the slices before and after it.
        labels: `Label` of each pixel.
    """

    image: Float[np.ndarray, "channels i j"]
    labels: UInt8[np.ndarray, "i j"]


@dataclass(frozen=True)
class Batch:
    """Several slices of one size.

    Attributes:
        images: Normalised grey values, float32.
        labels: `Label` of each pixel.
    """

    images: Float[np.ndarray, "batch channels i j"]
    labels: UInt8[np.ndarray, "batch i j"]


def as_batch(examples: list[Example]) -> Batch:
    """Examples of one size, put together."""
    return Batch(np.stack([one.image for one in examples]), np.stack([one.labels for one in examples]))


def example_of(image: np.ndarray, labels: np.ndarray, *, k: int, neighbours: bool) -> Example:
    """The example of one slice of a stack.

    Args:
        image: Grey values of any scale, shape (i, j, slices).
        labels: `Label` of each pixel, of the same shape.
        k: The slice.
        neighbours: Whether the slices before and after it are channels too; at the ends the slice itself is repeated.
    """
    last = image.shape[2] - 1
    around = [min(max(k + step, 0), last) for step in (-1, 0, 1)] if neighbours else [k]
    channels = np.moveaxis(normalised(image[..., around]), -1, 0)
    return Example(np.ascontiguousarray(channels), np.ascontiguousarray(labels[..., k], dtype=np.uint8))
