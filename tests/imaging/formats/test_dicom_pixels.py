"""Pixels of DICOM files: as ITK reads them where it can, and no fewer and no more than rows and columns say."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.uid import UID

from benchmarks.image_samples import SAMPLES, SHAPE, voxels
from cardioscar.errors import InputError
from cardioscar.imaging.formats.compressed_dicom import check_codestream, joined_fragments
from cardioscar.imaging.formats.volume_files import read_volume
from tests.imaging.formats.image_bytes import dicom

PIXELS = np.random.default_rng(3).integers(0, 128, (6, 5))


def write(folder: Path, data: bytes) -> Path:
    path = folder / "one.dcm"
    path.write_bytes(data)
    return path


def by_itk(path: Path) -> np.ndarray:
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("GDCMImageIO")
    return SimpleITK.GetArrayFromImage(reader.Execute()).transpose().astype(np.float32)


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
@pytest.mark.parametrize("scale", [(1, 0), (2, -5), (0.37, -1024.5)])
@pytest.mark.parametrize(("bits", "signed"), [((8, 8, 7), False), ((8, 8, 7), True), ((16, 16, 15), False),
                                              ((16, 16, 15), True), ((16, 12, 11), False)])  # fmt: skip
def test_pixels_are_those_that_itk_reads(bits, signed: bool, scale, photometric: str, tmp_path: Path) -> None:
    pixels = PIXELS - 64 if signed else PIXELS
    data = dicom(pixels, bits=bits, signed=signed, slope=scale[0], intercept=scale[1], photometric=photometric)
    path = write(tmp_path, data)
    np.testing.assert_array_equal(read_volume(path).values, by_itk(path))


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
@pytest.mark.parametrize(("bits", "signed"), [((32, 32, 31), False), ((32, 32, 31), True), ((16, 12, 11), True)])
def test_pixels_of_which_itk_shows_memory_or_nothing(bits, signed: bool, photometric: str, tmp_path: Path) -> None:
    pixels = PIXELS - 64 if signed else PIXELS
    found = read_volume(write(tmp_path, dicom(pixels, bits=bits, signed=signed, photometric=photometric))).values
    top = -1 if signed else 2.0 ** bits[1] - 1
    expected = pixels if photometric == "MONOCHROME2" else top - pixels
    np.testing.assert_array_equal(found[:, :, 0], expected.astype(np.float32))


def test_signs_above_the_stored_bits_may_be_left_out(tmp_path: Path) -> None:
    pixels = PIXELS - 64
    data = dicom(pixels & 0xFFF, bits=(16, 12, 11), signed=True)
    np.testing.assert_array_equal(read_volume(write(tmp_path, data)).values[:, :, 0], pixels)


def reencoded(syntax: str) -> bytes:
    image = pydicom.dcmread(io.BytesIO(dicom(PIXELS)))
    image.file_meta.TransferSyntaxUID = UID(syntax)
    if syntax.endswith(".2.2"):
        image.PixelData = PIXELS.astype(">i2").tobytes(order="F")
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, image, enforce_file_format=True)
    return stream.getvalue()


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"])
def test_uncompressed_transfer_syntaxes(syntax: str, tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_volume(write(tmp_path, reencoded(syntax))).values[:, :, 0], PIXELS)


@pytest.mark.parametrize("name", ["dcm.rle", "dcm.jpeg", "dcm.jpeg2000"])
def test_compressed_transfer_syntaxes(name: str, tmp_path: Path, capfd) -> None:
    sample = SAMPLES[name]()
    volume = read_volume(write(tmp_path, sample.damaged))
    np.testing.assert_array_equal(volume.values[:, :, 0], voxels()[:, :, 0])
    assert capfd.readouterr() == ("", "")


BAD = {
    "too few": (
        {"data": PIXELS.astype("<i2").tobytes()[:-2]},
        "expected 60 bytes of pixels in each file, found 58 (truncated)",
    ),
    "too many": ({"data": bytes(62)}, "expected 60 bytes of pixels in each file, found 62"),
    "none": ({"data": b""}, "expected pixel data (7FE0,0010), found none"),
    "more rows": ({"rows": 50}, "expected 600 bytes of pixels in each file, found 60 (truncated)"),
    "huge": ({"rows": 65535, "columns": 65535}, "expected images of 1 to 4096 columns and rows, found 65535×65535"),
    "no rows": ({"rows": 0}, "expected images of 1 to 4096 columns and rows, found 6×0"),
    "high bit": (
        {"bits": (16, 12, 15)},
        "bits allocated, of which some are stored, the high bit being the last of these, found 16, 12 and 15",
    ),
    "more stored than allocated": ({"bits": (16, 17, 16)}, "found 16, 17 and 16"),
    "twelve allocated": ({"bits": (12, 12, 11), "data": bytes(60)}, "expected 8, 16 or 32 bits allocated"),
    "beyond the stored bits": (
        {"bits": (16, 6, 5), "signed": False},
        "expected pixels of 6 bits, as bits stored says, found larger",
    ),
    "colours": ({"photometric": "RGB"}, "expected one number a pixel (MONOCHROME1 or MONOCHROME2), found colours"),
    "three samples": (
        {"more": {(0x28, 2): ("US", struct.pack("<H", 3))}},
        "expected one number a pixel (MONOCHROME1 or MONOCHROME2), found 3",
    ),
    "slope of zero": ({"slope": 0}, "expected a rescale slope (0028,1053) other than 0, found 0"),
    "slope of words": (
        {"more": {(0x28, 0x1053): ("DS", "Quixote")}},
        "expected a rescale slope and intercept (0028,1052 and 1053), found something",
    ),
    "a table of values": (
        {"more": {(0x28, 0x3000): ("SQ", b"")}},
        "expected a rescale slope and intercept, found a table of values",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_pixels(case: str, tmp_path: Path, capfd) -> None:
    changes, message = BAD[case]
    with pytest.raises(InputError) as caught:
        read_volume(write(tmp_path, dicom(PIXELS, **changes)))
    assert message in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("tail", [b"xyz", b"\xe0\x7f\x10\x00garbage", bytes(range(1, 40))])
def test_bytes_behind_the_last_attribute_are_refused(tail: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a complete DICOM file"):
        read_volume(write(tmp_path, dicom(PIXELS) + tail))
    np.testing.assert_array_equal(read_volume(write(tmp_path, dicom(PIXELS) + bytes(100))).values[:, :, 0], PIXELS)


def test_an_odd_number_of_bytes_is_padded(tmp_path: Path) -> None:
    data = dicom(PIXELS[:5, :3], bits=(8, 8, 7))
    np.testing.assert_array_equal(read_volume(write(tmp_path, data)).values[:, :, 0], PIXELS[:5, :3])


def test_a_deflated_file_unpacks_within_bounds(tmp_path: Path) -> None:
    head = reencoded("1.2.840.10008.1.2.1.99")
    meta_end = 144 + struct.unpack_from("<I", head, 140)[0]
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = head[:meta_end] + packer.compress(bytes(1 << 28)) + packer.flush()
    assert len(bomb) < 400_000
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="expected DICOM files of at most 134217728 bytes, found a larger one"):
            read_volume(write(tmp_path, bomb))
        assert tracemalloc.get_traced_memory()[1] < 2.5 * (1 << 27)
    finally:
        tracemalloc.stop()


def test_an_attribute_that_claims_gigabytes_asks_for_no_memory(tmp_path: Path) -> None:
    data = dicom(PIXELS, more={(0x28, 0x4000): ("UN", b"ab")})
    at = data.index(struct.pack("<HH", 0x28, 0x4000))
    claim = data[: at + 8] + struct.pack("<I", 0xFFFFFF00) + data[at + 12 :]
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            read_volume(write(tmp_path, claim))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def change_codestream(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The same file with another picture in it."""
    image = pydicom.dcmread(io.BytesIO(data))
    picture = change(joined_fragments(image.PixelData, "one.dcm"))
    picture += bytes(len(picture) % 2)
    item = b"\xfe\xff\x00\xe0"
    image.PixelData = item + bytes(4) + item + struct.pack("<I", len(picture)) + picture
    stream = io.BytesIO()
    image.save_as(stream)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["dcm.jpeg", "dcm.jpeg2000"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("ended", [False, True])
def test_a_cut_picture_is_refused(name: str, share: float, ended: bool, tmp_path: Path, capfd) -> None:
    """Also where somebody put an end behind it: its decoder complains on standard error, which nobody sees."""
    sample = SAMPLES[name]()
    data = change_codestream(sample.damaged, lambda p: p[: int(share * len(p)) // 2 * 2] + b"\xff\xd9" * ended)
    with pytest.raises(InputError, match="^one.dcm: expected a complete DICOM file, found a truncated or damaged one$"):
        read_volume(write(tmp_path, data))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["dcm.jpeg", "dcm.jpeg2000"])
def test_a_picture_of_another_size_is_refused(name: str, tmp_path: Path) -> None:
    image = pydicom.dcmread(io.BytesIO(SAMPLES[name]().damaged))
    image.Rows = 4000
    stream = io.BytesIO()
    image.save_as(stream)
    with pytest.raises(
        InputError, match=f"compressed images of {SHAPE[0]}×4000 pixels of one number of 16 bits, found 12×10 of 1"
    ):
        read_volume(write(tmp_path, stream.getvalue()))


def test_fragments_fill_their_value() -> None:
    item = b"\xfe\xff\x00\xe0"
    whole = item + bytes(4) + item + b"\2\0\0\0ab" + item + b"\2\0\0\0cd"
    assert joined_fragments(whole, "x") == b"abcd"
    for broken in (
        whole[:-1],
        whole[:-2],
        whole + b"e",
        whole[8:9],
        b"",
        item + bytes(4),
        whole.replace(b"\2\0", b"\4\0"),
    ):
        with pytest.raises(InputError, match="expected a complete DICOM file"):
            joined_fragments(broken, "x")


def test_codestreams() -> None:
    frame = b"\xff\xc3\0\x0b\x10\0\x0a\0\x0c\1\1\x11\0"
    comment = b"\xff\xfe\0\4hi"
    check_codestream(b"\xff\xd8" + comment + b"\xff" + frame + b"data\xff\xd9\0", (12, 10), 16, "x")
    for broken in (
        b"",
        b"\xff\xd8",
        b"\xff\xd8" + comment,
        b"\xff\xd8" + frame,
        b"GIF89a\xff\xd9",
        b"\xff\x4f\xff\x51\xff\xd9",
    ):
        with pytest.raises(InputError, match="expected a complete DICOM file"):
            check_codestream(broken, (12, 10), 16, "x")
    with pytest.raises(InputError, match="12×10 of 1 of 16"):
        check_codestream(b"\xff\xd8" + frame + b"\xff\xd9", (12, 10), 8, "x")
