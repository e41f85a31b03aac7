"""The bytes of an image's voxels: counted before memory is asked for, and checked to be whole.

A header promises how many bytes there are. Uncompressed ones are compared with the file's length, packed ones are
unpacked up to the promise and not beyond, whatever the file holds, and their checksum (gzip's and bzip2's CRC, zlib's
adler32) is looked at.
"""

from __future__ import annotations

import bz2
import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from cardioscar.errors import InputError

MAX_VOXELS = 2**27
"""Voxels of the largest image that is read: 512×512×512, several times a whole heart at the finest resolution."""

Packing = Literal["raw", "gzip", "zlib", "bzip2"]

_CHUNK = 1 << 20


def count_voxels(where: str, shape: Sequence[int]) -> int:
    """Number of voxels of an image.

    Raises:
        InputError: If an axis has no voxel, or there are more than `MAX_VOXELS`.

    >>> count_voxels("lge.nrrd", (65535, 65535, 9))
    Traceback (most recent call last):
    cardioscar.errors.InputError: lge.nrrd: expected an image of at most 134217728 voxels, found 65535×65535×9
    """
    text = "×".join(map(str, shape))
    if not shape or min(shape) < 1:
        raise InputError(where, "image axes of positive length", text or "no axis")
    count = prod(shape)
    if count > MAX_VOXELS:
        raise InputError(where, f"an image of at most {MAX_VOXELS} voxels", text)
    return count


def check_dimensions(where: str, shape: Sequence[int]) -> tuple[int, int, int]:
    """The three axes of an image; further ones of length one are left out.

    Raises:
        InputError: If there are fewer or more.

    >>> check_dimensions("lge.nii", (4, 3, 2, 1))
    (4, 3, 2)
    """
    sizes = list(shape)
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) != 3:
        hint = " (one phase of a cine, not all)" if len(sizes) > 3 else ""
        raise InputError(where, f"a 3D image{hint}", f"{len(sizes)} axes, {'×'.join(map(str, sizes))}")
    return sizes[0], sizes[1], sizes[2]


def check_cine_dimensions(where: str, shape: Sequence[int]) -> tuple[int, int, int, int]:
    """The four axes of a cine, the last of them its frames; further ones of length one are left out.

    Raises:
        InputError: If there are fewer or more, or only one frame.

    >>> check_cine_dimensions("cine.nii", (4, 3, 1, 20, 1))
    (4, 3, 1, 20)
    """
    sizes = list(shape)
    while len(sizes) > 4 and sizes[-1] == 1:
        sizes.pop()
    text = "×".join(map(str, sizes))
    if len(sizes) != 4:
        rule = "a 4D image (rows, columns, slices and the frames of a beat)"
        raise InputError(where, rule, f"{len(sizes)} axes, {text}")
    if sizes[3] < 2:
        raise InputError(where, "at least two frames of a beat", f"one, {text}")
    return sizes[0], sizes[1], sizes[2], sizes[3]


def read_exactly(
    path: Path, start: int, length: int, packing: Packing, *, where: str, kind: str = "voxels"
) -> bytearray:
    """Read what a header promises, no byte more and no byte less.

    Args:
        path: File that holds the bytes, to its end.
        start: Byte of the file where they, or the packed data, begin.
        length: Bytes promised, unpacked.
        packing: `gzip` (in one or several members), `zlib` or `bzip2`; `raw` is not packed.
        where: Name for errors.
        kind: What is packed, for errors.

    Raises:
        InputError: If there are fewer or more bytes, the packed data are damaged, or the file cannot be read.
    """
    with _opened(path, where) as stream:
        if packing == "raw":
            present = os.fstat(stream.fileno()).st_size
            if present != start + length:
                finding = f"{present} (truncated)" if present < start + length else f"{present}: more than described"
                raise InputError(where, f"a complete file of {start + length} bytes", finding)
            stream.seek(start)
            data = bytearray(length)
            del data[stream.readinto(data) :]
        else:
            stream.seek(start)
            data = _unpacked(stream, length, packing, where, kind)
    if len(data) != length:
        # more is no better than less: it would be read as an image of another size
        finding = f"{len(data)} (truncated)" if len(data) < length else "more than described"
        raise InputError(where, f"{length} bytes, as its header says", finding)
    return data


