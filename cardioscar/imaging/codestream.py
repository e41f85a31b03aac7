"""Whether a compressed picture inside a DICOM file is whole, and as large as the file says.

Decoders fill up what a cut picture lacks, and say nothing.
"""

from __future__ import annotations

import struct

from cardioscar.errors import InputError

_END = b"\xff\xd9"
_JPEG_2000 = b"\xff\x4f\xff\x51"
# SOF0 to SOF15 without those numbers that mean tables, and SOF55 of JPEG-LS
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}


def check_codestream(data: bytes, shape: tuple[int, int], where: str) -> None:
    """Refuse a JPEG, JPEG-LS or JPEG 2000 picture that is cut off, or of another size.

    Args:
        data: The codestream.
        shape: Columns and rows that are expected.
        where: Name for errors.

    Raises:
        InputError: If it has no end, no frame header, or another size or number of components.
    """
    size = _size(data)
    if size is None or not data.rstrip(b"\0").endswith(_END):
        raise InputError(where, "a complete DICOM file", "a truncated or damaged one")
    if size != (*shape, 1):
        finding = f"{size[0]}×{size[1]} of {size[2]}"
        raise InputError(where, f"compressed images of {shape[0]}×{shape[1]} pixels of one number", finding)


def _size(data: bytes) -> tuple[int, int, int] | None:
    """Columns, rows and components; None where no frame header is found."""
    try:
        if data.startswith(_JPEG_2000):
            right, below, left, above = struct.unpack_from(">4I", data, 8)
            return right - left, below - above, struct.unpack_from(">H", data, 40)[0]
        if not data.startswith(b"\xff\xd8"):
            return None
        at = 2
        while data[at] == 0xFF:
            marker = data[at + 1]
            if marker == 0xFF:  # fill
                at += 1
                continue
            if marker in _FRAMES:
                rows, columns, components = struct.unpack_from(">HHB", data, at + 5)
                return columns, rows, components
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    except (IndexError, struct.error):
        pass
    return None
