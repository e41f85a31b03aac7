"""NIfTI images, version 1 and 2, read."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.formats.nifti_frame import nifti_affine
from cardioscar.imaging.formats.nifti_header import HEADER_BYTES, NiftiHeader, parse_nifti_header
from cardioscar.imaging.formats.voxel_bytes import Packing, read_beginning, read_exactly
from cardioscar.imaging.volume import Volume

log = logging.getLogger(__name__)

_KIND = "a NIfTI image"


def read_nifti(path: Path, trust: HeaderTrust = "agree") -> Volume:
    """Read a `.nii` or `.nii.gz` file.

    Args:
        path: Single-file NIfTI-1 or NIfTI-2.
        trust: Which statement of the header counts where they contradict each other.

    Returns:
        Values as stored; where a slope scales them float32, or float64 if the stored numbers have 32 bits or more and
        are no float32.

    Raises:
        InputError: If the file is no NIfTI, not gzip although named so, damaged, truncated, longer than its header
            says, or not 3D.
        GeometryError: If the header contradicts itself, or its frame is missing, not finite, singular or sheared.
    """
    where = path.name
    packing: Packing = "gzip" if where.lower().endswith(".gz") else "raw"
    header = parse_nifti_header(where, read_beginning(path, HEADER_BYTES, packing, where=where, kind=_KIND))
    affine = nifti_affine(where, header, trust)
    start = header.first_byte
    if packing == "raw":
        data, start = read_exactly(path, start, header.n_bytes, packing, where=where), 0
    else:
        data = read_exactly(path, 0, start + header.n_bytes, packing, where=where, kind=_KIND)
    stored = np.frombuffer(data, header.dtype, offset=start).reshape(header.shape, order="F")
    return Volume(_scaled(where, stored, header), affine, where)


def _scaled(where: str, stored: np.ndarray, header: NiftiHeader) -> np.ndarray:
    if header.unscaled:
        log.warning("%s states a scale that is no number; its voxels are taken as they are stored", where)
    native = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    if (header.slope, header.intercept) == (1.0, 0.0):
        return native
    precise = native.dtype.itemsize > 2 and native.dtype != np.float32
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused
        scaled = native.astype(np.float64) * header.slope + header.intercept
        return scaled if precise else scaled.astype(np.float32)
