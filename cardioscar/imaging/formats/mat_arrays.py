"""MATLAB files (`.mat`, level 5): arrays of numbers, counted and unpacked within bounds before a library reads them."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np

from cardioscar.errors import InputError
from cardioscar.imaging.formats.file_head import read_head

MAX_BYTES = 1 << 28
"""Largest file, packed or unpacked: two hundred cines of one slice."""
MAX_VARIABLES = 1000

_HEADER, _TAG = 128, 8
_MATRIX, _COMPRESSED = 14, 15
_HDF5 = b"\x89HDF\r\n\x1a\n"
_RULE = "a complete MATLAB file"


def read_mat_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read the numeric arrays of a `.mat` file of versions 5 to 7.2.

    Elements are walked here first: a library fills in, or overruns, what a damaged file promises. Objects, functions,
    structures, cells and text are left out and nothing in them is ever run.

    Args:
        path: File.

    Returns:
        Arrays of whole numbers, floats or booleans by their names; names of the file that are no plain words are left
        out.

    Raises:
        InputError: If it is no such file, is truncated or damaged, or too large.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadWarning

    head = read_head(path, kind="a MATLAB file", size=_HEADER)
    if head.startswith(_HDF5) or b"MATLAB 7.3" in head:
        rule = "a MATLAB file of version 7.2 or older (save with -v7)"
        raise InputError(path.name, rule, "one of version 7.3")
    data = _whole(path)
    _check_elements(path.name, data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MatReadWarning)  # of names given twice: the last counts, as in MATLAB
            found = loadmat(io.BytesIO(data), struct_as_record=True, squeeze_me=False)
    except Exception:  # noqa: BLE001 - scipy raises whatever a damaged file leads to
        raise InputError(path.name, _RULE, "a damaged one") from None
    return {
        name: values
        for name, values in found.items()
        if not name.startswith("_") and isinstance(values, np.ndarray) and values.dtype.kind in "biuf"
    }


def _whole(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(path.name, "a readable file", error.strerror or "an unreadable one") from None
    if len(data) > MAX_BYTES:
        raise InputError(path.name, f"a MATLAB file of at most {MAX_BYTES} bytes", "a larger one")
    return data


def _check_elements(where: str, data: bytes) -> None:
    """Walk the elements: each ends in the file, and what is packed ends with its checksum, within bounds."""
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None or len(data) < _HEADER:
        raise InputError(where, "a MATLAB file of version 5 to 7.2", "no header of one")
    at, unpacked, number = _HEADER, 0, 0
    while at < len(data):
        if len(data) - at < _TAG:
            raise InputError(where, _RULE, "one that ends within an element (truncated)")
        kind, length = struct.unpack_from(order + "II", data, at)
        at, number = at + _TAG, number + 1
        if kind not in (_MATRIX, _COMPRESSED) or number > MAX_VARIABLES:
            raise InputError(where, _RULE, "an element that is no variable (damaged)")
        if length > len(data) - at:
            raise InputError(where, _RULE, "one that ends within an element (truncated)")
        unpacked += length if kind == _MATRIX else _unpacked_length(where, data[at : at + length], order)
        if unpacked > MAX_BYTES:
            raise InputError(where, f"variables of at most {MAX_BYTES} bytes", "larger ones")
        at += length


def _unpacked_length(where: str, packed: bytes, order: str) -> int:
    unpacker = zlib.decompressobj()
    try:
        tag = unpacker.decompress(packed, _TAG)
        size = struct.unpack(order + "II", tag)[1] if len(tag) == _TAG else MAX_BYTES + 1
        if size > MAX_BYTES:
            raise InputError(where, f"variables of at most {MAX_BYTES} bytes", "a larger or a damaged one")
        rest, found = unpacker.unconsumed_tail, 0
        while not unpacker.eof and found <= size:
            part = unpacker.decompress(rest, min(1 << 20, size + 1 - found))
            if not part and not unpacker.eof:
                break
            rest, found = unpacker.unconsumed_tail, found + len(part)
    except zlib.error:
        raise InputError(where, _RULE, "damaged packed data") from None
    if not unpacker.eof or found != size:
        raise InputError(where, _RULE, "a variable of another length than stated (truncated or damaged)")
    return _TAG + size
