"""Voxels behind a text header, or in the files that it names: read from these and from nowhere else."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np

from cardioscar.errors import InputError
from cardioscar.imaging.formats.file_head import read_head
from cardioscar.imaging.formats.header_text import MAX_HEADER_BYTES, TextHeader, lines_of, resolve_names
from cardioscar.imaging.formats.metaimage_header import split_metaimage
from cardioscar.imaging.formats.nrrd_header import split_nrrd
from cardioscar.imaging.formats.voxel_bytes import Packing, read_beginning, read_exactly

HEADERS = {".nrrd": split_nrrd, ".nhdr": split_nrrd, ".mha": split_metaimage, ".mhd": split_metaimage}
"""How the header of each kind of image is divided whose voxels may lie in other files."""

_PACKINGS: dict[str, Packing] = {"raw": "raw", "gzip": "gzip", "bzip2": "bzip2", "zlib": "zlib"}
_LARGEST_SKIP = 1 << 26
_USUAL_HEADER = 1 << 16
_LAST_FIELD = re.compile(rb"^[ \t]*elementdatafile[ \t]*[=:](?![ \t]*LIST)[^\n]*\n", re.IGNORECASE | re.MULTILINE)
_MOST_WRITTEN = 1 << 23
"""Voxels of the largest image in text or hexadecimal digits, which take many times their size to be read."""
_BYTES_OF_A_NUMBER = 40
"""Characters of the longest number in a text, with blanks."""


def read_header(path: Path) -> bytes:
    """The beginning of an image file, as far as its text header goes and at least one byte beyond the longest.

    Raises:
        InputError: If it cannot be read, or is empty.
    """
    data = read_head(path, kind="an image file", size=_USUAL_HEADER)
    ends = b"\n\n" in data or b"\n\r\n" in data if data.startswith(b"NRRD") else _LAST_FIELD.search(data)
    if len(data) < _USUAL_HEADER or ends:
        return data
    return read_head(path, kind="an image file", size=MAX_HEADER_BYTES + 1)


def voxel_files(path: Path, *, where: str, called: str) -> list[Path]:
    """The other files that an image consists of, by its header.

    Args:
        path: Image file of any format.
        where: Name for errors.
        called: What the header is called in them.

    Returns:
        Paths, which need not exist, in the header's own folder or below it; none if the voxels follow the header, or
        the header cannot be understood (who reads the image refuses it).

    Raises:
        InputError: If a path leads elsewhere.
    """
    split = HEADERS.get(path.suffix.lower())
    if split is None:
        return []
    try:
        text = split(path.name, read_header(path))
    except InputError:
        return []
    return resolve_names(path.parent, text.names, where=where, rule=_rule(called))


def read_stored(
    path: Path,
    text: TextHeader,
    shape: Sequence[int],
    dtype: np.dtype,
    encoding: str,
    *,
    skip: int = 0,
    lines_skipped: int = 0,
    packed_bytes: int | None = None,
) -> np.ndarray:
    """Read the numbers of an image.

    Args:
        path: The header's file.
        text: The header.
        shape: Voxels along i, j, k; i is stored fastest.
        dtype: Type of the stored numbers.
        encoding: `raw`, `gzip`, `bzip2`, `zlib`, `hex` or `text`.
        skip: Bytes before the voxels, unpacked; −1 where the voxels end the file.
        lines_skipped: Lines before these.
        packed_bytes: Length of packed voxels, where it is stated.

    Returns:
        Array indexed (i, j, k), in the machine's byte order.

    Raises:
        InputError: If a file is missing, leads outside of the header's folder, or holds other than what the header
            promises.
    """
    where, start = path.name, 0
    paths = resolve_names(path.parent, text.names, where=where, rule=_rule(where))
    if not paths:
        paths, start = [path], text.end
    _check_files(where, path, paths if text.names else [], shape, text.file_axes)
    count = prod(shape) // len(paths)
    if abs(skip) > _LARGEST_SKIP:
        raise InputError(where, f"at most {_LARGEST_SKIP} bytes before the voxels", f"{skip}")
    parts = []
    for one in paths:
        begin = start + (_length_of_lines(one, start, lines_skipped, where) if lines_skipped else 0)
        if packed_bytes is not None and _size(one) != begin + packed_bytes:
            finding = f"{max(_size(one) - begin, 0)}"
            raise InputError(where, f"{packed_bytes} bytes of packed voxels, as its header says", finding)
        parts.append(_read_part(one, begin, count, dtype, encoding, skip, where))
    stored = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return stored.astype(dtype.newbyteorder("="), copy=False).reshape(shape, order="F")


def _rule(called: str) -> str:
    return f"a path of the voxels of {called} in its folder"


def _check_files(where: str, header: Path, paths: Sequence[Path], shape: Sequence[int], axes: int | None) -> None:
    """Each is there, once, and they share the voxels evenly along the slowest axes."""
    if any(not path.is_file() for path in paths):
        raise InputError(where, "the file that holds its voxels", "none of that name")
    if len(set(paths) | {header.resolve()}) != len(paths) + 1 and paths:
        raise InputError(where, "different files of voxels", "the same one again")
    if len(paths) > 1 or axes is not None:
        axes = len(shape) - 1 if axes is None else axes
        wanted = prod(shape[axes:])
        shared = axes == len(shape) and shape[-1] % len(paths) == 0
        if not shared and len(paths) != wanted:
            raise InputError(where, f"{wanted} files of voxels", f"{len(paths)}")


def _read_part(path: Path, begin: int, count: int, dtype: np.dtype, encoding: str, skip: int, where: str) -> np.ndarray:
    length = count * dtype.itemsize
    if encoding in _PACKINGS:
        if encoding == "raw":
            begin, skip = (max(_size(path) - length, begin) if skip < 0 else begin + skip), 0
        data = read_exactly(path, begin, skip + length, _PACKINGS[encoding], where=where)
        return np.frombuffer(data, dtype, offset=skip)
    if count > _MOST_WRITTEN:
        raise InputError(where, f"at most {_MOST_WRITTEN} voxels written out", f"{count}")
    limit = count * (_BYTES_OF_A_NUMBER if encoding == "text" else 4 * dtype.itemsize) + 1024
    if _size(path) - begin > limit:
        raise InputError(where, f"{count} numbers written out", "a longer file")
    written = read_beginning(path, begin + limit, "raw", where=where)[begin + skip :]
    if encoding == "hex":
        digits = b"".join(written.split())
        if len(digits) != 2 * length or not re.fullmatch(rb"[0-9A-Fa-f]*", digits):
            raise InputError(where, f"{2 * length} hexadecimal digits", "another number of them, or something else")
        return np.frombuffer(bytes.fromhex(digits.decode("ascii")), dtype)
    return _numbers(written, count, dtype, where)


def _numbers(written: bytes, count: int, dtype: np.dtype, where: str) -> np.ndarray:
    words = written.replace(b",", b" ").split()
    if len(words) != count:
        raise InputError(where, f"{count} numbers", f"{len(words)}")
    rule = "numbers of the voxels' type"
    try:
        if dtype.kind == "f":
            with np.errstate(over="ignore"):  # what is not finite is refused
                return np.array([float(word) for word in words], dtype)
        whole = [int(word) for word in words]
        limits = np.iinfo(dtype)
        if min(whole) < limits.min or max(whole) > limits.max:
            raise InputError(where, rule, "one beyond its range")
        return np.array(whole, dtype)
    except ValueError:
        raise InputError(where, rule, "something else") from None


def _length_of_lines(path: Path, start: int, count: int, where: str) -> int:
    data = read_beginning(path, start + MAX_HEADER_BYTES, "raw", where=where)[start:]
    ends = [end for _, end in zip(range(count), (end for _, end in lines_of(where, data)), strict=False)]
    if len(ends) < count:
        raise InputError(where, f"{count} lines before the voxels", f"{len(ends)}")
    return ends[-1]


def _size(path: Path) -> int:
    return os.stat(path).st_size  # noqa: PTH116
