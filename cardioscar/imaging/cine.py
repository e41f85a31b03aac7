"""A cine: slices of a beating heart, frame after frame, in the one frame of the patient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.affine import Affine, check_affine
from cardioscar.imaging.orientation import canonical
from cardioscar.imaging.volume import Volume
from cardioscar.types import AffineMatrix

_SAME_PLACE_PIXELS = 0.05
"""Grids whose pixels lie closer than this share of a pixel are one grid: headers round to single precision."""


@dataclass(frozen=True)
class Cine:
    """A series of images over one heart beat, of one slice (2D+t) or of a stack (3D+t), in the LPS frame.

    Attributes:
        values: Shape (i, j, slices, frames), any dtype: intensities, or a label of each pixel.
        affine: Maps index (i, j, slice, 1) of a voxel's centre to millimetres, LPS; it holds for every frame.
        times_ms: Time of each frame after the trigger in ms, ascending, shape (frames,); None where the file does not
            state it. Slices taken in several breath-holds share the mean of their times.
        source: File name it came from, for messages.
        slice_thickness_mm: Thickness of the excited slice where the file states one, else None.
        slice_numbers: Index in the file of each slice, where slices are not in the file's order; else None.

    Examples:
        >>> cine = Cine(np.zeros((4, 3, 2, 20)), np.diag([1.4, 1.4, 10, 1]), np.arange(20) * 40.0)
        >>> cine.frames, cine.slices, round(cine.beat_ms)
        (20, 2, 800)
        >>> cine.frame(5).values.shape
        (4, 3, 2)
    """

    values: np.ndarray
    affine: AffineMatrix
    times_ms: Float[np.ndarray, " frames"] | None = None
    source: str = "cine"
    slice_thickness_mm: float | None = None
    slice_numbers: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 4:
            raise GeometryError(self.source, "rows, columns, slices and frames", f"shape {self.values.shape}")
        check_affine(self.affine, where=self.source)
        if self.frames < 2:
            raise InputError(self.source, "at least two frames of a beat", "one")
        if self.times_ms is not None and (
            self.times_ms.shape != (self.frames,)
            or not np.isfinite(self.times_ms).all()
            or (np.diff(self.times_ms) <= 0).any()
        ):
            raise InputError(self.source, f"{self.frames} ascending frame times", "others")

    @cached_property
    def grid(self) -> Affine:
        """Its affine, and what follows from it."""
        return Affine(self.affine)

    @property
    def frames(self) -> int:
        """Number of images in time."""
        return int(self.values.shape[3])

    @property
    def slices(self) -> int:
        """Number of slices."""
        return int(self.values.shape[2])

    @property
    def pixel_mm(self) -> Float[np.ndarray, " axes"]:
        """Size of a pixel along i and j in mm, shape (2,); the two may differ."""
        return self.grid.spacing_mm[:2]

    @property
    def distance_mm(self) -> float:
        """Distance between the centres of neighbouring slices in mm."""
        return float(self.grid.spacing_mm[2])

    @property
    def beat_ms(self) -> float | None:
        """Length of the beat that the frames cover in ms: their number times their mean distance."""
        if self.times_ms is None:
            return None
        return float((self.times_ms[-1] - self.times_ms[0]) / (self.frames - 1) * self.frames)

    def frame(self, number: int) -> Volume:
        """One image in time, as a volume."""
        return Volume(self.values[..., number], self.affine, self.source, self.slice_thickness_mm, self.slice_numbers)

    def with_values(self, values: np.ndarray) -> Cine:
        """Other values on the same grid, at the same times."""
        return replace(self, values=values)


def canonical_cine(cine: Cine) -> Cine:
    """The same pixels at the same places, in the one order of storage (`imaging.orientation.canonical`).

    Slices come last before time, from the usual apex to the base, whatever order the file stores them in.

    Args:
        cine: Any order and direction of the three axes in space.

    Raises:
        GeometryError: If the axis through the slices cannot be told from the pixels' axes.

    >>> upside_down = Cine(np.arange(8).reshape(1, 1, 4, 2), np.diag([-1.5, 1.5, -8.0, 1.0]))
    >>> canonical_cine(upside_down).values[0, 0, :, 0], canonical_cine(upside_down).slice_numbers
    (array([6, 4, 2, 0]), (3, 2, 1, 0))
    """
    thin = np.ones(3)
    if cine.values.shape[:3].count(1) == 1:  # a single slice is one, however thin a header says that it is
        thin[cine.values.shape[:3].index(1)] = 100.0
    affine = cine.affine @ np.diag([*thin, 1.0])
    volumes = [
        canonical(Volume(cine.values[..., t], affine, cine.source, slice_numbers=cine.slice_numbers))
        for t in range(cine.frames)
    ]
    steps = volumes[0].affine @ np.diag([1, 1, 1 / thin.max(), 1])
    values = np.stack([volume.values for volume in volumes], axis=3)
    return replace(cine, values=values, affine=steps, slice_numbers=volumes[0].slice_numbers)


def check_same_grid(cine: Cine, labels: Cine) -> None:
    """Refuse labels that are not of the cine's pixels, slices and frames; both in the one order of storage.

    Raises:
        GeometryError: Naming what differs: pixels, slices, frames, or the place in the patient.
    """
    shape, other = cine.values.shape, labels.values.shape
    for name, axes in (("pixels", slice(0, 2)), ("slices", slice(2, 3)), ("frames", slice(3, 4))):
        if shape[axes] != other[axes]:
            rule = f"labels of the {'×'.join(map(str, shape[axes]))} {name} of {cine.source}"
            raise GeometryError(labels.source, rule, "×".join(map(str, other[axes])))
    ends = np.array([[i, j, k] for i in (0, shape[0] - 1) for j in (0, shape[1] - 1) for k in (0, shape[2] - 1)])
    apart_mm = float(np.linalg.norm(cine.grid.index_to_mm(ends) - labels.grid.index_to_mm(ends), axis=1).max())
    if apart_mm > max(_SAME_PLACE_PIXELS * float(cine.pixel_mm.min()), 0.01):
        finding = f"the same pixel up to {apart_mm:.1f} mm apart (contours of other slices?)"
        raise GeometryError(labels.source, f"labels at the place of {cine.source}", finding)
