"""Voxels of NIfTI files: every type, scaled or not, and no more and no less than the header says."""

from __future__ import annotations

import gzip
import logging
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.imaging.formats.nifti_files import read_nifti
from cardioscar.imaging.formats.volume_files import read_labels, read_volume
from tests.imaging.formats.image_bytes import NIFTI_CODES, nifti

AFFINE = np.array([[2.0, 0, 0, 5], [0, 3, 0, 6], [0, 0, 4, 7], [0, 0, 0, 1]])
VALUES = np.arange(24).reshape(4, 3, 2)


def write(folder: Path, data: bytes, name: str = "lge.nii") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["lge.nii", "lge.nii.gz"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("kind", NIFTI_CODES)
def test_every_type_in_both_versions(kind: str, version: int, order: str, name: str, tmp_path: Path) -> None:
    data = nifti(AFFINE, VALUES, kind=kind, version=version, order=order)
    volume = read_nifti(write(tmp_path, data, name))
    assert volume.values.dtype == np.dtype(kind)
    assert volume.values.dtype.isnative
    np.testing.assert_array_equal(volume.values, VALUES)
    np.testing.assert_allclose(volume.affine, np.diag([-1, -1, 1, 1]) @ AFFINE)
    volume.values[0, 0, 0] = 1  # an array like any other


@pytest.mark.parametrize("axes", [(4, 3, 2, 1), (4, 3, 2, 1, 1)])
def test_axes_of_one_beyond_the_third_are_left_out(axes: tuple[int, ...], tmp_path: Path) -> None:
    volume = read_nifti(write(tmp_path, nifti(AFFINE, VALUES, shape=axes)))
    np.testing.assert_array_equal(volume.values, VALUES)


@pytest.mark.parametrize(
    ("kind", "scale", "expected", "dtype"),
    [
        ("i2", (0.5, -3), VALUES * 0.5 - 3, "f4"),
        ("u1", (2, 0), VALUES * 2.0, "f4"),
        ("i4", (0.1, 1000), VALUES * np.float64(np.float32(0.1)) + 1000, "f8"),
        ("f4", (3, 1), VALUES * 3.0 + 1, "f4"),
        ("f8", (3, 1), VALUES * 3.0 + 1, "f8"),
        ("i2", (0, 5), VALUES, "i2"),  # the standard: a slope of zero scales nothing, and the offset with it
        ("i2", (0, 0), VALUES, "i2"),
        ("u1", (1, 0.25), VALUES + 0.25, "f4"),
    ],
)
def test_slope_and_intercept(
    kind: str, scale: tuple[float, float], expected: np.ndarray, dtype: str, tmp_path: Path, caplog
) -> None:
    with caplog.at_level(logging.WARNING):
        volume = read_nifti(write(tmp_path, nifti(AFFINE, VALUES, kind=kind, scale=scale)))
    assert volume.values.dtype == np.dtype(dtype)
    np.testing.assert_allclose(volume.values, expected, rtol=1e-6)
    assert not caplog.records


@pytest.mark.parametrize("scale", [(np.nan, 0), (np.inf, 2), (np.nan, np.nan), (1, np.inf)])
def test_a_scale_that_is_no_number_is_said_and_passed_over(scale: tuple[float, float], tmp_path: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        volume = read_nifti(write(tmp_path, nifti(AFFINE, VALUES, kind="i2", scale=scale)))
    np.testing.assert_array_equal(volume.values, VALUES)
    assert "states a scale that is no number" in caplog.text


@pytest.mark.parametrize(("kind", "top"), [("u1", 255), ("i2", 65535), ("i4", 2**32 - 1)])
@pytest.mark.parametrize(("table", "values"), [("emidec", [0, 1, 2, 4]), ("cardioscar", [0, 1, 2, 3])])
def test_labels_saved_with_a_slope_are_whole_again(
    kind: str, top: int, table: str, values: list[int], tmp_path: Path
) -> None:
    """As writers of floats into integers do: the range of the data over the range of the type."""
    labels = np.resize(values, (4, 3, 2))
    slope = np.float32(max(values) / top)
    low = np.iinfo(kind).min
    stored = np.rint(labels / slope + low).clip(low, np.iinfo(kind).max)
    data = nifti(AFFINE, stored, kind=kind, scale=(slope, -low * slope))
    expected = {"emidec": [0, 2, 1, 3], "cardioscar": values}[table]
    found = read_labels(write(tmp_path, data, "labels.nii.gz"), table).values
    np.testing.assert_array_equal(found, np.resize(expected, (4, 3, 2)))


def test_labels_between_two_are_refused(tmp_path: Path) -> None:
    labels = np.ones((4, 3, 2))
    labels[0, 0, 0] = 1.05
    with pytest.raises(InputError, match=r"found 1\.05 \(1 voxel\)"):
        read_labels(write(tmp_path, nifti(AFFINE, labels), "labels.nii"))


BAD = {
    "bitpix 0": ({"bits": 0}, "expected 32 bits a voxel for datatype 16, found bitpix 0"),
    "bitpix negative": ({"bits": -8}, "expected 32 bits a voxel for datatype 16, found bitpix -8"),
    "bitpix of another type": ({"bits": 16}, "expected 32 bits a voxel for datatype 16, found bitpix 16"),
    "voxels in the header": (
        {"first_voxel": 100},
        "expected voxels that begin at byte 352 or soon after, found byte 100",
    ),
    "voxels nowhere": ({"first_voxel": 1e30}, "expected voxels that begin at byte 352 or soon after, found byte 1e+30"),
    "voxels at no byte": ({"first_voxel": 352.5}, "expected voxels that begin at byte 352 or soon after"),
    "voxels at NaN": ({"first_voxel": np.nan}, "expected voxels that begin at byte 352 or soon after, found byte nan"),
    "huge": (
        {"shape": (30000, 30000, 30000)},
        "expected an image of at most 134217728 voxels, found 30000×30000×30000",
    ),
    "a row too many": ({"shape": (5, 3, 2)}, "expected a complete file of 472 bytes, found 448 (truncated)"),
    "a slice too few": ({"shape": (4, 3, 1)}, "expected a complete file of 400 bytes, found 448: more than described"),
}


@pytest.mark.parametrize("case", BAD)
def test_headers_that_contradict_themselves_or_the_file(case: str, tmp_path: Path) -> None:
    changes, message = BAD[case]
    with pytest.raises(InputError) as caught:
        read_volume(write(tmp_path, nifti(AFFINE, VALUES, **changes)))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("code", "said"),
    [(128, "colours"), (32, "complex numbers"), (1536, "128-bit numbers"), (1, "bits"), (77, "datatype 77")],
)
def test_voxels_that_are_no_real_numbers(code: int, said: str, tmp_path: Path) -> None:
    data = bytearray(nifti(AFFINE, VALUES))
    struct.pack_into("<h", data, 70, code)
    with pytest.raises(InputError, match=f"expected one real number a voxel, found {said}$"):
        read_volume(write(tmp_path, bytes(data)))


def test_a_header_without_a_mark_is_none(tmp_path: Path) -> None:
    data = bytearray(nifti(AFFINE, VALUES))
    data[344:348] = bytes(4)  # Analyze 7.5
    with pytest.raises(InputError, match="expected a NIfTI image in one file, found a header without NIfTI's mark"):
        read_volume(write(tmp_path, bytes(data)))


def test_an_extension_lies_between_header_and_voxels(tmp_path: Path) -> None:
    data = nifti(AFFINE, VALUES, first_voxel=352 + 64)
    volume = read_nifti(write(tmp_path, data[:352] + b"\xff" * 64 + data[352:]))
    np.testing.assert_array_equal(volume.values, VALUES)


def test_an_offset_that_is_not_set_is_the_first(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_nifti(write(tmp_path, nifti(AFFINE, VALUES, first_voxel=0))).values, VALUES)


def test_gzip_in_several_members_is_one_file(tmp_path: Path) -> None:
    data, path = nifti(AFFINE, VALUES), tmp_path / "lge.nii.gz"
    path.write_bytes(gzip.compress(data[:400]) + gzip.compress(data[400:]))
    np.testing.assert_array_equal(read_nifti(path).values, VALUES)


def test_a_small_file_that_unpacks_to_much_more_is_refused_without_unpacking_it(tmp_path: Path) -> None:
    path = tmp_path / "lge.nii.gz"
    with gzip.open(path, "wb", compresslevel=6) as stream:
        stream.write(nifti(AFFINE, VALUES))
        for _ in range(64):
            stream.write(bytes(1 << 24))
    assert path.stat().st_size < 2_000_000
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="expected 448 bytes, as its header says, found more than described"):
            read_volume(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["lge.nii", "lge.nii.gz"])
def test_a_small_file_that_claims_much_asks_for_no_memory(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, nifti(AFFINE, VALUES, shape=(500, 500, 500), kind="f8"), name)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"\(truncated\)"):
            read_volume(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_nothing_is_printed(tmp_path: Path, capfd) -> None:
    for number, change in enumerate(({"shape": (0, 3, 2)}, {"version": 2, "shape": (-4, 3, 2)}, {"bits": 7}, {})):
        data = nifti(AFFINE, VALUES, **change)
        path = write(tmp_path, data if change else data[:-1], f"a{number}.nii")
        with pytest.raises(InputError):
            read_volume(path)
    assert capfd.readouterr() == ("", "")
