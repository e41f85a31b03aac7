"""The pixels of one DICOM image: counted against what the header says, then read and rescaled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cardioscar.errors import InputError
from cardioscar.imaging.codestream import check_codestream
from cardioscar.imaging.dicom_dataset import numbers_of, quiet_pydicom, text_of, whole_of
from cardioscar.imaging.dicom_slice import DicomSlice
from cardioscar.imaging.itk_reading import read_compressed_dicom

if TYPE_CHECKING:
    from pydicom import Dataset

_RULE = "a complete DICOM file"


def read_pixels(one: DicomSlice, where: str) -> np.ndarray:
    """Read the pixels of an image, slope and intercept applied, MONOCHROME1 turned into MONOCHROME2.

    Args:
        one: The image.
        where: Name of the series, for errors.

    Returns:
        Shape (i, j), float64.

    Raises:
        InputError: If there are fewer or more pixels than rows and columns say, damaged ones, or several numbers a pixel;
            if bits allocated, stored and high bit do not agree.
    """
    dataset = one.dataset
    bits = _checked_bits(dataset, where)
    if "PixelData" not in dataset:
        raise InputError(where, "pixel data (7FE0,0010)", "none")
    slope, intercept = _scale(dataset, where)
    syntax = getattr(dataset.file_meta, "TransferSyntaxUID", None)
    if syntax is None or not syntax.is_transfer_syntax or syntax.is_private:
        raise InputError(where, "a known transfer syntax (0002,0010)", "another" if syntax else "none")
    if not syntax.is_encapsulated:
        stored = _native(one, bits, big_endian=not syntax.is_little_endian, where=where)
    elif syntax.name.startswith("RLE"):
        stored = _run_length(one, where)
    else:
        return _compressed(one, where)
    values = _in_range(stored, bits, signed=whole_of(dataset, "PixelRepresentation") == 1, where=where)
    if text_of(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        values = (-1 if whole_of(dataset, "PixelRepresentation") == 1 else 2 ** bits[1] - 1) - values
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


def _native(one: DicomSlice, bits: tuple[int, int], *, big_endian: bool, where: str) -> np.ndarray:
    data, (columns, rows), size = one.dataset["PixelData"].value or b"", one.shape, bits[0] // 8
    length = columns * rows * size
    if len(data) != length + length % 2 and len(data) != length:  # an odd length is padded
        finding = f"{len(data)}{' (truncated)' if len(data) < length else ''}"
        raise InputError(where, f"{length} bytes of pixels in each file", finding)
    if big_endian and size == 1:
        raise InputError(where, "little endian for pixels of 8 bits", "big endian")
    signed = whole_of(one.dataset, "PixelRepresentation") == 1
    dtype = np.dtype(f"{'>' if big_endian else '<'}{'i' if signed else 'u'}{size}")
    return np.frombuffer(data, dtype, columns * rows).reshape(columns, rows, order="F").astype(dtype.newbyteorder("="))


def _run_length(one: DicomSlice, where: str) -> np.ndarray:
    from pydicom.pixels import pixel_array

    with quiet_pydicom():
        try:
            pixels = pixel_array(one.dataset, decoding_plugin="pydicom")
        except Exception:  # noqa: BLE001 - pydicom raises whatever damaged data lead to
            raise InputError(where, _RULE, "damaged pixel data") from None
    if pixels.shape != one.shape[::-1]:
        raise InputError(where, f"images of {one.shape[0]}×{one.shape[1]} pixels", "others")
    return np.asarray(pixels).T


def _compressed(one: DicomSlice, where: str) -> np.ndarray:
    """JPEG, JPEG-LS and JPEG 2000, unpacked and rescaled by ITK."""
    from pydicom.encaps import get_frame

    with quiet_pydicom():
        try:
            codestream = get_frame(one.dataset.PixelData, 0, number_of_frames=1)
        except Exception:  # noqa: BLE001 - as above
            raise InputError(where, _RULE, "damaged pixel data") from None
    check_codestream(codestream, one.shape, where)
    values = read_compressed_dicom(one.path, where)
    if values.shape[:2] != one.shape:
        raise InputError(where, f"images of {one.shape[0]}×{one.shape[1]} pixels", "others")
    return values[:, :, 0].astype(np.float64)


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
