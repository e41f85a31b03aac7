"""Numbers in `.npy` and `.npz` files of others: headers read strictly, bytes counted before memory is asked for."""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cardioscar.errors import InputError
from cardioscar.imaging.formats.claimed_memory import claimed_memory
from cardioscar.imaging.formats.file_head import read_head

MOST_BYTES = 2**31
"""Of one array, unpacked. A displacement field of 256² pixels and 40 frames has 42 MB."""
_MOST_MEMBERS = 1000
_LONGEST_HEADER = 10_000
_DEFLATED = 1100
"""Deflate packs 1032-fold at most."""
_DAMAGED = (zipfile.BadZipFile, NotImplementedError, zlib.error, OSError, EOFError, ValueError)


def read_npy(path: Path) -> np.ndarray:
    """Read one array.

    Args:
        path: `.npy`.

    Raises:
        InputError: If the file is missing, no `.npy`, truncated, too large, or holds anything but numbers and truth
            values.
    """
    read_head(path, kind="a .npy file", size=8)
    with claimed_memory(path.name), path.open("rb") as stream:
        return _read(stream, path.stat().st_size, path.name)


def read_npz(path: Path, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Read the arrays of an archive.

    Args:
        path: `.npz`.
        names: Those that are wanted, as far as they are there; default all.

    Raises:
        InputError: If the file is missing, no archive, damaged, or an array is as `read_npy` refuses it.
    """
    read_head(path, kind="a .npz file", size=8)
    rule = "a complete .npz file"
    with claimed_memory(path.name):
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
                if len(members) > _MOST_MEMBERS:
                    raise InputError(path.name, f"at most {_MOST_MEMBERS} arrays", f"{len(members)}")
                found = {}
                for member in members:
                    name = member.filename.removesuffix(".npy")
                    if names is not None and name not in names:
                        continue
                    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
                        raise InputError(path.name, rule, "an array that is locked, or packed as numpy packs none")
                    if member.file_size > MOST_BYTES:
                        raise InputError(path.name, f"arrays of at most {MOST_BYTES:,} bytes", "a larger one")
                    if member.file_size > _DEFLATED * max(member.compress_size, 1) + 1000:
                        raise InputError(path.name, rule, "an array larger than its bytes can hold")
                    with archive.open(member) as stream:
                        # the archive checks its sums when a member is read to its end
                        data = stream.read(member.file_size + 1)
                    found[name] = _read(io.BytesIO(data), len(data), path.name)
                return found
        except InputError:
            raise
        except _DAMAGED:
            raise InputError(path.name, rule, "a truncated or damaged one, or none") from None


def read_header(stream: BinaryIO, where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order and kind of the array that follows in a stream.

    Raises:
        InputError: If it is no header of the format.
    """
    try:
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise ValueError
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(stream, max_header_size=_LONGEST_HEADER)
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError, EOFError, KeyError):
        raise InputError(where, "an array as numpy stores it", "no header of that format") from None
    if any(axis < 0 for axis in shape) or len(shape) > 32:
        raise InputError(where, "an array as numpy stores it", "an impossible shape")
    return shape, fortran, dtype


def _read(stream: BinaryIO, size: int, where: str) -> np.ndarray:
    shape, fortran, dtype = read_header(stream, where)
    if dtype.kind not in "biuf":
        raise InputError(where, "an array of numbers", "one of objects, texts or records")
    count = 1
    for axis in shape:
        count *= axis
    claimed, there = count * dtype.itemsize, size - stream.tell()
    if claimed != there:
        raise InputError(where, f"{claimed:,} bytes of an array of shape {shape}"[:120], f"{there:,}")
    if claimed > MOST_BYTES:
        raise InputError(where, f"an array of at most {MOST_BYTES:,} bytes", f"{claimed:,}")
    values = np.frombuffer(stream.read(claimed), dtype=dtype)
    return values.reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="))
