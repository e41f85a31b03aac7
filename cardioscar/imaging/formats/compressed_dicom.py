"""JPEG, JPEG-LS and JPEG 2000 pictures in DICOM files, unpacked by ITK in another process.

Its decoders fill up what a damaged picture lacks, say so on standard error alone, and take gigabytes for some that are
a few hundred bytes long. So they have a process of their own, with a limit of memory and time, and what they complain
of is damaged.
"""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cardioscar.errors import InputError

_END = b"\xff\xd9"
_JPEG_2000 = b"\xff\x4f\xff\x51"
# SOF0 to SOF15 without those numbers that mean tables, and SOF55 of JPEG-LS
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_ITEM = b"\xfe\xff\x00\xe0"
_LONGEST_S, _LARGEST_BYTES = 300, 2 << 30
_DAMAGED = "a truncated or damaged one"

_READER = """
import resource, sys
import numpy
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import SimpleITK
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
limit = int(sys.argv[1]) if hard == resource.RLIM_INFINITY else min(int(sys.argv[1]), hard)
resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
for line in sys.stdin:
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(bytes.fromhex(line).decode("utf-8", "surrogateescape"))
    reader.SetImageIO("GDCMImageIO")
    numpy.save(sys.stdout.buffer, SimpleITK.GetArrayFromImage(reader.Execute()), allow_pickle=False)
"""


def read_compressed(paths: Sequence[Path], shape: tuple[int, int], where: str) -> list[np.ndarray]:
    """Unpack single-frame DICOM images, rescaled as their headers say.

    Args:
        paths: Files whose pictures `check_codestream` has passed.
        shape: Columns and rows of each.
        where: Name for errors.

    Returns:
        Arrays indexed (i, j).

    Raises:
        InputError: If one is damaged, or takes more memory or time than a slice can.
    """
    words = [sys.executable, "-P", "-W", "ignore", "-c", _READER, str(_LARGEST_BYTES)]
    names = "".join(f"{os.fsencode(path.absolute()).hex()}\n" for path in paths)
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and script
            words, input=names.encode(), capture_output=True, timeout=_LONGEST_S, check=False
        )
        if done.returncode == 0 and not done.stderr.strip():
            stream = io.BytesIO(done.stdout)
            images = [np.load(stream, allow_pickle=False) for _ in paths]
            if all(image.size == shape[0] * shape[1] for image in images):
                return [image.reshape(shape[::-1]).T for image in images]
    except (subprocess.TimeoutExpired, ValueError, EOFError, OSError):
        pass
    raise InputError(where, "a complete DICOM file", _DAMAGED)


def joined_fragments(value: bytes, where: str) -> bytes:
    """The one picture in encapsulated pixel data: all its fragments, behind the table of offsets.

    Raises:
        InputError: If the items do not fill the value exactly.
    """
    items, at = [], 0
    while at + 8 <= len(value) and value[at : at + 4] == _ITEM:
        length = struct.unpack_from("<I", value, at + 4)[0]
        items.append(value[at + 8 : at + 8 + length])
        at += 8 + length
    if at != len(value) or len(items) < 2:
        raise InputError(where, "a complete DICOM file", _DAMAGED)
    return b"".join(items[1:])


def check_codestream(data: bytes, shape: tuple[int, int], bits: int, where: str) -> None:
    """Refuse a JPEG, JPEG-LS or JPEG 2000 picture that is cut off, or of another size.

    Args:
        data: The codestream.
        shape: Columns and rows that are expected.
        bits: Bits that a pixel takes unpacked, 8 or 16.
        where: Name for errors.

    Raises:
        InputError: If it has no end, no frame header, or another size, depth or number of components.
    """
    size = _size(data)
    if size is None or not data.rstrip(b"\0").endswith(_END):
        raise InputError(where, "a complete DICOM file", _DAMAGED)
    columns, rows, components, depth = size
    if (columns, rows, components) != (*shape, 1) or not bits - 8 < depth <= bits:
        rule = f"compressed images of {shape[0]}×{shape[1]} pixels of one number of {bits} bits"
        raise InputError(where, rule, f"{columns}×{rows} of {components} of {depth}")


def _size(data: bytes) -> tuple[int, int, int, int] | None:
    """Columns, rows, components and bits of each; None where no frame header is found."""
    try:
        if data.startswith(_JPEG_2000):
            right, below, left, above = struct.unpack_from(">4I", data, 8)
            components, depth = struct.unpack_from(">HB", data, 40)
            return right - left, below - above, components, (depth & 0x7F) + 1
        if not data.startswith(b"\xff\xd8"):
            return None
        at = 2
        while data[at] == 0xFF:
            marker = data[at + 1]
            if marker == 0xFF:  # fill
                at += 1
                continue
            if marker in _FRAMES:
                depth, rows, columns, components = struct.unpack_from(">BHHB", data, at + 4)
                return columns, rows, components, depth
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    except (IndexError, struct.error):
        pass
    return None
