"""NRRD and MetaImage files made line by line, so that also impossible ones can be made."""

from __future__ import annotations

import numpy as np

VALUES = np.arange(24, dtype="<i2").reshape(4, 3, 2)
SIZES_MM, ORIGIN_MM = (1.5, 2.0, 8.0), (1.0, 2.0, 3.0)
AFFINE = np.array([[1.5, 0, 0, 1], [0, 2, 0, 2], [0, 0, 8, 3], [0, 0, 0, 1]])

NRRD = {
    "type": "short", "dimension": "3", "space": "left-posterior-superior", "sizes": "4 3 2",
    "space directions": "(1.5,0,0) (0,2,0) (0,0,8)", "kinds": "domain domain domain", "endian": "little",
    "encoding": "raw", "space origin": "(1,2,3)",
}  # fmt: skip
META = {
    "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False", "TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": "1 2 3", "CenterOfRotation": "0 0 0",
    "AnatomicalOrientation": "RAI", "ElementSpacing": "1.5 2 8", "DimSize": "4 3 2", "ElementType": "MET_SHORT",
}  # fmt: skip
STORED = VALUES.tobytes(order="F")


def nrrd(changes: dict[str, str | None] | None = None, data: bytes = STORED, *, tail: str = "") -> bytes:
    """An NRRD file; a field set to None is left out, `tail` follows the fields."""
    fields = {name: value for name, value in (NRRD | (changes or {})).items() if value is not None}
    return "".join(["NRRD0005\n", *(f"{n}: {v}\n" for n, v in fields.items()), tail, "\n"]).encode("latin-1") + data


def meta(
    changes: dict[str, str | None] | None = None, data: bytes = STORED, *, tail: str = "", file: str = "LOCAL"
) -> bytes:
    """A MetaImage; a field set to None is left out, `tail` stands before the last field."""
    fields = {name: value for name, value in (META | (changes or {})).items() if value is not None}
    lines = [*(f"{n} = {v}\n" for n, v in fields.items()), tail, f"ElementDataFile = {file}\n"]
    return "".join(lines).encode("latin-1") + data
