"""A stack of LGE slices: each slice a slab of pixels with its own place in the patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from cardioscar.errors import GeometryError
from cardioscar.imaging.affine import Affine, check_affine
from cardioscar.imaging.volume import Volume
from cardioscar.types import AffineMatrix, Points


@dataclass(frozen=True)
class Slice:
    """One planar image with a thickness. A pixel is a prism: its square, through the slab along the normal.

    Attributes:
        values: One number a pixel, shape (i, j): scar fraction 0 to 1, an intensity, or a label.
        observed: Pixels whose value counts (inside the wall, finite), shape (i, j).
        affine: Maps (i, j, t, 1) to millimetres LPS: columns are the step along i, the step along j, and the slice
            normal times the slab thickness. The prism of pixel (i, j) is [i ± 0.5] × [j ± 0.5] × [t ± 0.5].
        number: Index of the slice in its file, from 0; it names the slice in messages and in `--holdout`. Slices of a
            stack need not ascend by it.
    """

    values: Float[np.ndarray, "i j"]
    observed: Bool[np.ndarray, "i j"]
    affine: AffineMatrix
    number: int

    @cached_property
    def frame(self) -> Affine:
        """Its affine, and what follows from it."""
        return Affine(self.affine)

    @property
    def thickness_mm(self) -> float:
        """Thickness of the slab in mm."""
        return float(np.linalg.norm(self.affine[:3, 2]))

    @property
    def normal(self) -> np.ndarray:
        """Unit normal, shape (3,)."""
        return self.affine[:3, 2] / self.thickness_mm

    @property
    def pixel_mm(self) -> np.ndarray:
        """Pixel size along i and j in mm, shape (2,)."""
        return np.linalg.norm(self.affine[:3, :2], axis=0)

    def mm_to_index(self, points_mm: Points) -> Points:
        """Continuous (i, j, t) of positions in mm; |t| ≤ 0.5 lies inside the slab."""
        return self.frame.mm_to_index(points_mm)

    @property
    def prism_ml(self) -> float:
        """Volume of one pixel's prism in ml."""
        return self.frame.voxel_ml

    @property
    def center_mm(self) -> np.ndarray:
        """Middle of the image in mm LPS, shape (3,)."""
        return self.affine[:3, :2] @ ((np.array(self.values.shape) - 1) / 2) + self.affine[:3, 3]

    def pixel_centers_mm(self) -> Points:
        """Centres of the observed pixels in mm, in the order of `np.nonzero(observed)`."""
        i, j = np.nonzero(self.observed)
        return self.frame.index_to_mm(np.column_stack([i, j]))


@dataclass(frozen=True)
class SliceStack:
    """Slices of one subject, in the order of their source.

    Attributes:
        slices: At least one slice.
        source: File name, for messages.
    """

    slices: tuple[Slice, ...]
    source: str

    def __post_init__(self) -> None:
        if not self.slices:
            raise GeometryError(self.source, "at least one slice", "none")

    def __iter__(self) -> Iterator[Slice]:
        return iter(self.slices)

    def __len__(self) -> int:
        return len(self.slices)

    def only(self, numbers: set[int]) -> SliceStack:
        """The sub-stack of the slices whose number is in `numbers`."""
        return replace(self, slices=tuple(s for s in self.slices if s.number in numbers))


def slice_axis(volume: Volume) -> int:
    """Through-plane axis of a volume: the one with the largest spacing; the last one where spacings tie within 1 %."""
    return through_axis(volume.spacing_mm)


def through_axis(spacing_mm: np.ndarray) -> int:
    """The same, of the voxel sizes alone, shape (3,)."""
    return int(2 if spacing_mm[2] >= 0.99 * spacing_mm.max() else np.argmax(spacing_mm))


def slice_numbers(volume: Volume) -> tuple[int, ...]:
    """Index in the file of each slice along the through-plane axis."""
    return volume.slice_numbers or tuple(range(volume.values.shape[slice_axis(volume)]))


def stack_from_volume(
    volume: Volume,
    *,
    observed: np.ndarray | None = None,
    thickness_mm: float | None = None,
) -> SliceStack:
    """Cut a volume into slices along its through-plane axis.

    Args:
        volume: Image in its own, possibly oblique, frame.
        observed: Pixels that count, same shape as the volume; default all finite ones.
        thickness_mm: Slab thickness; default what the file states, else the distance between slices.

    Returns:
        One slice for each index along the through-plane axis, pixels (i, j) being the other two axes in order.

    Raises:
        GeometryError: If the thickness is not positive.
    """
    axis = slice_axis(volume)
    in_plane = [a for a in range(3) if a != axis]
    spacing = float(volume.spacing_mm[axis])
    thickness = thickness_mm if thickness_mm is not None else volume.slice_thickness_mm or spacing
    if not np.isfinite(thickness) or thickness <= 0:
        raise GeometryError(volume.source, "a positive slice thickness", f"{thickness:g} mm")
    values = np.moveaxis(np.asarray(volume.values, dtype=np.float32), axis, 0)
    seen = np.isfinite(values) if observed is None else np.moveaxis(observed, axis, 0) & np.isfinite(values)
    slices = []
    for place, number in enumerate(slice_numbers(volume)):
        affine = np.eye(4)
        affine[:3, :2] = volume.affine[:3, in_plane]
        affine[:3, 2] = volume.affine[:3, axis] * (thickness / spacing)
        affine[:3, 3] = volume.affine[:3, 3] + place * volume.affine[:3, axis]
        check_affine(affine, where=volume.source)
        slices.append(Slice(values[place], seen[place], affine, number))
    return SliceStack(tuple(slices), volume.source)


def sparse_volume(volume: Volume, *, every: int, thick: int = 1, first: int = 0) -> Volume:
    """A stack of fewer slices, each the mean of some of the volume's.

    Args:
        volume: Dense volume.
        every: Distance between slices, in slices of the volume.
        thick: Slices that are averaged for one; 1 keeps the values and their type.
        first: Index of the first slice that counts.

    Returns:
        The stack; its affine says where the middle of each slab lies, and steps from slice to slice.

    Raises:
        GeometryError: If no whole slice is left.
    """
    axis = slice_axis(volume)
    values = np.moveaxis(volume.values, axis, 0)
    starts = np.arange(first, len(values) - thick + 1, every)
    if len(starts) == 0:
        raise GeometryError(volume.source, f"more than {first + thick - 1} slices", f"{len(values)}")
    slabs = values[starts]
    if thick > 1:
        slabs = np.stack([values[start : start + thick].astype(np.float32).mean(axis=0) for start in starts])
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, axis] * (first + (thick - 1) / 2)
    affine[:3, axis] *= every
    thickness = thick * float(volume.spacing_mm[axis])
    return Volume(np.ascontiguousarray(np.moveaxis(slabs, 0, axis)), affine, volume.source, thickness)
