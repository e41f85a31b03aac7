"""NRRD images, read."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from cardioscar.imaging.affine import check_affine
from cardioscar.imaging.formats.header_trust import (
    HeaderTrust,
    chosen_sizes,
    contradiction,
    same_sizes,
    stated_thickness,
)
from cardioscar.imaging.formats.nrrd_header import NrrdHeader, parse_nrrd
from cardioscar.imaging.formats.voxel_files import read_header, read_stored
from cardioscar.imaging.volume import Volume

log = logging.getLogger(__name__)


def read_nrrd(path: Path, trust: HeaderTrust = "agree") -> Volume:
    """Read an NRRD image.

    Args:
        path: `.nrrd` or `.nhdr`; voxels behind the header, or in files of its folder that it names.
        trust: Which statement of the header counts where they contradict each other.

    Raises:
        InputError: If the header is none, the voxels are missing, damaged, fewer or more than it says, or it names a
            file elsewhere.
        GeometryError: If it contradicts itself, or states no patient space, or one that is singular or sheared.
    """
    where = path.name
    header = parse_nrrd(where, read_header(path))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = header.directions_mm, header.origin_mm
    check_affine(affine, where=where)
    lengths = np.linalg.norm(header.directions_mm, axis=0)
    names = "space directions and spacings"
    sizes = chosen_sizes(where, lengths, header.spacings_mm, trust, names=names)
    affine[:3, :3] *= sizes / lengths
    _check_extents(where, header, sizes, trust)
    values = read_stored(
        path, header.text, header.shape, header.dtype, header.encoding,
        skip=header.skip, lines_skipped=header.lines_skipped,
    )  # fmt: skip
    if not header.has_origin:
        log.warning("%s states no place (space origin); its first voxel was put at the origin", where)
    thickness = stated_thickness(where, sizes, header.thicknesses_mm, trust, names="space directions and thicknesses")
    return Volume(values, affine, where, thickness)


def _check_extents(where: str, header: NrrdHeader, sizes_mm: np.ndarray, trust: HeaderTrust) -> None:
    """`axis mins` and `axis maxs` bound the voxels' centres or their sides, depending on the centering."""
    shape, known = np.array(header.shape), np.isfinite(header.extents_mm)
    if trust != "agree" or not known.any():
        return
    stated, sizes = header.extents_mm[known], sizes_mm[known]
    if not any(same_sizes(stated, sizes * (shape - less)[known]) for less in (0, 1)):
        finding = f"{stated.max():.4g} mm from end to end against {(sizes * shape[known]).max():.4g}"
        raise contradiction(where, "space directions and axis mins and maxs", finding, "sform")
