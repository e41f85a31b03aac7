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
from cardioscar.types import AffineMatrix

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
    header = _header(path)
    affine = nifti_affine(path.name, header, trust)
    return Volume(_voxels(path, header).reshape(header.shape, order="F"), affine, path.name)


def read_nifti_cine(path: Path, trust: HeaderTrust = "agree") -> tuple[np.ndarray, AffineMatrix, NiftiHeader]:
    """Read a `.nii` or `.nii.gz` file of four axes, the last of them time.

    Args:
        path: Single-file NIfTI-1 or NIfTI-2.
        trust: As for `read_nifti`.

    Returns:
        Values, shape (i, j, k, frames), of the types of `read_nifti`; voxel index to mm LPS; and the header, whose
        times are as they are stated.

    Raises:
        InputError: As `read_nifti` does, or if there are fewer or more than four axes, or one frame.
        GeometryError: As `read_nifti` does.
    """
    header = _header(path, cine=True)
    affine = nifti_affine(path.name, header, trust)
    return _voxels(path, header).reshape((*header.shape, header.frames), order="F"), affine, header


def _header(path: Path, *, cine: bool = False) -> NiftiHeader:
    data = read_beginning(path, HEADER_BYTES, _packing(path), where=path.name, kind=_KIND)
    return parse_nifti_header(path.name, data, cine=cine)


def _packing(path: Path) -> Packing:
    return "gzip" if path.name.lower().endswith(".gz") else "raw"


def _voxels(path: Path, header: NiftiHeader) -> np.ndarray:
    """Numbers in the order of the file, scaled."""
    where, packing = path.name, _packing(path)
    start = header.first_byte
    if packing == "raw":
        data, start = read_exactly(path, start, header.n_bytes, packing, where=where), 0
    else:
        data = read_exactly(path, 0, start + header.n_bytes, packing, where=where, kind=_KIND)
    return _scaled(where, np.frombuffer(data, header.dtype, offset=start), header)


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
