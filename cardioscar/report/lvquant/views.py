"""A cine and what was found in it, as plain arrays that figures are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

SECTORS = ("IS", "I", "IL", "AL", "A", "AS")
"""Sectors in the order of the wall thicknesses: inferoseptal, inferior, inferolateral, anterolateral, anterior,
anteroseptal."""


@dataclass(frozen=True)
class Indices:
    """The eleven indices by one way; NaN where nothing is shown.

    Attributes:
        areas_mm2: Cavity and myocardium, shape (slices, frames, 2).
        dimensions_mm: Cavity dimensions, shape (slices, frames, 3).
        thickness_mm: Wall thickness by sector, shape (slices, frames, 6).
    """

    areas_mm2: Float[np.ndarray, "slices frames 2"]
    dimensions_mm: Float[np.ndarray, "slices frames 3"]
    thickness_mm: Float[np.ndarray, "slices frames 6"]


@dataclass(frozen=True)
class CineViews:
    """A cine in the one order of storage, slices from the apex to the base.

    Attributes:
        images: Grey values, shape (i, j, slices, frames).
        labels: 1 wall, 2 cavity, of the same shape.
        pixel_mm: Size of a pixel along i and j.
        distance_mm: Distance between slices.
        slice_numbers: Number of each slice in its file, from 0.
        times_ms: Time of each frame; None where unknown.
        ed_frame: End-diastole; None where no ventricle was found.
        es_frame: End-systole.
        measured: Indices from the segmentation.
        regressed: The same as the network regresses them.
        reference: Labels that came with the cine, of the same shape; None where there are none.
    """

    images: np.ndarray
    labels: UInt8[np.ndarray, "i j slices frames"]
    pixel_mm: tuple[float, float]
    distance_mm: float
    slice_numbers: tuple[int, ...]
    times_ms: Float[np.ndarray, " frames"] | None
    ed_frame: int | None
    es_frame: int | None
    measured: Indices
    regressed: Indices
    reference: UInt8[np.ndarray, "i j slices frames"] | None = None

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.images.shape[3])

    @property
    def shown(self) -> np.ndarray:
        """Slices in which a cavity is labelled at any time."""
        return np.flatnonzero((self.labels == 2).any(axis=(0, 1, 3)))

    def window(self, margin_mm: float = 22.0) -> tuple[slice, slice]:
        """Rows and columns about the heart; the whole picture where none is found."""
        sides = []
        for axis, other in ((0, (1, 2, 3)), (1, (0, 2, 3))):
            at = np.flatnonzero((self.labels > 0).any(axis=other))
            if not len(at):
                return slice(0, self.images.shape[0]), slice(0, self.images.shape[1])
            margin = int(np.ceil(margin_mm / self.pixel_mm[axis]))
            sides.append(slice(max(int(at[0]) - margin, 0), int(at[-1]) + 1 + margin))
        return sides[0], sides[1]
