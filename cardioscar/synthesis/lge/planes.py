"""Where the slices of a picture lie in a heart, and where in the patient that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from cardioscar.imaging.affine import Affine

HEART_IN_PATIENT = np.array([[-1, 1, -1], [-1, -1, 1], [0, 2, 1]]) / np.array([np.sqrt(2), np.sqrt(6), np.sqrt(3)])
"""Axes of an average heart in LPS, one a column: to the septum, to the anterior wall, from apex to base."""


@dataclass(frozen=True)
class Planes:
    """Parallel slices across the long axis.

    Attributes:
        shape: Pixels along i and j, and slices.
        frame: From index to the ventricle's frame in mm (x septum, y anterior, z apex to base).
        thickness_mm: Thickness of a slice.
        shifts_mm: How far the heart had moved in the plane when each slice was taken, shape (slices, 2).
    """

    shape: tuple[int, int, int]
    frame: Affine
    thickness_mm: float
    shifts_mm: np.ndarray

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """Pixel size along i and j."""
        i, j, _ = self.frame.spacing_mm
        return float(i), float(j)

    @property
    def affine(self) -> np.ndarray:
        """From index to millimetres in an average patient, LPS, shape (4, 4)."""
        placed = np.eye(4)
        placed[:3, :3] = HEART_IN_PATIENT
        return placed @ self.frame.matrix

    def points_mm(
        self, k: int, through: float = 0.0, rows: slice = slice(None), columns: slice = slice(None)
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pixel centres of a slice in the ventricle's frame.

        Args:
            k: Slice.
            through: Place through the slice, in thicknesses from its middle.
            rows: Part of the picture along i.
            columns: Part along j.

        Returns:
            x, y and z in mm, shape (i, j) each, float32.
        """
        matrix, distance = self.frame.matrix, self.frame.spacing_mm[2]
        i = np.arange(self.shape[0], dtype=np.float32)[rows]
        j = np.arange(self.shape[1], dtype=np.float32)[columns]
        moved = np.zeros(4)
        moved[:2] = self.shifts_mm[k] / self.frame.spacing_mm[:2]
        start = matrix[:3] @ (np.array([0, 0, k + through * self.thickness_mm / distance, 1]) + moved)
        steps = matrix[:3, :2].astype(np.float32)
        x, y, z = (
            np.float32(start[axis]) + (steps[axis, 0] * i)[:, None] + (steps[axis, 1] * j)[None, :] for axis in range(3)
        )
        return x, y, z


def draw_planes(
    rng: np.random.Generator,
    *,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    thickness_mm: float,
    middle_mm: float,
    off_center_mm: float,
) -> Planes:
    """Draw slices in any in-plane orientation, somewhat tilted against the axis.

    Args:
        rng: Source of the draw.
        shape: Pixels along i and j, and slices.
        spacing_mm: Pixel size along i and j, and distance between slices.
        thickness_mm: Thickness of a slice.
        middle_mm: Where the middle of the slices meets the heart's axis, mm from the apex.
        off_center_mm: Deviation of the heart's axis from the picture's middle.
    """
    tilt = Rotation.from_rotvec([*np.radians(rng.normal(0, 4, 2)), 0])
    turn = Rotation.from_rotvec([0, 0, rng.uniform(-np.pi, np.pi)])
    axes = (tilt * turn).as_matrix()
    if rng.random() < 0.5:
        axes[:, 0] *= -1  # seen from the base
    matrix = np.eye(4)
    matrix[:3, :3] = axes * np.asarray(spacing_mm)
    # far enough from the edge that half of the ventricle stays in the picture
    far = 0.35 * np.array(shape[:2]) * spacing_mm[:2]
    off = np.clip(rng.normal(0, off_center_mm, 2), -far, far) / spacing_mm[:2]
    center = np.array([*((np.array(shape[:2]) - 1) / 2 + off), (shape[2] - 1) / 2])
    matrix[:3, 3] = np.array([0, 0, middle_mm]) - matrix[:3, :3] @ center
    shifts = rng.normal(0, rng.uniform(0, 1.5), (shape[2], 2))
    return Planes(shape, Affine(matrix), thickness_mm, shifts)
