"""The affine of an image: from index to millimetres and back, for volumes, slices and cines alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from cardioscar.errors import GeometryError
from cardioscar.types import AffineMatrix, Points

SMALLEST_MM, FARTHEST_MM = 1e-6, 1e6
"""Shortest step, and largest number, of an affine: a kilometre from the scanner's centre no heart lies."""


@dataclass(frozen=True, eq=False)
class Affine:
    """A map from index to the LPS frame in mm, and what follows from it.

    Attributes:
        matrix: Homogeneous matrix, shape (4, 4): its columns are the steps along i, j and k, and the centre of the
            first voxel, in mm.

    Examples:
        >>> frame = Affine(np.array([[0, 2.0, 0, 5], [3, 0, 0, 0], [0, 0, 8, -4], [0, 0, 0, 1]]))
        >>> frame.index_to_mm([[1, 1, 0]])
        array([[ 7.,  3., -4.]])
        >>> frame.mm_to_index([[7, 3, -4]])
        array([[1., 1., 0.]])
        >>> frame.spacing_mm, round(frame.voxel_ml, 3)
        (array([3., 2., 8.]), 0.048)
        >>> frame.normal(2)
        array([0., 0., 1.])
        >>> (frame @ np.diag([2.0, 1, 1, 1])).spacing_mm
        array([6., 2., 8.])
    """

    matrix: AffineMatrix

    @cached_property
    def inverse(self) -> AffineMatrix:
        """Homogeneous matrix from mm to index, shape (4, 4)."""
        return np.linalg.inv(self.matrix)

    @cached_property
    def spacing_mm(self) -> Float[np.ndarray, " axes"]:
        """Length of one step along each axis in mm, shape (3,)."""
        return np.linalg.norm(self.matrix[:3, :3], axis=0)

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in ml."""
        return float(abs(np.linalg.det(self.matrix[:3, :3]))) / 1000

    @property
    def directions(self) -> Float[np.ndarray, "3 axes"]:
        """Unit vectors along the axes, one a column, shape (3, 3)."""
        return self.matrix[:3, :3] / self.spacing_mm

    def normal(self, axis: int) -> Float[np.ndarray, " xyz"]:
        """Unit vector along an axis, the normal of the slices across it, shape (3,)."""
        return self.matrix[:3, axis] / np.linalg.norm(self.matrix[:3, axis])

    def index_to_mm(self, index: np.ndarray | list[list[float]]) -> Points:
        """Positions in mm of (fractional) indices, shape (n, 3).

        Indices of two columns lie in the plane of the first slice.
        """
        found = np.asarray(index)
        axes = found.shape[-1]
        return np.asarray(found @ self.matrix[:3, :axes].T + self.matrix[:3, 3])

    def mm_to_index(self, points_mm: Points | list[list[float]]) -> Points:
        """Continuous index of positions in mm, shape (n, 3); voxel v covers [v - 0.5, v + 0.5)."""
        return np.asarray(np.asarray(points_mm) @ self.inverse[:3, :3].T + self.inverse[:3, 3])

    def __matmul__(self, other: Affine | AffineMatrix) -> Affine:
        """The map that goes through `other` first: from another grid's index to this one's, then to mm."""
        return Affine(self.matrix @ (other.matrix if isinstance(other, Affine) else other))


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
