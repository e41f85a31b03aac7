"""Headers that state the geometry twice: where the statements agree, and which one counts where they do not.

Every format can say the size of a voxel more than once. A program that changes one statement and forgets the other
leaves a file that reads well and is wrong: EMIDEC's images have a unit matrix beside the right `pixdim`. Which one is
right cannot be told from the file, so a contradiction is refused unless somebody says which to believe.
"""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np

from cardioscar.errors import GeometryError
from cardioscar.imaging.affine import FARTHEST_MM, SMALLEST_MM
from cardioscar.imaging.slices import through_axis
from cardioscar.types import AffineMatrix

HeaderTrust = Literal["agree", "sform", "qform", "pixdim"]
"""Which statement of an image header counts where two contradict each other.

In NIfTI's words; the other formats have their own for the same thing:

- `agree`: none, a contradiction is refused.
- `sform`: the matrix that places voxels (NRRD `space directions`, MetaImage `TransformMatrix`, DICOM positions).
- `qform`: NIfTI's rotation, with the sizes of `pixdim`.
- `pixdim`: directions as the matrix (else the rotation) says, and the sizes stated beside it (NRRD `spacings`,
  MetaImage `ElementSpacing`, DICOM `SpacingBetweenSlices`).
"""

SPACING_TOLERANCE = 0.005
"""Part of a voxel's size by which two statements may differ: more than float32 and two written decimals lose."""
TURN_TOLERANCE_DEG = 1.0
"""Largest angle between the axes of two frames of one image."""
SHIFT_TOLERANCE_VOXELS = 1.0
"""Largest distance between two places of one voxel, in edges of the smallest voxel side."""

THINNEST, THICKEST = 4.0, 2.5
"""Slices thinner than their distance by more than the first factor, or thicker by more than the second, are odd."""

log = logging.getLogger(__name__)


def same_sizes(a_mm: np.ndarray, b_mm: np.ndarray) -> bool:
    """Whether two statements of the voxel size agree within `SPACING_TOLERANCE`, both shape (axes)."""
    return bool((np.abs(a_mm - b_mm) <= SPACING_TOLERANCE * np.maximum(np.abs(a_mm), np.abs(b_mm))).all())


def sizes_text(sizes_mm: np.ndarray) -> str:
    """Sizes for a message.

    >>> sizes_text(np.array([1.40625, 1.40625, 13.0]))
    '1.406×1.406×13 mm'
    """
    return "×".join(f"{size:.4g}" for size in sizes_mm) + " mm"


def contradiction(where: str, names: str, finding: str, choices: str = "sform or pixdim") -> GeometryError:
    """The error of a header whose statements contradict each other.

    Args:
        where: File name.
        names: The two statements, in the format's words: `sform and pixdim`.
        finding: What both say.
        choices: Values of `header_trust` that would settle it.
    """
    return GeometryError(where, f"{names} that agree (header_trust: {choices} says which one counts)", finding)


def chosen_sizes(
    where: str,
    matrix_mm: np.ndarray,
    stated_mm: np.ndarray,
    trust: HeaderTrust,
    *,
    names: str,
    choices: str = "sform or pixdim",
) -> np.ndarray:
    """The voxel sizes that count, of those in the matrix and those stated beside it.

    Args:
        where: File name, for errors.
        matrix_mm: Lengths of the matrix's columns, shape (3,); NaN where it says nothing.
        stated_mm: Sizes stated beside it, shape (3,); NaN where nothing is stated.
        trust: Which of them counts where they differ.
        names: What the format calls the two, for the error.
        choices: Values of `header_trust` that would settle a contradiction.

    Returns:
        The sizes of the matrix where the two agree, whatever the trust: they have more digits.

    Raises:
        GeometryError: If they differ by more than `SPACING_TOLERANCE`, and the trust is in neither, or in impossible
            ones.
    """
    known = np.isfinite(stated_mm)
    if same_sizes(matrix_mm[known], stated_mm[known]) or trust == "sform":
        return matrix_mm
    if trust in ("pixdim", "qform") and trust in choices:
        if not ((stated_mm[known] >= SMALLEST_MM) & (stated_mm[known] <= FARTHEST_MM)).all():
            raise GeometryError(where, f"voxel sizes of {SMALLEST_MM:g} to {FARTHEST_MM:g} mm", "others")
        return np.where(known, stated_mm, matrix_mm)
    stated = np.where(known, stated_mm, matrix_mm)
    raise contradiction(where, names, f"voxels of {sizes_text(matrix_mm)} against {sizes_text(stated)}", choices)


def stated_thickness(
    where: str, sizes_mm: np.ndarray, own_mm: np.ndarray, trust: HeaderTrust, *, names: str
) -> float | None:
    """Thickness of the slices, where a header says what a voxel shows along each axis.

    Args:
        where: File name, for errors.
        sizes_mm: Distance of voxels along each axis, shape (3,).
        own_mm: What a voxel shows along each axis, shape (3,); NaN where nothing is stated.
        trust: Anything but `agree` passes over what contradicts the distances.
        names: What the format calls the two, for the error.

    Returns:
        Millimetres along the axis through the slices; None where nothing (else) is stated.

    Raises:
        GeometryError: If pixels are of another size than their distance, or the thickness is not positive.
    """
    through = through_axis(sizes_mm)
    in_plane = [axis for axis in range(3) if axis != through and np.isfinite(own_mm[axis])]
    agrees = same_sizes(sizes_mm[in_plane], own_mm[in_plane]) and not own_mm[through] <= 0
    if not agrees and trust == "agree":
        stated = np.where(np.isfinite(own_mm), own_mm, sizes_mm)
        raise contradiction(where, names, f"voxels of {sizes_text(sizes_mm)} against {sizes_text(stated)}")
    if not agrees or not np.isfinite(own_mm[through]):
        return None
    say_odd_thickness(where, float(own_mm[through]), float(sizes_mm[through]))
    return float(own_mm[through])


def say_odd_thickness(where: str, thickness_mm: float, distance_mm: float) -> None:
    """Warn of slices that are much thicker than their distance, or much thinner: one of the two may be wrong."""
    if not distance_mm / THINNEST <= thickness_mm <= THICKEST * distance_mm:
        log.warning("%s states slices of %.3g mm that lie %.3g mm apart", where, thickness_mm, distance_mm)


def frames_apart(a: AffineMatrix, b: AffineMatrix, shape: tuple[int, ...]) -> tuple[float, float]:
    """How far two frames of one image lie apart.

    Args:
        a: Index to millimetres, shape (4, 4), of the first.
        b: Of the second.
        shape: Voxels along i, j, k.

    Returns:
        Largest distance between the two places of a voxel in mm, and the largest angle between an axis and its like in
        degrees.
    """
    ends = np.array([[i, j, k, 1] for i in (0, shape[0] - 1) for j in (0, shape[1] - 1) for k in (0, shape[2] - 1)])
    distance_mm = np.linalg.norm((ends @ (a - b).T)[:, :3], axis=1).max()
    axes = [frame[:3, :3] / np.linalg.norm(frame[:3, :3], axis=0) for frame in (a, b)]
    cosines = np.clip((axes[0] * axes[1]).sum(axis=0), -1, 1)
    return float(distance_mm), float(np.degrees(np.arccos(cosines)).max())
