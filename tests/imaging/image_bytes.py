"""NIfTI and DICOM files made byte by byte, so that also impossible ones can be made."""

from __future__ import annotations

import struct

import numpy as np


def nifti(
    affine_ras: np.ndarray,
    values: np.ndarray | None = None,
    *,
    sform_code: int = 1,
    qform_code: int = 0,
    pixdim: tuple[float, float, float] | None = None,
    shape: tuple[int, ...] | None = None,
    units: int = 2,
    quaternion: tuple[float, float, float] = (0.0, 0.0, 0.0),
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
    handedness: float = 1.0,
    kind: str = "f4",
    scale: tuple[float, float] = (1.0, 0.0),
    bits: int | None = None,
    first_voxel: float | None = None,
    version: int = 1,
    order: str = "<",
) -> bytes:
    """A NIfTI file, of float32 if not said otherwise; `values` indexed (i, j, k)."""
    values = np.arange(24).reshape(4, 3, 2) if values is None else values
    stored = values.astype(order + kind)
    shape = values.shape if shape is None else shape
    code, bits = NIFTI_CODES[kind], 8 * stored.itemsize if bits is None else bits
    dims = (len(shape), *shape, *[1] * (7 - len(shape)))
    steps = pixdim or tuple(np.linalg.norm(affine_ras[:3, :3], axis=0))
    sizes, rows = (handedness, *steps, 1, 1, 1, 1), affine_ras[:3].ravel()
    first_voxel = (352 if version == 1 else 544) if first_voxel is None else first_voxel
    header = bytearray(352 if version == 1 else 544)

    def put(form: str, at: int, *numbers: object) -> None:
        struct.pack_into(order + form, header, at, *numbers)

    if version == 1:
        put("i", 0, 348)
        put("8h", 40, *dims)
        put("hh", 70, code, bits)
        put("8f", 76, *sizes)
        put("3f", 108, first_voxel, *scale)
        header[123] = units
        put("hh", 252, qform_code, sform_code)
        put("6f", 256, *quaternion, *offset)
        put("12f", 280, *rows)
        header[344:348] = b"n+1\0"
    else:
        put("i8s", 0, 540, b"n+2\0\r\n\032\n")
        put("hh", 12, code, bits)
        put("8q", 16, *dims)
        put("8d", 104, *sizes)
        put("q2d", 168, int(first_voxel), *scale)
        put("ii", 344, qform_code, sform_code)
        put("6d", 352, *quaternion, *offset)
        put("12d", 400, *rows)
        put("i", 500, units)
    return bytes(header) + stored.tobytes(order="F")


NIFTI_CODES = {
    "u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "u4": 768, "i8": 1024, "u8": 1280,
}  # fmt: skip


def dicom(
    pixels: np.ndarray,
    *,
    position: tuple[float, float, float] | None = (0.0, 0.0, 0.0),
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
    pixel_mm: tuple[float, float] = (1.5, 1.25),
    thickness_mm: float | None = 8.0,
    series: str = "1.2.3.4",
    slope: float = 1.0,
    intercept: float = 0.0,
    patient: str = "",
    frames: int = 1,
) -> bytes:
    """A single-slice MR image of int16, explicit little endian; `pixels` indexed (i, j), i along a row."""

    def element(group: int, number: int, kind: str, value: bytes | str) -> bytes:
        raw = value.encode() if isinstance(value, str) else value
        raw += (b"\0" if kind in ("UI", "OW") else b" ") * (len(raw) % 2)
        length = struct.pack("<HI", 0, len(raw)) if kind == "OW" else struct.pack("<H", len(raw))
        return struct.pack("<HH", group, number) + kind.encode() + length + raw

    def decimal(*numbers: float) -> str:
        return "\\".join(f"{n:.10g}" for n in numbers)

    columns, rows = pixels.shape
    mr = "1.2.840.10008.5.1.4.1.1.4"
    meta = element(2, 2, "UI", mr) + element(2, 3, "UI", "1.2.3.5") + element(2, 0x10, "UI", "1.2.840.10008.1.2.1")
    body = element(8, 0x16, "UI", mr) + element(8, 0x18, "UI", "1.2.3.5") + element(8, 0x60, "CS", "MR")
    body += element(0x10, 0x10, "PN", patient)
    if thickness_mm is not None:
        body += element(0x18, 0x50, "DS", decimal(thickness_mm))
    body += element(0x20, 0x0E, "UI", series)
    if position is not None:
        body += element(0x20, 0x32, "DS", decimal(*position)) + element(0x20, 0x37, "DS", decimal(*orientation))
    body += element(0x28, 2, "US", struct.pack("<H", 1)) + element(0x28, 4, "CS", "MONOCHROME2")
    if frames > 1:
        body += element(0x28, 8, "IS", str(frames))
    body += element(0x28, 0x10, "US", struct.pack("<H", rows)) + element(0x28, 0x11, "US", struct.pack("<H", columns))
    body += element(0x28, 0x30, "DS", decimal(pixel_mm[1], pixel_mm[0]))  # row spacing, then column spacing
    for number, value in ((0x100, 16), (0x101, 16), (0x102, 15), (0x103, 1)):
        body += element(0x28, number, "US", struct.pack("<H", value))
    body += element(0x28, 0x1052, "DS", decimal(intercept)) + element(0x28, 0x1053, "DS", decimal(slope))
    body += element(0x7FE0, 0x10, "OW", pixels.astype("<i2").tobytes(order="F") * frames)
    length = element(2, 0, "UL", struct.pack("<I", len(meta)))
    return bytes(128) + b"DICM" + length + meta + body
