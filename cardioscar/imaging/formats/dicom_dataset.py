"""DICOM files parsed: bounded in what they may unpack to, and silent, because warnings about bad values quote them."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cardioscar.errors import InputError

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_SIDE = 4096
"""Rows or columns of the largest slice that is read."""
MAX_BYTES = 4 * MAX_SIDE**2 + (1 << 26)
"""Length of the longest file, packed or not: the largest slice, and what may stand beside it."""

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_EXPLICIT = b"1.2.840.10008.1.2.1".ljust(len(_DEFLATED), b"\0")
_RULE = "a complete DICOM file"
_META_BEGINS = 132
_LARGEST = 1e12
_UNDEFINED, _DELIMITER = 0xFFFFFFFF, 8


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Let values be as they are, and nothing be printed about them; they are converted when they are asked for."""
    from pydicom import config

    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def read_dataset(path: Path, where: str) -> Dataset:
    """Parse a DICOM file.

    Args:
        path: File with its preamble.
        where: Name for errors.

    Returns:
        All attributes, pixel data as they are stored.

    Raises:
        InputError: If it is none, is larger than a slice can be, or cannot be read to the end.
    """
    import pydicom

    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            data = stream.read(min(size, MAX_BYTES))
    except OSError as error:
        raise InputError(where, "readable files", error.strerror or "an unreadable one") from None
    if data[128:132] != b"DICM":
        raise InputError(where, "DICOM files only", "another file")
    data = _inflated(data, where)
    if max(size, len(data)) > MAX_BYTES:
        raise InputError(where, f"DICOM files of at most {MAX_BYTES} bytes", "a larger one")
    with quiet_pydicom():
        try:
            dataset = pydicom.dcmread(io.BytesIO(data))
            ends = _ends_with_last(dataset, data)
        except Exception:  # noqa: BLE001 - pydicom raises whatever a damaged header leads to
            raise InputError(where, _RULE, "a header that cannot be read") from None
    if not ends:
        raise InputError(where, _RULE, "one that ends before or behind its last attribute")
    return dataset


def text_of(dataset: Dataset, keyword: str) -> str:
    """Value of an attribute as text, parts divided by backslashes; empty where there is none or it cannot be read."""
    with quiet_pydicom():
        try:
            value = dataset.get(keyword)
            parts = value if hasattr(value, "append") else [value]
            return "\\".join("" if part is None else str(part).strip(" \0") for part in parts)
        except Exception:  # noqa: BLE001 - as above
            return ""


def pixel_bytes(dataset: Dataset) -> bytes | None:
    """Pixel data (7FE0,0010) as they lie in the file; None where there are none."""
    with quiet_pydicom():
        try:
            value = dataset.get_item(0x7FE00010).value
        except Exception:  # noqa: BLE001 - as above, and where there is no such attribute
            return None
    return value if isinstance(value, bytes) else None


def numbers_of(dataset: Dataset, keyword: str, count: int) -> np.ndarray | None:
    """Numbers of an attribute, finite and at most `_LARGEST`, shape (count,); None where there are none, or others."""
    try:
        numbers = np.array([float(part) for part in text_of(dataset, keyword).split("\\")])
    except ValueError:
        return None
    return numbers if numbers.size == count and (np.abs(numbers) <= _LARGEST).all() else None


def whole_of(dataset: Dataset, keyword: str) -> int | None:
    """Whole number of an attribute; None where there is none."""
    numbers = numbers_of(dataset, keyword, 1)
    return int(numbers[0]) if numbers is not None and numbers[0] == int(numbers[0]) else None


def _ends_with_last(dataset: Dataset, data: bytes) -> bool:
    """Whether the last attribute ends the file, but for zeros: parsers stop silently at what is none."""
    tags = sorted(dataset.keys())
    last: Any = dataset.get_item(tags[-1]) if tags else None
    if last is None or not hasattr(last, "value_tell") or not isinstance(last.value, bytes):
        return True  # a sequence, parsed to its end
    undefined = last.length == _UNDEFINED
    end = last.value_tell + (len(last.value) + _DELIMITER if undefined else last.length)
    return end <= len(data) and not data[end:].strip(b"\0")


def _inflated(data: bytes, where: str) -> bytes:
    """A file of the deflated transfer syntax as one that is not: unpacked within bounds, which pydicom does not do."""
    group, element, kind, _, length = struct.unpack_from("<HH2sHI", data.ljust(_META_BEGINS + 12), _META_BEGINS)
    begins = _META_BEGINS + 12 + length if (group, element, kind) == (2, 0, b"UL") else len(data)
    meta, unpacker = data[:begins], zlib.decompressobj(-zlib.MAX_WBITS)
    if _DEFLATED not in meta[_META_BEGINS:]:
        return data
    try:
        body = unpacker.decompress(data[begins:], MAX_BYTES + 1)
    except zlib.error:
        raise InputError(where, _RULE, "damaged deflated data") from None
    if len(body) <= MAX_BYTES and (not unpacker.eof or unpacker.unused_data.strip(b"\0")):
        raise InputError(where, _RULE, "deflated data that end before or behind the file")
    return meta.replace(_DEFLATED, _EXPLICIT) + body
