"""Where a NIfTI image lies: the frame that its header states, or contradicting ones refused."""

from __future__ import annotations

import numpy as np

from cardioscar.errors import GeometryError
from cardioscar.imaging.affine import FARTHEST_MM, check_affine
from cardioscar.imaging.formats.header_trust import (
    SHIFT_TOLERANCE_VOXELS,
    TURN_TOLERANCE_DEG,
    HeaderTrust,
    chosen_sizes,
    contradiction,
    frames_apart,
)
from cardioscar.imaging.formats.nifti_header import NiftiHeader
from cardioscar.imaging.volume import RAS_TO_LPS
from cardioscar.types import AffineMatrix


def nifti_affine(where: str, header: NiftiHeader, trust: HeaderTrust = "agree") -> AffineMatrix:
    """The affine of a NIfTI image.

    The sform counts where it is valid, the qform elsewhere; of the other nothing is heeded if its code is 0. Lengths of
    the sform's columns must be those of `pixdim`. Where both forms are valid they must place every voxel within
    `SHIFT_TOLERANCE_VOXELS` of each other, and turn no axis by more than `TURN_TOLERANCE_DEG`: the standard lets them
    mean different spaces, and then the file does not say in which of them a mesh lies.

    Args:
        where: File name, for errors.
        header: What the header states.
        trust: Which statement counts where they contradict each other.

    Returns:
        Voxel index to mm LPS.

    Raises:
        GeometryError: If statements contradict each other and the trust does not settle it; if the frame is not finite,
            singular or sheared.
    """
    if header.sform_ras is None or (trust == "qform" and header.quaternion is not None):
        return _qform(where, header)
    affine = _lps(np.vstack([header.sform_ras, [0, 0, 0, 1]]))
    check_affine(affine, where=where)
    lengths, stated = np.linalg.norm(affine[:3, :3], axis=0), header.pixdim_mm
    if not np.isfinite(stated).all():
        raise GeometryError(where, "finite voxel sizes (pixdim)", "others")
    choices = "sform, qform or pixdim" if header.quaternion is not None else "sform or pixdim"
    stated = np.where(stated == 0, np.nan, stated)  # not set
    sizes = chosen_sizes(where, lengths, stated, trust, names="sform and pixdim", choices=choices)
    affine[:3, :3] *= sizes / lengths
    if header.quaternion is not None and trust != "sform":
        _check_forms(where, affine, header)
    return affine


def _qform(where: str, header: NiftiHeader) -> AffineMatrix:
    """Method 2 of the standard."""
    sizes = header.pixdim_mm
    if not np.isfinite(sizes).all() or sizes.min() <= 0:
        raise GeometryError(where, "positive voxel sizes (pixdim)", "others")
    affine = _turned(header, sizes)
    check_affine(affine, where=where)
    return affine


def _turned(header: NiftiHeader, sizes_mm: np.ndarray) -> AffineMatrix:
    """Rotation and offset of the qform with voxels of some size; NaN where its quaternion is none."""
    assert header.quaternion is not None
    assert header.offset_mm is not None
    b, c, d = map(float, header.quaternion)
    length = b * b + c * c + d * d
    # float32 may exceed one by a little where the turn is by 180°
    scale = np.sqrt(max(length, 1.0)) if length <= 1 + 1e-4 else np.nan
    b, c, d, a = b / scale, c / scale, d / scale, np.sqrt(max(1.0 - length, 0.0))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    ras = np.eye(4)
    ras[:3, :3] = turn * sizes_mm * [1, 1, header.handedness]
    ras[:3, 3] = header.offset_mm
    return _lps(ras)


def _lps(ras: AffineMatrix) -> AffineMatrix:
    """Signs of rows alone, so that what is not finite stays where it is."""
    return np.asarray(ras * np.diag(RAS_TO_LPS)[:, None] + 0.0)  # no zero has a sign


def _check_forms(where: str, sform: AffineMatrix, header: NiftiHeader) -> None:
    """Compare directions and places; sizes have been."""
    sizes = np.linalg.norm(sform[:3, :3], axis=0)
    qform = _turned(header, sizes)
    if not np.isfinite(qform).all() or np.abs(qform).max() > FARTHEST_MM:
        raise contradiction(where, "sform and qform", "a qform that is no frame", "sform")
    distance_mm, angle_deg = frames_apart(sform, qform, header.shape)
    if distance_mm > SHIFT_TOLERANCE_VOXELS * sizes.min() or angle_deg > TURN_TOLERANCE_DEG:
        finding = f"the same voxel up to {distance_mm:.1f} mm apart, axes up to {angle_deg:.1f}°"
        raise contradiction(where, "sform and qform", finding, "sform or qform")
