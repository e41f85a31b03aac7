"""What a NIfTI header says, checked before ITK reads the voxels.

ITK is silent where it matters: it fills a truncated file with zeros, takes the qform (or an identity) where
the sform is sheared, overrides the scale of the sform by `pixdim`, and reads NaN as zero. So the sform is read
here and is the authority, the number of bytes is compared with what the header promises, and floats are looked at.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.volume import RAS_TO_LPS, check_affine
from cardioscar.types import Affine

_CHUNK = 1 << 22


@dataclass(frozen=True)
class _Layout:
    """Places of the header fields: byte offset and `struct` format."""

    size: int
    dim: tuple[int, str]
    datatype: tuple[int, str]
    bitpix: tuple[int, str]
    vox_offset: tuple[int, str]
    units: tuple[int, str]
    qform_code: tuple[int, str]
    sform_code: tuple[int, str]
    sform: tuple[int, str]


# NIfTI-1 and NIfTI-2 standards (nifti.nimh.nih.gov), single file
_LAYOUTS = {
    348: _Layout(348, (40, "8h"), (70, "h"), (72, "h"), (108, "f"), (123, "b"), (252, "h"), (254, "h"), (280, "12f")),
    540: _Layout(540, (16, "8q"), (12, "h"), (14, "h"), (168, "q"), (500, "i"), (344, "i"), (348, "i"), (400, "12d")),
}
_FLOATS = {16: "f4", 64: "f8"}
_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # unknown, metre, millimetre, micrometre


@dataclass(frozen=True)
class NiftiHeader:
    """The part of a NIfTI header that places the image.

    Attributes:
        shape: Number of voxels along each axis, trailing axes of length one left out beyond the third.
        affine: Voxel index to mm LPS from the sform, or None where the file gives only a qform.
    """

    shape: tuple[int, ...]
    affine: Affine | None


def read_nifti_header(path: Path) -> NiftiHeader:
    """Read the header of a `.nii` or `.nii.gz` file and check that the voxels are all there.

    Args:
        path: Single-file NIfTI-1 or NIfTI-2.

    Returns:
        Shape and affine. Where both are given the sform wins over the qform.

    Raises:
        InputError: If the file is no NIfTI, not gzip although named so, damaged, truncated, or holds NaN or infinity.
        GeometryError: If the sform is not finite, singular or sheared, or the file states no orientation.
    """
    compressed = path.name.lower().endswith(".gz")
    try:
        with gzip.open(path) if compressed else path.open("rb") as stream:
            header, voxels = _parse(path.name, stream.read(540))
            stream.seek(0)
            present, nan, infinite = _scan(stream, voxels)
    except gzip.BadGzipFile as error:
        finding = "damaged gzip data" if "CRC" in str(error) or "length" in str(error) else "no gzip data"
        raise InputError(path.name, "a NIfTI image compressed by gzip", finding) from None
    except EOFError:
        raise InputError(path.name, "a complete file", "gzip data that end early (truncated)") from None
    except zlib.error:
        raise InputError(path.name, "a NIfTI image compressed by gzip", "damaged gzip data") from None
    if present < voxels.end:
        raise InputError(path.name, f"a complete file of {voxels.end} bytes", f"{present} (truncated)")
    if nan or infinite:
        finding = f"{nan} NaN and {infinite} infinite of {np.prod(header.shape)} voxels"
        raise InputError(path.name, "finite voxel values", finding)
    return header


@dataclass(frozen=True)
class _Voxels:
    """Where the voxels lie in the file, bytes, and their type where it is a floating one."""

    start: int
    end: int
    dtype: np.dtype | None


def _scan(stream: IO[bytes] | gzip.GzipFile, voxels: _Voxels) -> tuple[int, int, int]:
    """Length of the whole stream, and NaN and infinite voxels; reading to the end also verifies gzip's checksum."""
    length, nan, infinite = len(stream.read(voxels.start)), 0, 0
    while chunk := stream.read(_CHUNK):
        if voxels.dtype is not None and length < voxels.end:
            size = min(len(chunk), voxels.end - length)
            values = np.frombuffer(chunk, voxels.dtype, size // voxels.dtype.itemsize)
            nan += int(np.isnan(values).sum())
            infinite += int(np.isinf(values).sum())
        length += len(chunk)
    return length, nan, infinite


def _parse(where: str, raw: bytes) -> tuple[NiftiHeader, _Voxels]:
    order = next((o for o in "<>" if len(raw) >= 4 and struct.unpack_from(o + "i", raw)[0] in _LAYOUTS), None)
    if order is None:
        raise InputError(where, "a NIfTI image", "no NIfTI header")
    layout = _LAYOUTS[struct.unpack_from(order + "i", raw)[0]]
    if len(raw) < layout.size:
        raise InputError(where, f"a NIfTI header of {layout.size} bytes", f"{len(raw)} (truncated)")

    def field(place: tuple[int, str]) -> tuple:
        return struct.unpack_from(order + place[1], raw, place[0])

    n_axes, *lengths = field(layout.dim)
    if not 1 <= n_axes <= 7 or min(lengths[:n_axes]) < 1:
        raise InputError(where, "1 to 7 image axes of positive length", f"dimensions {(n_axes, *lengths)}")
    shape = tuple(int(n) for n in lengths[:n_axes])
    offset = max(int(field(layout.vox_offset)[0]), layout.size)
    end = offset + int(np.prod(shape, dtype=np.int64)) * field(layout.bitpix)[0] // 8
    kind = _FLOATS.get(field(layout.datatype)[0])
    voxels = _Voxels(offset, end, np.dtype(order + kind) if kind else None)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return NiftiHeader(shape, _sform(where, field, layout)), voxels


def _sform(where: str, field: Callable[[tuple[int, str]], tuple], layout: _Layout) -> Affine | None:
    if field(layout.sform_code)[0] <= 0:
        if field(layout.qform_code)[0] <= 0:
            raise GeometryError(where, "an orientation (sform or qform)", "none (both codes are 0)")
        return None
    ras = np.eye(4)
    ras[:3] = np.reshape(field(layout.sform), (3, 4))
    ras[:3] *= _MM_PER_UNIT.get(int(field(layout.units)[0]) & 7, 1.0)
    affine = RAS_TO_LPS @ ras
    check_affine(affine, where=where)
    return affine
