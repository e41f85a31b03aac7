"""A stack on a network's grid: brought to its pixel size once, seen through windows, and what was seen brought back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, map_coordinates

from cardioscar.errors import InputError
from cardioscar.imaging.orientation import canonical
from cardioscar.imaging.volume import Volume
from cardioscar.lge.intensity import normalised

MOST_PIXELS = 1536
"""Rows or columns of the largest slice on a network's grid: two metres at 1.3 mm, more than any scanner sees."""


@dataclass(frozen=True)
class Grid:
    """A stack on a network's grid.

    Attributes:
        image: The stack in the one order of storage, slices last, in its own pixels.
        given: The stack as it was given, to whose order results are brought back.
        values: Grey values on the network's grid, shape (i, j, slices), float32; its middle is that of the image.
        pixel_mm: Pixel size of it.
    """

    image: Volume
    given: Volume
    values: Float[np.ndarray, "i j slices"]
    pixel_mm: float

    def window(
        self, k: int, center: Float[np.ndarray, " axes"], pixels: tuple[int, int], *, neighbours: bool
    ) -> Float[np.ndarray, "channels i j"]:
        """What a network sees of a slice around a place; beyond the edge lie the edge's grey values.

        Args:
            k: The slice.
            center: Place of the middle, index on the network's grid.
            pixels: Size of the window.
            neighbours: Whether the slices before and after are channels too, at the ends the slice itself.
        """
        last = self.values.shape[2] - 1
        around = [min(max(one, 0), last) for one in ((k - 1, k, k + 1) if neighbours else (k,))]
        i, j = (
            np.clip(np.arange(size) + first, 0, length - 1)
            for size, first, length in zip(pixels, first_of(center, pixels), self.values.shape, strict=False)
        )
        return np.ascontiguousarray(np.moveaxis(normalised(self.values[np.ix_(i, j, around)]), -1, 0))

    def own(
        self, k_window: Float[np.ndarray, "classes i j"], center: Float[np.ndarray, " axes"]
    ) -> Float[np.ndarray, "classes i j"]:
        """What was seen in a window, in the stack's own pixels; background (class 0) is sure outside of the window."""
        pixels = (k_window.shape[1], k_window.shape[2])
        i, j = (
            (np.arange(n) - (n - 1) / 2) * mm / self.pixel_mm + (size - 1) / 2 - first
            for n, mm, size, first in zip(
                self.image.values.shape,
                self.image.spacing_mm,
                self.values.shape,
                first_of(center, pixels),
                strict=False,
            )
        )
        # a place within half a pixel of the window's border still lies in its last pixel
        rows = np.flatnonzero((i >= -0.5) & (i <= pixels[0] - 0.5))
        columns = np.flatnonzero((j >= -0.5) & (j <= pixels[1] - 0.5))
        found = np.zeros((len(k_window), *self.image.values.shape[:2]), dtype=np.float32)
        found[0] = 1
        if not len(rows) or not len(columns):
            return found
        blur = [max(mm / self.pixel_mm - 1, 0) / 2 for mm in self.image.spacing_mm[:2]]
        places = np.meshgrid(i[rows], j[columns], indexing="ij")
        for number, plane in enumerate(k_window):
            smooth = gaussian_filter(plane, blur) if max(blur) > 0 else plane
            found[number][np.ix_(rows, columns)] = map_coordinates(smooth, places, order=1, mode="nearest")
        return found

    def as_given(self, values: np.ndarray) -> Volume:
        """An array on the ordered stack, in the order and frame of the file that was given."""
        steps = np.rint(self.image.frame.inverse[:3, :3] @ self.given.affine[:3, :3]).astype(int)
        order = np.abs(steps).argmax(axis=0)  # the ordered axis of each axis that was given
        turned = np.transpose(values, order)
        signs = steps[order, range(3)]
        return replace(
            self.given, values=np.ascontiguousarray(turned[tuple(slice(None, None, int(sign)) for sign in signs)])
        )


def first_of(center: Float[np.ndarray, " axes"], pixels: tuple[int, int]) -> list[int]:
    """Index of the first pixel of a window along i and j, whose middle is nearest to a place."""
    return [round(float(at) - (size - 1) / 2) for at, size in zip(center, pixels, strict=True)]


def on_grid(given: Volume, pixel_mm: float) -> Grid:
    """Bring a stack to a network's pixel size.

    Args:
        given: Any size, spacing, orientation and order of axes; one slice or many.
        pixel_mm: Pixel size.

    Raises:
        InputError: If values are not finite or all the same, or the field of view is larger than a scanner's.
    """
    odd = int(np.count_nonzero(~np.isfinite(given.values)))
    if odd:
        raise InputError(given.source, "finite grey values", f"{odd} that are not")
    if given.values.size == 0 or given.values.min() == given.values.max():
        raise InputError(given.source, "a picture", "one grey value everywhere" if given.values.size else "no pixel")
    image = canonical(given)
    spacing, shape = image.spacing_mm[:2], image.values.shape
    sizes = [max(round(n * float(mm) / pixel_mm), 1) for n, mm in zip(shape, spacing, strict=False)]
    if max(sizes) > MOST_PIXELS:
        finding = "×".join(f"{n * mm:.0f}" for n, mm in zip(shape, spacing, strict=False))
        raise InputError(given.source, f"a field of view up to {MOST_PIXELS * pixel_mm:.0f} mm", f"{finding} mm")
    places = np.meshgrid(
        *(
            (np.arange(size) - (size - 1) / 2) * pixel_mm / mm + (n - 1) / 2
            for size, n, mm in zip(sizes, shape, spacing, strict=False)
        ),
        indexing="ij",
    )
    # finer pixels than the grid's are averaged first, as in training
    blur = [max(pixel_mm / mm - 1, 0) / 2 for mm in spacing]
    values = np.empty((*sizes, shape[2]), dtype=np.float32)
    for k in range(shape[2]):
        plane = image.values[..., k].astype(np.float32)
        plane = gaussian_filter(plane, blur) if max(blur) > 0 else plane
        values[..., k] = map_coordinates(plane, places, order=1, mode="nearest")
    return Grid(image, given, values, pixel_mm)
