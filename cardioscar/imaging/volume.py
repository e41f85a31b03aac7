"""A volume image and the affine that places it in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cardioscar.errors import GeometryError
from cardioscar.imaging.affine import Affine, check_affine
from cardioscar.types import AffineMatrix, Points

LPS = "LPS"
"""The one world frame: x to the patient's left, y to posterior, z to superior; millimetres.

Readers convert what they read into it (NIfTI affines and many mesh files are RAS); nothing inside converts again.
"""

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Volume:
    """A 3D image in the LPS frame.

    Attributes:
        values: Shape (i, j, k), any dtype.
        affine: Maps index (i, j, k, 1) of a voxel's centre to millimetres, LPS.
        source: File name it came from, for messages.
        slice_thickness_mm: Thickness of the excited slice where the file states one (DICOM), else None.
        slice_numbers: Index in the file of each slice, where slices are not in the file's order; else None.
    """

    values: np.ndarray
    affine: AffineMatrix
    source: str = "volume"
    slice_thickness_mm: float | None = None
    slice_numbers: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 3:
            raise GeometryError(self.source, "three image axes", f"shape {self.values.shape}")
        check_affine(self.affine, where=self.source)

    @cached_property
    def frame(self) -> Affine:
        """Its affine, and what follows from it."""
        return Affine(self.affine)

    @property
    def spacing_mm(self) -> np.ndarray:
        """Voxel size along i, j, k in mm, shape (3,)."""
        return self.frame.spacing_mm

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in ml."""
        return self.frame.voxel_ml

    def index_to_mm(self, index: np.ndarray) -> Points:
        """Centre of (fractional) voxel indices, shape (n, 3), in mm LPS."""
        return self.frame.index_to_mm(index)

    def mm_to_index(self, points_mm: Points) -> np.ndarray:
        """Continuous voxel index of positions in mm LPS, shape (n, 3); voxel v covers [v - 0.5, v + 0.5)."""
        return self.frame.mm_to_index(points_mm)


def holding_voxel(index: np.ndarray) -> np.ndarray:
    """The voxel that holds each continuous index, whole numbers of the same shape.

    A place on the face between two voxels belongs to the upper one, and so does what lies within 1e-4 of a voxel below
    the face: otherwise rounding of an affine would decide.

    >>> holding_voxel(np.array([0.49, 0.5 - 1e-9, 0.5, 1.2]))
    array([0, 1, 1, 1])
    """
    return np.floor(np.asarray(index) + (0.5 + 1e-4)).astype(np.int64)
