"""What an NRRD header says, read to the letter of the format (teem.sourceforge.net/nrrd/format.html).

Fields are known by name whatever their case and blanks, each may stand once, and an unknown one is refused: a reader
that passes over what it does not understand finds the voxels elsewhere than the header says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.header_text import (
    LARGEST_NUMBER,
    TextHeader,
    files_named,
    lines_of,
    plain,
    whole_number,
    whole_numbers,
)
from cardioscar.imaging.formats.voxel_bytes import check_dimensions, count_voxels

_FIELDS = {
    "axismaxs", "axismins", "blocksize", "byteskip", "centerings", "centers", "content", "datafile", "dimension",
    "encoding", "endian", "kinds", "labels", "lineskip", "max", "measurementframe", "min", "number", "oldmax",
    "oldmin", "sampleunits", "sizes", "space", "spacedirections", "spacedimension", "spaceorigin", "spaceunits",
    "spacings", "thicknesses", "type", "units",
}  # fmt: skip
_TYPES = {
    "i1": "signedchar int8 int8_t", "u1": "uchar unsignedchar uint8 uint8_t",
    "i2": "short shortint signedshort signedshortint int16 int16_t",
    "u2": "ushort unsignedshort unsignedshortint uint16 uint16_t", "i4": "int signedint int32 int32_t",
    "u4": "uint unsignedint uint32 uint32_t",
    "i8": "longlong longlongint signedlonglong signedlonglongint int64 int64_t",
    "u8": "ulonglong unsignedlonglong unsignedlonglongint uint64 uint64_t", "f4": "float", "f8": "double",
}  # fmt: skip
_ENCODINGS = {
    "raw": "raw", "txt": "text", "text": "text", "ascii": "text", "hex": "hex", "gz": "gzip", "gzip": "gzip",
    "bz2": "bzip2", "bzip2": "bzip2",
}  # fmt: skip
# signs that turn each space into left-posterior-superior
_SPACES = {
    "left-posterior-superior": (1, 1, 1), "lps": (1, 1, 1), "right-anterior-superior": (-1, -1, 1), "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1), "las": (1, -1, 1),
}  # fmt: skip
_MM_PER_UNIT = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "\xb5m": 0.001, "micron": 0.001, "microns": 0.001}
_NOT_SAID = ("", "none", "???")


@dataclass(frozen=True)
class NrrdHeader:
    """What of an NRRD header says where and what the voxels are; lengths in mm, LPS.

    Attributes:
        text: Its lines.
        shape: Voxels along the three axes in space, in the order of storage; the others have one.
        dtype: Type of the stored numbers, byte order included.
        encoding: `raw`, `text`, `hex`, `gzip` or `bzip2`.
        skip: Bytes before the voxels, unpacked; −1 where the voxels end the file.
        lines_skipped: Lines before these.
        directions_mm: Steps along the axes, shape (3, 3), in columns.
        origin_mm: Place of the first voxel.
        has_origin: Whether that is stated; zero otherwise.
        spacings_mm: Voxel sizes stated beside the directions, NaN where none is.
        extents_mm: From the first voxel of an axis to its last by `axis mins` and `axis maxs`, NaN where not stated.
        thicknesses_mm: Size of what a voxel shows along each axis, NaN where none is stated.
    """

    text: TextHeader
    shape: tuple[int, int, int]
    dtype: np.dtype
    encoding: str
    skip: int
    lines_skipped: int
    directions_mm: np.ndarray
    origin_mm: np.ndarray
    has_origin: bool
    spacings_mm: np.ndarray
    extents_mm: np.ndarray
    thicknesses_mm: np.ndarray


def split_nrrd(where: str, data: bytes) -> TextHeader:
    """Divide an NRRD header into its fields, and find the files that it names.

    Args:
        where: File name, for errors.
        data: Beginning of the file.

    Raises:
        InputError: If it is no NRRD header, or has a line that is none, an unknown field, or one twice.
    """
    if not re.match(rb"NRRD000[1-6]\r?\n", data):
        raise InputError(where, "an NRRD image", "no NRRD header")
    values: dict[str, str] = {}
    lines, end = lines_of(where, data), 0
    next(lines)
    for line, end in lines:
        if line == "":
            break
        if line.startswith("#"):
            continue
        name, colon, value = line.partition(":")
        if not colon or (value[:1] != "=" and plain(name) not in _FIELDS and ":=" not in value):
            raise InputError(where, "lines of known NRRD fields", "another line")
        if value[:1] == "=" or plain(name) not in _FIELDS:
            continue  # a key and its value, whatever it is called
        if plain(name) in values:
            raise InputError(where, f"the field '{plain(name)}' once", "twice")
        values[plain(name)] = value.strip()
        if plain(name) == "datafile":
            listed = value.split()[:1] == ["LIST"]  # the lines that follow are names
            names, axes = files_named(where, value.strip(), lines if listed else iter(()))
            if listed:
                return TextHeader(values, end, names, axes)
    if "datafile" in values:
        names, axes = files_named(where, values["datafile"], iter(()))
        return TextHeader(values, end, names, axes)
    return TextHeader(values, end)


def parse_nrrd(where: str, data: bytes) -> NrrdHeader:
    """Read the header of an NRRD image.

    Args:
        where: File name, for errors.
        data: Beginning of the file.

    Raises:
        InputError: If it is no NRRD header, or describes what is no image of one number a voxel in three dimensions.
        GeometryError: If it states no patient space.
    """
    text = split_nrrd(where, data)
    values = text.values
    sizes = whole_numbers(where, values.get("sizes"), "sizes")
    if whole_number(where, values.get("dimension", ""), "dimension") != len(sizes):
        raise InputError(where, "as many sizes as dimension says", f"{len(sizes)}")
    count_voxels(where, sizes)
    steps, origin, to_mm = _placed(where, values, len(sizes))
    in_space = [axis for axis, step in enumerate(steps) if step is not None]
    others = [size for axis, size in enumerate(sizes) if axis not in in_space]
    if len(in_space) == 3 and max(others, default=1) > 1:
        raise InputError(where, "one number a voxel", f"{max(others)}")
    shape = check_dimensions(where, [sizes[axis] for axis in in_space])

    def along(name: str) -> np.ndarray:
        return _per_axis(where, values, name, len(sizes))[in_space] * to_mm

    encoding = _ENCODINGS.get(values.get("encoding", "").lower())
    if encoding is None:
        raise InputError(where, f"an encoding {', '.join(sorted(set(_ENCODINGS.values())))}", "another")
    skip = whole_number(where, values.get("byteskip", "0"), "byte skip")
    if skip < (-1 if encoding == "raw" else 0):
        raise InputError(where, "a byte skip of zero or more", f"{skip}")
    lines_skipped = whole_number(where, values.get("lineskip", "0"), "line skip")
    if lines_skipped < 0:
        raise InputError(where, "a line skip of zero or more", f"{lines_skipped}")
    return NrrdHeader(
        text=text,
        shape=shape,
        dtype=_dtype(where, values, encoding),
        encoding=encoding,
        skip=skip,
        lines_skipped=lines_skipped,
        directions_mm=np.column_stack([step for step in steps if step is not None]) * to_mm,
        origin_mm=origin * to_mm,
        has_origin="spaceorigin" in values,
        spacings_mm=np.abs(along("spacings")),
        extents_mm=np.abs(along("axismaxs") - along("axismins")),
        thicknesses_mm=along("thicknesses"),
    )


def _dtype(where: str, values: Mapping[str, str], encoding: str) -> np.dtype:
    stated = plain(values.get("type", ""))
    code = next((code for code, names in _TYPES.items() if stated and stated in names.split()), None)
    if code is None:
        raise InputError(where, "voxels of whole or floating-point numbers", "another type")
    order = {"little": "<", "big": ">"}.get(values.get("endian", "").lower())
    if order is None:
        if ("endian" in values or code[1] != "1") and encoding != "text":
            raise InputError(where, "endian: little or big", "neither")
        order = "<"
    return np.dtype(order + code)


def _placed(where: str, values: Mapping[str, str], n_axes: int) -> tuple[list[np.ndarray | None], np.ndarray, float]:
    """Step of each axis, None for one that is none in space; place of the first voxel; millimetres of their unit."""
    signs = _SPACES.get(values.get("space", "").lower())
    if signs is None or "spacedirections" not in values:
        raise GeometryError(where, "a patient space (left-posterior-superior or its like)", "none that is known")
    steps = _vectors(where, values["spacedirections"], "space directions")
    if len(steps) != n_axes:
        raise GeometryError(where, f"{n_axes} space directions", f"{len(steps)}")
    origins = _vectors(where, values.get("spaceorigin", "(0,0,0)"), "space origin")
    if len(origins) != 1 or origins[0] is None:
        raise GeometryError(where, "one space origin", f"{len(origins)}")
    placed = [None if step is None else step * signs for step in steps]
    return placed, origins[0] * signs, _mm_per_unit(where, values)


def _vectors(where: str, text: str, name: str) -> list[np.ndarray | None]:
    words = re.findall(r"\([^()]*\)|[^\s()]+", text)
    vectors: list[np.ndarray | None] = []
    for word in words:
        if word.lower() == "none":
            vectors.append(None)
            continue
        try:
            vector = np.array([float(part) for part in word.strip("()").split(",")])
        except ValueError:
            vector = np.array([])
        if vector.size != 3 or not (np.abs(vector) <= LARGEST_NUMBER).all():
            raise GeometryError(where, f"vectors of three numbers in {name}", "something else")
        vectors.append(vector)
    return vectors


def _mm_per_unit(where: str, values: Mapping[str, str]) -> float:
    units = {unit for name in ("spaceunits", "units") for unit in re.findall(r'"([^"]*)"', values.get(name, ""))}
    factors = {_MM_PER_UNIT.get(unit.strip().lower()) for unit in units if unit.strip().lower() not in _NOT_SAID}
    if len(factors) > 1 or None in factors:
        raise GeometryError(where, "one unit of length: mm, cm, m or um", "others")
    return next((factor for factor in factors if factor is not None), 1.0)


def _per_axis(where: str, values: Mapping[str, str], name: str, n_axes: int) -> np.ndarray:
    """Numbers of a field with one for each axis; NaN where it is not given."""
    if name not in values:
        return np.full(n_axes, np.nan)
    try:
        numbers = np.array([float(word) for word in values[name].split()])
    except ValueError:
        numbers = np.array([])
    if numbers.size != n_axes or (np.abs(numbers) > LARGEST_NUMBER).any():
        raise GeometryError(where, f"{n_axes} numbers in {name}", "something else")
    return numbers
