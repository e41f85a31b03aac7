"""What a MetaImage header says (itk.org/Wiki/ITK/MetaIO/Documentation).

Fields are known by name whatever their case and blanks, and each may stand once; `Offset`, `Position` and `Origin` are
one field, as are `TransformMatrix`, `Rotation` and `Orientation`. Keys of others are passed over, as the format allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.header_text import (
    TextHeader,
    files_named,
    header_numbers,
    lines_of,
    plain,
    whole_number,
    whole_numbers,
)
from cardioscar.imaging.formats.voxel_bytes import check_dimensions, count_voxels

_NAMES = (
    "ObjectType", "NDims", "BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB", "CompressedData",
    "CompressedDataSize", "Offset", "Position", "Origin", "TransformMatrix", "Rotation", "Orientation",
    "AnatomicalOrientation", "DistanceUnits", "ElementSpacing", "ElementSize", "DimSize", "HeaderSize",
    "HeaderSizePerSlice", "ElementNumberOfChannels", "ElementToIntensityFunctionSlope",
    "ElementToIntensityFunctionOffset", "ElementType", "ElementDataFile",
)  # fmt: skip
_FIELDS = {name.lower(): name for name in _NAMES}
_PLACES = ("Offset", "Position", "Origin")
_TURNS = ("TransformMatrix", "Rotation", "Orientation")
_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip
_MM_PER_UNIT = {"mm": 1.0, "cm": 10.0, "um": 0.001, "": 1.0, "?": 1.0}


@dataclass(frozen=True)
class MetaImageHeader:
    """What of a MetaImage header says where and what the voxels are; lengths in mm, LPS.

    Attributes:
        text: Its lines.
        shape: Voxels along i, j, k.
        dtype: Type of the stored numbers, byte order included.
        encoding: `raw`, `zlib` or `text`.
        packed_bytes: Length of packed voxels, where it is stated.
        skip: Bytes before the voxels; −1 where these end the file.
        directions: Steps along the axes, shape (3, 3), in columns; unit vectors, or they contradict the spacing.
        has_directions: Whether they are stated; those of the patient otherwise.
        origin_mm: Place of the first voxel.
        has_origin: Whether it is stated; zero otherwise.
        spacing_mm: Distance of voxels along each axis.
        sizes_mm: Size of what a voxel shows along each axis, NaN where it is not stated.
        anatomical: Three letters of `AnatomicalOrientation`, or nothing.
        slope: Factor of the stored numbers.
        intercept: What is added to them.
    """

    text: TextHeader
    shape: tuple[int, int, int]
    dtype: np.dtype
    encoding: str
    packed_bytes: int | None
    skip: int
    directions: np.ndarray
    has_directions: bool
    origin_mm: np.ndarray
    has_origin: bool
    spacing_mm: np.ndarray
    sizes_mm: np.ndarray
    anatomical: str
    slope: float
    intercept: float


def split_metaimage(where: str, data: bytes) -> TextHeader:
    """Divide a MetaImage header into its fields, and find the files that it names.

    Args:
        where: File name, for errors.
        data: Beginning of the file.

    Raises:
        InputError: If it is no MetaImage header, or has a line that is none, or a field twice.
    """
    values: dict[str, str] = {}
    lines = lines_of(where, data)
    for line, end in lines:
        if not line.strip():
            continue
        at = min((line.find(sign) for sign in "=:" if sign in line), default=-1)
        if at < 0:
            raise InputError(
                where, "a MetaImage", "a line that is no 'key = value'" if values else "no MetaImage header"
            )
        name, value = _FIELDS.get(plain(line[:at])), line[at + 1 :].strip()
        if name is None:
            continue
        if name in values:
            raise InputError(where, f"the field '{name}' once", "twice")
        values[name] = value
        if name == "ElementDataFile":
            if value.upper() == "LOCAL":
                return TextHeader(values, end)
            names, axes = files_named(where, value, lines if value.split()[:1] == ["LIST"] else iter(()))
            if any(rest.strip() for rest, _ in lines):
                raise InputError(where, "ElementDataFile as the last field", "others behind it")
            return TextHeader(values, end, names, axes)
    raise InputError(where, "a MetaImage", "a header without ElementDataFile" if values else "no MetaImage header")


def parse_metaimage(where: str, data: bytes) -> MetaImageHeader:
    """Read the header of a MetaImage.

    Args:
        where: File name, for errors.
        data: Beginning of the file.

    Raises:
        InputError: If it is no MetaImage header, or describes what is no image of one number a voxel in three
            dimensions.
        GeometryError: If it states no voxel size, or says something twice that differs.
    """
    text = split_metaimage(where, data)
    values = text.values
    if values.get("ObjectType", "Image").lower() != "image":
        raise InputError(where, "an object of type Image", "another")
    sizes = whole_numbers(where, values.get("DimSize"), "DimSize")
    n_axes = whole_number(where, values.get("NDims", ""), "NDims")
    if n_axes != len(sizes):
        raise InputError(where, "as many sizes in DimSize as NDims says", f"{len(sizes)}")
    count_voxels(where, sizes)
    channels = whole_number(where, values.get("ElementNumberOfChannels", "1"), "ElementNumberOfChannels")
    if channels != 1:
        raise InputError(where, "one number a voxel", f"{channels}")
    shape = check_dimensions(where, sizes)
    spacing, own_sizes = _lengths(where, values, n_axes)
    turn, has_turn = _one_of(where, values, _TURNS, n_axes * n_axes)
    place, has_place = _one_of(where, values, _PLACES, n_axes)
    to_mm = _MM_PER_UNIT.get(values.get("DistanceUnits", "").lower())
    if to_mm is None:
        raise GeometryError(where, "DistanceUnits mm, cm or um", "another")
    binary, packed = _flag(where, values, "BinaryData", True), _flag(where, values, "CompressedData", False)
    return MetaImageHeader(
        text=text,
        shape=shape,
        dtype=_dtype(where, values),
        encoding="text" if not binary else "zlib" if packed else "raw",
        packed_bytes=_packed_bytes(where, values) if packed else None,
        skip=_skip(where, values, packed=packed or not binary),
        # the numbers of one axis stand together; axes of length one beyond the third are left out
        directions=(turn.reshape(n_axes, n_axes) if has_turn else np.eye(n_axes))[:3, :3].T,
        has_directions=has_turn,
        origin_mm=place[:3] * to_mm if has_place else np.zeros(3),
        has_origin=has_place,
        spacing_mm=np.abs(spacing[:3]) * to_mm,
        sizes_mm=own_sizes[:3] * to_mm,
        anatomical=values.get("AnatomicalOrientation", "").upper(),
        slope=float(header_numbers(where, values.get("ElementToIntensityFunctionSlope", "1"), 1, "the slope")[0]),
        intercept=float(header_numbers(where, values.get("ElementToIntensityFunctionOffset", "0"), 1, "the offset")[0]),
    )


def _one_of(where: str, values: Mapping[str, str], names: tuple[str, ...], count: int) -> tuple[np.ndarray, bool]:
    """Numbers of a field that has several names."""
    found = [header_numbers(where, values[name], count, name) for name in names if name in values]
    if any(not np.allclose(found[0], other, rtol=1e-4, atol=1e-4) for other in found[1:]):
        raise GeometryError(where, f"{', '.join(names)} that say the same", "others")
    return (found[0], True) if found else (np.array([]), False)


def _lengths(where: str, values: Mapping[str, str], n_axes: int) -> tuple[np.ndarray, np.ndarray]:
    """Distance of voxels, and their own size, NaN where it is not stated."""
    if "ElementSpacing" not in values and "ElementSize" not in values:
        raise GeometryError(where, "a voxel size (ElementSpacing)", "none")
    own = np.full(n_axes, np.nan)
    if "ElementSize" in values:
        own = header_numbers(where, values["ElementSize"], n_axes, "ElementSize")
    if "ElementSpacing" not in values:
        return own, own
    return header_numbers(where, values["ElementSpacing"], n_axes, "ElementSpacing"), own


def _flag(where: str, values: Mapping[str, str], name: str, default: bool) -> bool:
    text = values.get(name, str(default)).lower()
    if text[:1] not in ("t", "f", "1", "0", "y", "n"):
        raise InputError(where, f"True or False in {name}", "something else")
    return text[0] in "t1y"


def _dtype(where: str, values: Mapping[str, str]) -> np.dtype:
    code = _TYPES.get(values.get("ElementType", "").upper())
    if code is None:
        raise InputError(where, f"an ElementType of one number ({', '.join(_TYPES)})", "another")
    orders = {_flag(where, values, n, False) for n in ("BinaryDataByteOrderMSB", "ElementByteOrderMSB") if n in values}
    if len(orders) > 1:
        raise InputError(where, "one byte order", "two that contradict each other")
    return np.dtype((">" if True in orders else "<") + code)


def _packed_bytes(where: str, values: Mapping[str, str]) -> int | None:
    if "CompressedDataSize" not in values:
        return None
    return whole_number(where, values["CompressedDataSize"], "CompressedDataSize")


def _skip(where: str, values: Mapping[str, str], *, packed: bool) -> int:
    if whole_number(where, values.get("HeaderSizePerSlice", "0"), "HeaderSizePerSlice"):
        raise InputError(where, "no HeaderSizePerSlice", "one")
    skip = whole_number(where, values.get("HeaderSize", "0"), "HeaderSize")
    if skip < (0 if packed else -1):
        raise InputError(where, "a HeaderSize of zero or more", f"{skip}")
    return skip
