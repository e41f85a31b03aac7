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
    time_step: float = 1.0,
    first_time: float = 0.0,
) -> bytes:
    """A NIfTI file, of float32 if not said otherwise; `values` indexed (i, j, k), or (i, j, k, frame)."""
    values = np.arange(24).reshape(4, 3, 2) if values is None else values
    stored = values.astype(order + kind)
    shape = values.shape if shape is None else shape
    code, bits = NIFTI_CODES[kind], 8 * stored.itemsize if bits is None else bits
    dims = (len(shape), *shape, *[1] * (7 - len(shape)))
    steps = pixdim or tuple(np.linalg.norm(affine_ras[:3, :3], axis=0))
    sizes, rows = (handedness, *steps, time_step, 1, 1, 1), affine_ras[:3].ravel()
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
        put("f", 136, first_time)
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
        put("d", 224, first_time)
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
    between_mm: float | None = None,
    series: str = "1.2.3.4",
    frame: str = "",
    image_type: str = "",
    slope: float = 1.0,
    intercept: float = 0.0,
    patient: str = "",
    frames: int = 1,
    bits: tuple[int, int, int] = (16, 16, 15),
    signed: bool = True,
    photometric: str = "MONOCHROME2",
    rows: int | None = None,
    columns: int | None = None,
    data: bytes | None = None,
    more: dict[tuple[int, int], tuple[str, str | bytes]] | None = None,
) -> bytes:
    """A single-slice MR image, explicit little endian, of int16 if not said otherwise; `pixels` indexed (i, j), i along
    a row. `bits` are allocated, stored and high; `data` are other pixels than these, `more` other attributes."""

    def element(group: int, number: int, kind: str, value: bytes | str) -> bytes:
        raw = value.encode() if isinstance(value, str) else value
        raw += (b"\0" if kind in ("UI", "OW", "OB", "UN") else b" ") * (len(raw) % 2)
        long = kind in ("OW", "OB", "UN", "SQ")
        length = struct.pack("<HI", 0, len(raw)) if long else struct.pack("<H", len(raw))
        return struct.pack("<HH", group, number) + kind.encode() + length + raw

    def decimal(*numbers: float) -> str:
        return "\\".join(f"{n:.10g}" for n in numbers)

    def short(number: int) -> bytes:
        return struct.pack("<H", number)

    mr = "1.2.840.10008.5.1.4.1.1.4"
    meta = element(2, 2, "UI", mr) + element(2, 3, "UI", "1.2.3.5") + element(2, 0x10, "UI", "1.2.840.10008.1.2.1")
    body: dict[tuple[int, int], tuple[str, str | bytes]] = {
        (8, 0x16): ("UI", mr),
        (8, 0x18): ("UI", "1.2.3.5"),
        (8, 0x60): ("CS", "MR"),
        (0x10, 0x10): ("PN", patient),
        (0x20, 0x0E): ("UI", series),
        (0x28, 2): ("US", short(1)),
        (0x28, 4): ("CS", photometric),
        (0x28, 0x10): ("US", short(pixels.shape[1] if rows is None else rows)),
        (0x28, 0x11): ("US", short(pixels.shape[0] if columns is None else columns)),
        (0x28, 0x30): ("DS", decimal(pixel_mm[1], pixel_mm[0])),  # row spacing, then column spacing
        **{(0x28, 0x100 + n): ("US", short(value)) for n, value in enumerate((*bits, int(signed)))},
        (0x28, 0x1052): ("DS", decimal(intercept)),
        (0x28, 0x1053): ("DS", decimal(slope)),
    }
    if image_type:
        body[8, 8] = ("CS", image_type)
    if thickness_mm is not None:
        body[0x18, 0x50] = ("DS", decimal(thickness_mm))
    if between_mm is not None:
        body[0x18, 0x88] = ("DS", decimal(between_mm))
    if position is not None:
        body[0x20, 0x32] = ("DS", decimal(*position))
        body[0x20, 0x37] = ("DS", decimal(*orientation))
    if frame:
        body[0x20, 0x52] = ("UI", frame)
    if frames > 1:
        body[0x28, 8] = ("IS", str(frames))
    stored = pixels.astype(f"<{'i' if signed else 'u'}{bits[0] // 8}").tobytes(order="F") * frames
    body[0x7FE0, 0x10] = ("OW", stored if data is None else data)
    body |= more or {}
    length = element(2, 0, "UL", struct.pack("<I", len(meta)))
    return bytes(128) + b"DICM" + length + meta + b"".join(element(*tag, *body[tag]) for tag in sorted(body))
