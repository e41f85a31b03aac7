"""A volume image and the affine that places it in the patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardioscar.errors import GeometryError
from cardioscar.types import Affine, Points

LPS = "LPS"
"""The one world frame: x to the patient's left, y to posterior, z to superior; millimetres.

Readers convert what they read into it (NIfTI affines and many mesh files are RAS); nothing inside converts again.
"""

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


SMALLEST_MM, FARTHEST_MM = 1e-6, 1e6
"""Shortest step, and largest number, of an affine: a kilometre from the scanner's centre no heart lies."""


def check_affine(affine: np.ndarray, *, where: str, tolerance: float = 1e-3) -> None:
    """Refuse affines that no scanner writes: not finite, far away, singular, or with axes that are not orthogonal.

    Args:
        affine: Index to millimetres, shape (4, 4).
        where: File name, for errors.
        tolerance: Largest accepted cosine between two axes. 1e-3 (0.06°) is what float32 headers lose.

    Raises:
        GeometryError: Naming the rule that is broken.
    """
    steps = affine[:3, :3]
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise GeometryError(
            where,
            "a finite 4×4 affine",
            f"shape {affine.shape}, {int((~np.isfinite(affine)).sum())} non-finite entries",
        )
    if np.abs(affine).max() > FARTHEST_MM:
        raise GeometryError(where, f"a frame within {FARTHEST_MM:g} mm", f"a number of {np.abs(affine).max():.3g}")
    lengths = np.linalg.norm(steps, axis=0)
    if lengths.min() < SMALLEST_MM or abs(np.linalg.det(steps)) < 1e-6 * lengths.prod():
        raise GeometryError(where, "an invertible affine", f"a singular one (axis lengths {np.round(lengths, 4)} mm)")
    cosines = (steps / lengths).T @ (steps / lengths) - np.eye(3)
    worst = float(np.abs(cosines).max())
    if worst > tolerance:
        raise GeometryError(where, "orthogonal image axes", f"axes {np.degrees(np.arccos(worst)):.1f}° apart")


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
    affine: Affine
    source: str = "volume"
    slice_thickness_mm: float | None = None
    slice_numbers: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 3:
            raise GeometryError(self.source, "three image axes", f"shape {self.values.shape}")
        check_affine(self.affine, where=self.source)

    @property
    def spacing_mm(self) -> np.ndarray:
        """Voxel size along i, j, k in mm, shape (3,)."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in ml."""
        return float(self.spacing_mm.prod() / 1000)

    def index_to_mm(self, index: np.ndarray) -> Points:
        """Centre of (fractional) voxel indices, shape (n, 3), in mm LPS."""
        return np.asarray(index) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def mm_to_index(self, points_mm: Points) -> np.ndarray:
        """Continuous voxel index of positions in mm LPS, shape (n, 3); voxel v covers [v - 0.5, v + 0.5)."""
        inverse = np.linalg.inv(self.affine)
        return np.asarray(points_mm) @ inverse[:3, :3].T + inverse[:3, 3]


def holding_voxel(index: np.ndarray) -> np.ndarray:
    """The voxel that holds each continuous index, whole numbers of the same shape.

    A place on the face between two voxels belongs to the upper one, and so does what lies within 1e-4 of a voxel below
    the face: otherwise rounding of an affine would decide.

    >>> holding_voxel(np.array([0.49, 0.5 - 1e-9, 0.5, 1.2]))
    array([0, 1, 1, 1])
    """
    return np.floor(np.asarray(index) + (0.5 + 1e-4)).astype(np.int64)
