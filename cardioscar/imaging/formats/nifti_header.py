"""What a NIfTI header says: sizes, voxel type, scale, and the frames that it states.

Headers are read here and not by a library, because libraries are silent where it matters: they fill truncated files
with zeros, take the qform where the sform is sheared, trust `bitpix` here and `datatype` there, and choose among
contradicting frames without a word.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.voxel_bytes import check_cine_dimensions, check_dimensions, count_voxels

HEADER_BYTES = 544
"""Bytes from the beginning of a file that hold the header of either version."""


@dataclass(frozen=True)
class _Layout:
    """Places of the header fields: byte offset and `struct` format."""

    size: int
    first_voxel: int
    magic: tuple[int, str]
    dim: tuple[int, str]
    datatype: tuple[int, str]
    bitpix: tuple[int, str]
    pixdim: tuple[int, str]
    vox_offset: tuple[int, str]
    scale: tuple[int, str]
    units: tuple[int, str]
    first_time: tuple[int, str]
    qform_code: tuple[int, str]
    sform_code: tuple[int, str]
    qform: tuple[int, str]
    sform: tuple[int, str]


# NIfTI-1 and NIfTI-2 standards (nifti.nimh.nih.gov), single file
_LAYOUTS = {
    348: _Layout(
        348, 352, (344, "4s"), (40, "8h"), (70, "h"), (72, "h"), (76, "8f"), (108, "f"), (112, "2f"), (123, "B"),
        (136, "f"), (252, "h"), (254, "h"), (256, "6f"), (280, "12f"),
    ),
    540: _Layout(
        540, 544, (4, "8s"), (16, "8q"), (12, "h"), (14, "h"), (104, "8d"), (168, "q"), (176, "2d"), (500, "i"),
        (224, "d"), (344, "i"), (348, "i"), (352, "6d"), (400, "12d"),
    ),
}  # fmt: skip
_SINGLE_FILE = (b"n+1\0", b"n+2\0\r\n\032\n")
_PAIR = (b"ni1\0", b"ni2\0\r\n\032\n")

_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_OTHER_TYPES = {
    1: "bits", 32: "complex numbers", 128: "colours", 1536: "128-bit numbers", 1792: "complex numbers",
    2048: "complex numbers", 2304: "colours",
}  # fmt: skip
_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # unknown, metre, millimetre, micrometre
_LARGEST_EXTENSION = 1 << 26
"""Bytes that extensions between header and voxels may take (a DICOM header, XML)."""


@dataclass(frozen=True)
class NiftiHeader:
    """The part of a NIfTI header that says where and what the voxels are; lengths in mm, RAS as in the file.

    Attributes:
        shape: Voxels along i, j, k.
        dtype: Type of the stored numbers, byte order included.
        first_byte: Where the voxels begin.
        slope: Factor of the stored numbers; 1 where nothing is scaled.
        intercept: What is added to them.
        unscaled: Whether the file states a slope or intercept that is no finite number, which is not heeded.
        pixdim_mm: Stated voxel sizes, shape (3,).
        handedness: 1, or −1 where the rotation mirrors k.
        quaternion: b, c, d of the rotation; None where the qform's code is 0.
        offset_mm: Place of the first voxel by the qform; None likewise.
        sform_ras: Rows of the affine, shape (3, 4); None where the sform's code is 0.
        frames: Images in time; 1 where a single one was asked for.
        frame_step: Stated time from frame to frame, in the unit of `time_code`.
        first_time: Stated time of the first frame, in the same unit.
        time_code: NIfTI's code of the unit of time: 0 none, 8 s, 16 ms, 24 µs; others are no times.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype
    first_byte: int
    slope: float
    intercept: float
    unscaled: bool
    pixdim_mm: np.ndarray
    handedness: float
    quaternion: np.ndarray | None
    offset_mm: np.ndarray | None
    sform_ras: np.ndarray | None
    frames: int = 1
    frame_step: float = 0.0
    first_time: float = 0.0
    time_code: int = 0

    @property
    def n_bytes(self) -> int:
        """Bytes that the voxels take."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.frames * self.dtype.itemsize


def parse_nifti_header(where: str, raw: bytes, *, cine: bool = False) -> NiftiHeader:
    """Read the header of a single-file NIfTI-1 or NIfTI-2 image.

    Args:
        where: File name, for errors.
        raw: The first `HEADER_BYTES` of the file.
        cine: The image has a fourth axis, of time; else it must have none.

    Raises:
        InputError: If it is no NIfTI, or of a kind that cannot be read; if fields contradict each other; if the image
            is not 3D (4D for a cine) or impossibly large.
        GeometryError: If no orientation is stated.
    """
    order = next((o for o in "<>" if len(raw) >= 4 and struct.unpack_from(o + "i", raw)[0] in _LAYOUTS), None)
    if order is None:
        raise InputError(where, "a NIfTI image", "no NIfTI header")
    layout = _LAYOUTS[struct.unpack_from(order + "i", raw)[0]]
    if len(raw) < layout.size:
        raise InputError(where, f"a NIfTI header of {layout.size} bytes", f"{len(raw)} (truncated)")

    def field(place: tuple[int, str]) -> tuple:
        return struct.unpack_from(order + place[1], raw, place[0])

    magic = field(layout.magic)[0]
    if magic not in _SINGLE_FILE:
        finding = "the header of a pair (.hdr and .img)" if magic in _PAIR else "a header without NIfTI's mark"
        raise InputError(where, "a NIfTI image in one file", finding)
    shape, dtype = _shape(where, field(layout.dim), cine=cine), _dtype(where, field, layout, order)
    scale, mm = field(layout.scale), _MM_PER_UNIT.get(int(field(layout.units)[0]) & 7, 1.0)
    sform = np.reshape(field(layout.sform), (3, 4)) * mm if field(layout.sform_code)[0] > 0 else None
    has_qform = field(layout.qform_code)[0] > 0
    if sform is None and not has_qform:
        raise GeometryError(where, "an orientation (sform or qform)", "none (both codes are 0)")
    qform, pixdim = np.array(field(layout.qform), float), field(layout.pixdim)
    heeded = bool(np.isfinite(scale[0])) and scale[0] != 0  # the standard: a slope of 0 scales nothing
    return NiftiHeader(
        shape=(shape[0], shape[1], shape[2]),
        dtype=dtype,
        first_byte=_first_byte(where, field(layout.vox_offset)[0], layout),
        slope=float(scale[0]) if heeded else 1.0,
        intercept=float(scale[1]) if heeded and np.isfinite(scale[1]) else 0.0,
        unscaled=not np.isfinite(scale).all(),
        pixdim_mm=np.abs(np.array(pixdim[1:4], float)) * mm,
        handedness=-1.0 if pixdim[0] < 0 else 1.0,
        quaternion=qform[:3] if has_qform else None,
        offset_mm=qform[3:] * mm if has_qform else None,
        sform_ras=sform,
        frames=shape[3] if cine else 1,
        frame_step=float(pixdim[4]),
        first_time=float(field(layout.first_time)[0]),
        time_code=int(field(layout.units)[0]) & 0x38,
    )


def _shape(where: str, dim: tuple[int, ...], *, cine: bool) -> tuple[int, ...]:
    n_axes, *lengths = dim
    if not 1 <= n_axes <= 7 or min(lengths[:n_axes]) < 1:
        raise InputError(where, "1 to 7 image axes of positive length", f"dimensions {tuple(dim)}")
    shape = (check_cine_dimensions if cine else check_dimensions)(where, lengths[:n_axes])
    count_voxels(where, shape)
    return shape


def _dtype(where: str, field: Callable[[tuple[int, str]], tuple], layout: _Layout, order: str) -> np.dtype:
    code, bits = field(layout.datatype)[0], field(layout.bitpix)[0]
    if code not in _TYPES:
        raise InputError(where, "one real number a voxel", _OTHER_TYPES.get(code, f"datatype {code}"))
    dtype = np.dtype(order + _TYPES[code])
    if bits != 8 * dtype.itemsize:
        raise InputError(where, f"{8 * dtype.itemsize} bits a voxel for datatype {code}", f"bitpix {bits}")
    return dtype


def _first_byte(where: str, stated: float, layout: _Layout) -> int:
    if stated == 0:  # not set
        return layout.first_voxel
    if not layout.first_voxel <= stated <= layout.first_voxel + _LARGEST_EXTENSION or stated != int(stated):
        raise InputError(where, f"voxels that begin at byte {layout.first_voxel} or soon after", f"byte {stated:g}")
    return int(stated)
