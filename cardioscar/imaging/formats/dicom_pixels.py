"""The pixels of DICOM images: counted against what the headers say, then read and rescaled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cardioscar.errors import InputError
from cardioscar.imaging.formats.compressed_dicom import check_codestream, joined_fragments, read_compressed
from cardioscar.imaging.formats.dicom_dataset import numbers_of, pixel_bytes, quiet_pydicom, text_of, whole_of
from cardioscar.imaging.formats.dicom_slice import DicomSlice

if TYPE_CHECKING:
    from pydicom import Dataset

# transfer syntaxes (PS3.6 table A-1): byte order of pixels that are as they are, run length, and what ITK unpacks; the
# deflated one is none of them any more
_NATIVE = {"1.2.840.10008.1.2": "<", "1.2.840.10008.1.2.1": "<", "1.2.840.10008.1.2.2": ">"}
_RUN_LENGTH = "1.2.840.10008.1.2.5"
_COMPRESSED = {f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91)}


def read_stack(slices: Sequence[DicomSlice], where: str) -> np.ndarray:
    """Read the pixels of images of one size, slope and intercept applied, MONOCHROME1 turned into MONOCHROME2.

    Args:
        slices: The images, in order.
        where: Name of the series, for errors.

    Returns:
        Shape (i, j, slices), float32.

    Raises:
        InputError: If there are fewer or more pixels than rows and columns say, damaged ones, or several numbers a
            pixel; if bits allocated, stored and high bit do not agree.
    """
    images = [_read(one, where) for one in slices]
    packed = [number for number, image in enumerate(images) if image is None]
    if packed:
        unpacked = read_compressed([slices[number].path for number in packed], slices[0].shape, where)
        for number, image in zip(packed, unpacked, strict=True):
            images[number] = image
    return np.stack([image.astype(np.float32) for image in images if image is not None], axis=2)


def _read(one: DicomSlice, where: str) -> np.ndarray | None:
    """Pixels, shape (i, j); None for a whole compressed picture that ITK is to unpack."""
    dataset = one.dataset
    bits = _checked_bits(dataset, where)
    data = pixel_bytes(dataset)
    if data is None:
        raise InputError(where, "pixel data (7FE0,0010)", "none")
    slope, intercept = _scale(dataset, where)
    syntax, signed = text_of(dataset.file_meta, "TransferSyntaxUID"), whole_of(dataset, "PixelRepresentation") == 1
    if syntax in _COMPRESSED:
        if bits[0] > 16:
            raise InputError(where, "compressed pixels of 8 or 16 bits", f"{bits[0]}")
        check_codestream(joined_fragments(data, where), one.shape, bits[0], where)
        return None
    if syntax == _RUN_LENGTH:
        joined_fragments(data, where)
        stored = _run_length(one, where)
    elif syntax in _NATIVE:
        stored = _native(data, one.shape, np.dtype(f"{_NATIVE[syntax]}{'i' if signed else 'u'}{bits[0] // 8}"), where)
    else:
        raise InputError(where, "a transfer syntax (0002,0010) of uncompressed, RLE or JPEG pixels", "another")
    values = _in_range(stored, bits, signed=signed, where=where)
    if text_of(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        values = (-1 if signed else 2 ** bits[1] - 1) - values
    return values.astype(np.float64) * slope + intercept


def _checked_bits(dataset: Dataset, where: str) -> tuple[int, int]:
    """Bits allocated and stored."""
    allocated, stored = whole_of(dataset, "BitsAllocated"), whole_of(dataset, "BitsStored")
    high = whole_of(dataset, "HighBit")
    if allocated is None or stored is None or high is None or whole_of(dataset, "PixelRepresentation") not in (0, 1):
        raise InputError(where, "bits allocated, stored, high bit and pixel representation (0028,0100 to 0103)", "none")
    if allocated not in (8, 16, 32) or not 0 < stored <= allocated or high != stored - 1:
        rule = "8, 16 or 32 bits allocated, of which some are stored, the high bit being the last of these"
        raise InputError(where, rule, f"{allocated}, {stored} and {high}")
    samples = whole_of(dataset, "SamplesPerPixel")
    if samples != 1 or text_of(dataset, "PhotometricInterpretation") not in ("MONOCHROME1", "MONOCHROME2"):
        finding = f"{samples}" if samples != 1 else "colours"
        raise InputError(where, "one number a pixel (MONOCHROME1 or MONOCHROME2)", finding)
    return allocated, stored


def _scale(dataset: Dataset, where: str) -> tuple[float, float]:
    if "ModalityLUTSequence" in dataset:
        raise InputError(where, "a rescale slope and intercept", "a table of values (0028,3000)")
    scale = []
    for keyword, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)):
        number = numbers_of(dataset, keyword, 1)
        if number is None and text_of(dataset, keyword):
            raise InputError(where, "a rescale slope and intercept (0028,1052 and 1053)", "something else")
        scale.append(default if number is None else float(number[0]))
    if scale[0] == 0:
        raise InputError(where, "a rescale slope (0028,1053) other than 0", "0")
    return scale[0], scale[1]


def _native(data: bytes, shape: tuple[int, int], dtype: np.dtype, where: str) -> np.ndarray:
    count = shape[0] * shape[1]
    length = count * dtype.itemsize
    if len(data) not in (length, length + length % 2):  # an odd length is padded
        finding = f"{len(data)}{' (truncated)' if len(data) < length else ''}"
        raise InputError(where, f"{length} bytes of pixels in each file", finding)
    if dtype.itemsize == 1 and dtype.newbyteorder("S") != dtype:
        raise InputError(where, "little endian for pixels of 8 bits", "big endian")
    return np.frombuffer(data, dtype, count).reshape(shape, order="F").astype(dtype.newbyteorder("="))


def _run_length(one: DicomSlice, where: str) -> np.ndarray:
    from pydicom.pixels import pixel_array

    with quiet_pydicom():
        try:
            pixels = pixel_array(one.dataset, decoding_plugin="pydicom")
        except Exception:  # noqa: BLE001 - pydicom raises whatever damaged data lead to
            raise InputError(where, "a complete DICOM file", "a truncated or damaged one") from None
    if pixels.shape != one.shape[::-1]:
        raise InputError(where, f"images of {one.shape[0]}×{one.shape[1]} pixels", "others")
    return np.asarray(pixels).T


def _in_range(stored: np.ndarray, bits: tuple[int, int], *, signed: bool, where: str) -> np.ndarray:
    """Numbers of the bits that are stored; those above may be empty, or repeat the sign."""
    spare = bits[0] - bits[1]
    if spare == 0:
        return stored.astype(np.int64)
    wide = stored.astype(np.int64)
    low = wide & ((1 << bits[1]) - 1)
    values = np.where(low >> (bits[1] - 1), low - (1 << bits[1]), low) if signed else low
    if not ((wide == values) | (wide == low)).all():
        raise InputError(where, f"pixels of {bits[1]} bits, as bits stored says", "larger ones")
    return values
