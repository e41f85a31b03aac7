"""Cine slices as pictures: grey values enlarged, with the outlines of wall and cavity drawn over them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.colors import to_rgb
from PIL import Image
from scipy.ndimage import binary_erosion

CAVITY, EPICARDIUM, REFERENCE = "#ff5a36", "#35c46b", "#f7d038"
"""Outline of the cavity, of the epicardium, and of labels that came with the cine."""

Rgb = UInt8[np.ndarray, "rows columns 3"]


def grey(images: Float[np.ndarray, "i j slices frames"]) -> Float[np.ndarray, "i j slices frames"]:
    """Grey values as 0 to 1, between the 1st and the 99.5th percentile of all slices and frames: noise stays dark."""
    low, high = np.percentile(images, (1, 99.5))
    return np.asarray(np.clip((images - low) / max(float(high - low), 1e-9), 0, 1), dtype=np.float32)


def painted(
    image: Float[np.ndarray, "i j"],
    labels: UInt8[np.ndarray, "i j"],
    size: tuple[int, int],
    reference: UInt8[np.ndarray, "i j"] | None = None,
) -> Rgb:
    """Draw one slice at one time.

    Args:
        image: 0 to 1; i runs to the right of the picture, j down.
        labels: 1 wall, 2 cavity.
        size: Columns and rows of the picture.
        reference: Other labels; their outlines are drawn below.
    """
    grey_values = Image.fromarray((image.T * 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    picture = np.repeat(np.asarray(grey_values)[..., None], 3, axis=2).copy()
    if reference is not None:
        for part in (reference > 0, reference == 2):
            picture[_outline(part, size, width=1)] = _rgb(REFERENCE)
    picture[_outline(labels > 0, size)] = _rgb(EPICARDIUM)
    picture[_outline(labels == 2, size)] = _rgb(CAVITY)
    return picture


def montage(tiles: list[Rgb], columns: int, gap: int = 4, paper: int = 255) -> Rgb:
    """Pictures of one size beside and below each other."""
    rows = -(-len(tiles) // columns)
    high, wide = tiles[0].shape[:2]
    whole = np.full((rows * (high + gap) - gap, columns * (wide + gap) - gap, 3), paper, dtype=np.uint8)
    for n, tile in enumerate(tiles):
        row, column = divmod(n, columns)
        whole[row * (high + gap) :, column * (wide + gap) :][:high, :wide] = tile
    return whole


def _outline(part: Bool[np.ndarray, "i j"], size: tuple[int, int], width: int = 2) -> Bool[np.ndarray, "rows columns"]:
    if not part.any():
        return np.zeros(size[::-1], dtype=bool)
    enlarged = Image.fromarray(part.T * np.uint8(255)).resize(size, Image.Resampling.BILINEAR)
    inside = np.asarray(enlarged) >= 128
    return np.asarray(inside & ~binary_erosion(inside, iterations=width))


def _rgb(colour: str) -> np.ndarray:
    return np.round(np.array(to_rgb(colour)) * 255).astype(np.uint8)
