"""What a NIfTI header says, checked before ITK reads the voxels.

ITK is silent where it matters: it fills a truncated file with zeros, takes the qform (or an identity) where
the sform is sheared, and overrides the scale of the sform by `pixdim`. So the sform is read here and is the
authority, and the number of bytes is compared with what the header promises.
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
    bitpix: tuple[int, str]
    vox_offset: tuple[int, str]
    units: tuple[int, str]
    qform_code: tuple[int, str]
    sform_code: tuple[int, str]
    sform: tuple[int, str]


# NIfTI-1 and NIfTI-2 standards (nifti.nimh.nih.gov), single file
_LAYOUTS = {
    348: _Layout(348, (40, "8h"), (72, "h"), (108, "f"), (123, "b"), (252, "h"), (254, "h"), (280, "12f")),
    540: _Layout(540, (16, "8q"), (14, "h"), (168, "q"), (500, "i"), (344, "i"), (348, "i"), (400, "12d")),
}
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
        InputError: If the file is no NIfTI, not gzip although named so, damaged, or truncated.
        GeometryError: If the sform is not finite, singular or sheared, or the file states no orientation.
    """
    compressed = path.name.lower().endswith(".gz")
    try:
        with gzip.open(path) if compressed else path.open("rb") as stream:
            header, expected = _parse(path.name, stream.read(540))
            present = _length(stream)
    except gzip.BadGzipFile as error:
        finding = "damaged gzip data" if "CRC" in str(error) or "length" in str(error) else "no gzip data"
        raise InputError(path.name, "a NIfTI image compressed by gzip", finding) from None
    except EOFError:
        raise InputError(path.name, "a complete file", "gzip data that end early (truncated)") from None
    except zlib.error:
        raise InputError(path.name, "a NIfTI image compressed by gzip", "damaged gzip data") from None
    if present < expected:
        raise InputError(path.name, f"a complete file of {expected} bytes", f"{present} (truncated)")
    return header


def _length(stream: IO[bytes] | gzip.GzipFile) -> int:
    """Length of the whole stream; reading to the end also verifies gzip's checksum."""
    while stream.read(_CHUNK):
        pass
    return stream.tell()


def _parse(where: str, raw: bytes) -> tuple[NiftiHeader, int]:
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
    expected = offset + int(np.prod(shape, dtype=np.int64)) * field(layout.bitpix)[0] // 8
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return NiftiHeader(shape, _sform(where, field, layout)), expected


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
