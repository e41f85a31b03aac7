"""MetaImages (`.mha`, `.mhd`), read."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from cardioscar.imaging.affine import check_affine
from cardioscar.imaging.formats.header_trust import HeaderTrust, contradiction, same_sizes, sizes_text, stated_thickness
from cardioscar.imaging.formats.metaimage_header import MetaImageHeader, parse_metaimage
from cardioscar.imaging.formats.voxel_files import read_header, read_stored
from cardioscar.imaging.volume import Volume

log = logging.getLogger(__name__)

_AXIS_OF = {"R": 0, "L": 0, "A": 1, "P": 1, "I": 2, "S": 2}
_ALONG = 0.9
"""Cosine from which an axis runs along one of the patient's."""


def read_metaimage(path: Path, trust: HeaderTrust = "agree") -> Volume:
    """Read a MetaImage.

    Args:
        path: `.mha` or `.mhd`; voxels behind the header, or in files of its folder that it names.
        trust: Which statement of the header counts where they contradict each other.

    Returns:
        Values as stored; float64 where the header scales them.

    Raises:
        InputError: If the header is none, the voxels are missing, damaged, fewer or more than it says, or it names a
            file elsewhere.
        GeometryError: If it contradicts itself, or its frame is singular or sheared.
    """
    where = path.name
    header = parse_metaimage(where, read_header(path))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = header.directions * header.spacing_mm, header.origin_mm
    check_affine(affine, where=where)
    lengths = np.linalg.norm(header.directions, axis=0)
    sizes = _sizes(where, header, lengths, trust)
    affine[:3, :3] = header.directions / lengths * sizes
    values = read_stored(
        path, header.text, header.shape, header.dtype, header.encoding,
        skip=header.skip, packed_bytes=header.packed_bytes,
    )  # fmt: skip
    if (header.slope, header.intercept) != (1.0, 0.0):
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused
            values = values * header.slope + header.intercept
    _say_doubts(where, header)
    thickness = stated_thickness(where, sizes, header.sizes_mm, trust, names="ElementSpacing and ElementSize")
    return Volume(values, affine, where, thickness)


def _sizes(where: str, header: MetaImageHeader, lengths: np.ndarray, trust: HeaderTrust) -> np.ndarray:
    """A matrix of unit vectors says nothing of sizes. One of others says them a second time, or scales them again."""
    if same_sizes(lengths, np.ones(3)) or trust == "pixdim":
        return header.spacing_mm
    if trust == "sform":
        return lengths
    finding = f"voxels of {sizes_text(lengths)} against {sizes_text(header.spacing_mm)}"
    raise contradiction(where, "TransformMatrix and ElementSpacing", finding)


def _say_doubts(where: str, header: MetaImageHeader) -> None:
    if not header.has_directions:
        log.warning("%s states no axes (TransformMatrix); they were taken for left, posterior and superior", where)
    if not header.has_origin:
        log.warning("%s states no place (Offset); its first voxel was put at the origin", where)
    if (header.slope, header.intercept) != (1.0, 0.0):
        log.warning("%s scales its voxels by a slope and an offset, which many programs pass over", where)
    letters = [_AXIS_OF.get(letter) for letter in header.anatomical]
    cosines = np.abs(header.directions / np.linalg.norm(header.directions, axis=0))
    if len(letters) == 3 and None not in letters:
        apart = [
            axis for axis in range(3) if cosines[:, axis].max() > _ALONG and cosines[:, axis].argmax() != letters[axis]
        ]
        if apart:
            log.warning("%s names other axes in AnatomicalOrientation than in TransformMatrix, which was taken", where)