def read_beginning(path: Path, size: int, packing: Packing, *, where: str, kind: str = "voxels") -> bytes:
    """The first bytes of a file, at most so many, unpacked; what comes after them is not looked at.

    Raises:
        InputError: If the packed data are damaged, or the file cannot be read.
    """
    with _opened(path, where) as stream:
        if packing == "gzip":
            with _named_faults(where, packing, kind), gzip.GzipFile(fileobj=stream) as source:
                return source.read(size)
        return stream.read(size)


@contextmanager
def _opened(path: Path, where: str) -> Iterator[BufferedReader]:
    try:
        with path.open("rb") as stream:
            yield stream
    except OSError as error:
        raise InputError(where, "a readable file", error.strerror or "an unreadable one") from None


def _unpacked(stream: BinaryIO, limit: int, packing: Packing, where: str, kind: str) -> bytearray:
    """Unpack to the end of the stream, where the checksum is; at most one byte beyond the limit."""
    found = bytearray()
    with _named_faults(where, packing, kind):
        if packing == "gzip":
            with gzip.GzipFile(fileobj=stream) as source:
                while len(found) <= limit and (chunk := source.read(min(_CHUNK, limit + 1 - len(found)))):
                    found += chunk
        elif packing == "bzip2":
            _unpack_bzip2(stream, limit, found)
        else:
            _inflate(stream, limit, found)
    return found


@contextmanager
def _named_faults(where: str, packing: Packing, kind: str) -> Iterator[None]:
    try:
        yield
    except EOFError:
        raise InputError(where, "a complete file", f"{packing} data that end early (truncated)") from None
    except gzip.BadGzipFile as error:
        damaged = "CRC" in str(error) or "length" in str(error)
        finding = f"{'damaged' if damaged else 'no'} gzip data"
        raise InputError(where, f"{kind} compressed by gzip", finding) from None
    except (zlib.error, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the file, not of what is in it
        raise InputError(where, f"{kind} compressed by {packing}", f"damaged {packing} data") from None


def _inflate(stream: BinaryIO, limit: int, found: bytearray) -> None:
    """Unpack zlib data; gzip is taken too, as other readers of MetaImage do."""
    unpacker = zlib.decompressobj(wbits=47)
    while not unpacker.eof and len(found) <= limit:
        packed = unpacker.unconsumed_tail or stream.read(_CHUNK)
        if not packed:
            raise EOFError
        found += unpacker.decompress(packed, min(_CHUNK, limit + 1 - len(found)))
    _check_end(unpacker.eof, unpacker.unused_data, stream)


def _unpack_bzip2(stream: BinaryIO, limit: int, found: bytearray) -> None:
    unpacker = bz2.BZ2Decompressor()
    while not unpacker.eof and len(found) <= limit:
        packed = stream.read(_CHUNK) if unpacker.needs_input else b""
        if unpacker.needs_input and not packed:
            raise EOFError
        found += unpacker.decompress(packed, min(_CHUNK, limit + 1 - len(found)))
    _check_end(unpacker.eof, unpacker.unused_data, stream)


def _check_end(at_end: bool, behind: bytes, stream: BinaryIO) -> None:
    if at_end and (behind or stream.read(1)):
        raise ValueError("something behind the packed data")


def check_finite(where: str, values: np.ndarray) -> None:
    """Refuse voxels that are NaN or infinite: other programs read them as zero.

    Raises:
        InputError: With their numbers.
    """
    if not np.issubdtype(values.dtype, np.floating):
        return
    nan, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    if nan or infinite:
        raise InputError(where, "finite voxel values", f"{nan} NaN and {infinite} infinite of {values.size} voxels")
