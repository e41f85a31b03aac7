"""The eleven indices of every slice and frame of a cine, from its labels, and the phase of each frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import WALL, Label
from cardioscar.lvquant.sectors import SeptumFrame, septum_frame
from cardioscar.lvquant.slice_indices import slice_indices
from cardioscar.lvquant.wall_thickness import RAYS


@dataclass(frozen=True)
class CineIndices:
    """Indices of a cine; NaN where nobody drew what they are measured on.

    Attributes:
        cavity_mm2: Area of the cavity, shape (slices, frames); 0 where a frame has labels and this slice has none.
        myocardium_mm2: Area of the wall, likewise; NaN where a cavity has no wall around it.
        dimensions_mm: Cavity dimensions IS–AL, I–A, IL–AS, shape (slices, frames, 3).
        thickness_mm: Wall thickness IS, I, IL, AL, A, AS, shape (slices, frames, 6).
        profile_mm: Wall thickness all around, shape (slices, frames, RAYS), as in `SliceIndices`.
        systole: Whether each frame is of systole, by the cavity summed over the slices, shape (frames,); None where
            fewer than three frames have labels.
        distance_mm: Distance between the slices.
    """

    cavity_mm2: Float[np.ndarray, "slices frames"]
    myocardium_mm2: Float[np.ndarray, "slices frames"]
    dimensions_mm: Float[np.ndarray, "slices frames 3"]
    thickness_mm: Float[np.ndarray, "slices frames 6"]
    profile_mm: Float[np.ndarray, "slices frames rays"]
    systole: Bool[np.ndarray, " frames"] | None
    distance_mm: float

    @property
    def labelled(self) -> Bool[np.ndarray, " frames"]:
        """Frames in which somebody drew a cavity."""
        return np.asarray((np.nan_to_num(self.cavity_mm2) > 0).any(axis=0))


def cine_indices(labels: Cine, *, septum: SeptumFrame | None = None) -> CineIndices:
    """Measure a cine by its labels.

    Args:
        labels: Values of `Label`, in the one order of storage.
        septum: Directions of the heart in the slices; default by the patient's axes (`septum_frame`).
    """
    cavity = labels.values == Label.BLOOD_POOL
    wall = np.isin(labels.values, WALL)
    return indices_of_shares(cavity, wall, labels, septum=septum)


def indices_of_shares(
    cavity: Float[np.ndarray, "i j slices frames"] | Bool[np.ndarray, "i j slices frames"],
    wall: Float[np.ndarray, "i j slices frames"] | Bool[np.ndarray, "i j slices frames"],
    grid: Cine,
    *,
    septum: SeptumFrame | None = None,
) -> CineIndices:
    """Measure a cine by the shares of its pixels: partial volumes, or a network's probabilities.

    Args:
        cavity: Share of each pixel that is cavity, 0 to 1.
        wall: Share that is wall.
        grid: The cine whose pixels they are.
        septum: As for `cine_indices`.
    """
    septum = septum or septum_frame(grid.grid, where=grid.source)
    slices, frames = grid.slices, grid.frames
    areas = np.full((2, slices, frames), np.nan)
    dimensions, thickness = np.full((slices, frames, 3), np.nan), np.full((slices, frames, 6), np.nan)
    profile = np.full((slices, frames, RAYS), np.nan)
    rows, columns = _labelled_box(np.maximum(cavity, wall) > 0)
    drawn = np.asarray((cavity >= 0.5).any(axis=(0, 1, 2)))
    for k in range(slices):
        for t in np.flatnonzero(drawn):
            found = slice_indices(cavity[rows, columns, k, t], wall[rows, columns, k, t], grid.pixel_mm, septum)
            areas[:, k, t] = found.cavity_mm2, found.myocardium_mm2
            dimensions[k, t], thickness[k, t], profile[k, t] = (
                found.dimensions_mm, found.thickness_mm, found.profile_mm,
            )  # fmt: skip
    phase = systole(np.nansum(areas[0], axis=0), drawn) if drawn.sum() >= 3 else None
    return CineIndices(areas[0], areas[1], dimensions, thickness, profile, phase, grid.distance_mm)


def systole(
    cavity: Float[np.ndarray, " frames"], drawn: Bool[np.ndarray, " frames"] | None = None
) -> Bool[np.ndarray, " frames"]:
    """Frames of systole: those after the one of the largest cavity, up to the one of the smallest, around the beat.

    Args:
        cavity: Area or volume of the cavity in each frame of one beat.
        drawn: Frames that count; default all.

    >>> systole(np.array([90.0, 100, 80, 60, 50, 70, 85])).astype(int)
    array([0, 0, 1, 1, 1, 0, 0])
    """
    known = np.isfinite(cavity) if drawn is None else np.asarray(drawn, dtype=bool)
    diastolic = int(np.argmax(np.where(known, cavity, -np.inf)))
    systolic = int(np.argmin(np.where(known, cavity, np.inf)))
    frames = len(cavity)
    after = (np.arange(frames) - diastolic) % frames
    return np.asarray((after > 0) & (after <= (systolic - diastolic) % frames))


def _labelled_box(labelled: Bool[np.ndarray, "i j slices frames"]) -> tuple[slice, slice]:
    """Rows and columns that hold labels, with a border."""
    if not labelled.any():
        return slice(0, 1), slice(0, 1)
    sides = []
    for axes in ((1, 2, 3), (0, 2, 3)):
        found = np.flatnonzero(labelled.any(axis=axes))
        sides.append(slice(max(int(found[0]) - 2, 0), int(found[-1]) + 3))
    return sides[0], sides[1]
