"""Cines from NIfTI and DICOM, and every one that is none."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.formats.cine_files import read_cine, read_cine_labels, write_cine
from cardioscar.imaging.labels import Label
from tests.imaging.formats.image_bytes import dicom, nifti
from tests.imaging.formats.test_dicom_series import without_identity

RAS = np.array([[-1.5, 0, 0, 5], [0, -1.25, 0, 6], [0, 0, 8, 7], [0, 0, 0, 1.0]])
VALUES = np.random.default_rng(1).integers(0, 1000, (6, 5, 3, 4)).astype(float)
# their normal, (-0.48, 0.64, 0.6), is within 10° of the usual long axis
ORIENTATION = (0.8, 0.6, 0.0, -0.36, 0.48, -0.8)
NORMAL = np.cross(ORIENTATION[:3], ORIENTATION[3:])
LONG_AXIS_RAS = np.array(
    [[-0.1983, -0.6414, 5.93, 10], [-0.966, 0.0, -2.07, 20], [0.1658, -0.7672, -4.95, 30], [0, 0, 0, 1.0]]
)
"""A four-chamber slice, RAS, 8 mm thick."""
MS, S, US = 2 + 16, 2 + 8, 2 + 24


def write(folder: Path, values: np.ndarray = VALUES, affine: np.ndarray = RAS, **options) -> Path:
    path = folder / "cine.nii"
    path.write_bytes(nifti(affine, values, **{"time_step": 50.0, "units": MS, **options}))
    return path


@pytest.mark.parametrize(("units", "step"), [(MS, 200.0), (S, 0.2), (US, 2e5), (2, 200.0), (2, 0.2), (2, 2e5)])
@pytest.mark.parametrize("version", [1, 2])
def test_times_in_every_unit_are_milliseconds(units: int, step: float, version: int, tmp_path: Path) -> None:
    cine = read_cine(write(tmp_path, units=units, time_step=step, version=version))
    np.testing.assert_allclose(cine.times_ms, [0, 200, 400, 600], atol=1e-3)  # single precision of the header
    np.testing.assert_array_equal(cine.values, VALUES)
    assert cine.slice_numbers == (0, 1, 2)
    np.testing.assert_allclose(cine.affine, np.diag([-1, -1, 1, 1]) @ RAS, atol=1.5e-3)  # a thousandth of a pixel
    np.testing.assert_allclose(cine.pixel_mm, [1.5, 1.25])  # pixels that are not square


def test_first_time_counts(tmp_path: Path) -> None:
    cine = read_cine(write(tmp_path, time_step=200, first_time=12))
    np.testing.assert_allclose(cine.times_ms, [12, 212, 412, 612])


@pytest.mark.parametrize(("units", "step"), [(2, 1.0), (S, 1.0), (2, 0.0), (MS, 0.0)])
def test_no_time_is_said(units: int, step: float, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert read_cine(write(tmp_path, units=units, time_step=step)).times_ms is None
    assert "cine.nii states no time between its frames" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": S, "time_step": 200.0}, "found 4 frames 200 s apart, as its header says (in ms they would)"),
        ({"units": MS, "time_step": 0.2}, "found 4 frames 0.2 ms apart, as its header says (in s they would)"),
        ({"units": 2, "time_step": 7.0}, "found 4 frames 7 apart, without a unit"),
        ({"units": MS, "time_step": -3.0}, "expected a positive time between frames (pixdim 4), found another number"),
        ({"units": 2 + 32}, "expected a fourth axis of time, found one of another unit (frequency, concentration)"),
        (
            {"values": VALUES[..., 0]},
            "expected a 4D image (rows, columns, slices and the frames of a beat), found 3 axes, 6×5×3",
        ),
        ({"values": VALUES[..., :1]}, "expected at least two frames of a beat, found one, 6×5×3×1"),
        ({"values": VALUES[..., [0, 1, 1, 2]]}, "found frame 2 the same as frame 1 in slice 0 (from 0, of 3)"),
        ({"values": VALUES * [1, 1, 0, 1]}, "found none in frame 2 of slice 0 (from 0, of 3): a missing frame?"),
        ({"values": VALUES * 0}, "expected images, found one number for all pixels of each slice"),
        ({"affine": LONG_AXIS_RAS}, "expected short-axis slices, found slices along the long axis"),
    ],
)
def test_nifti_that_is_no_short_axis_cine(options: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_cine(write(tmp_path, **options))
    assert message in str(caught.value)
    assert str(caught.value).startswith("cine.nii: expected")


def test_five_axes_and_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found 5 axes"):
        read_cine(write(tmp_path, shape=(6, 5, 3, 2, 2)))
    (tmp_path / "cine.avi").write_bytes(b"x")
    with pytest.raises(InputError, match=r"expected a cine \(.nii, .nii.gz, or a folder of DICOM files\)"):
        read_cine(tmp_path / "cine.avi")


def test_truncated_cines_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, time_step=200)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="truncated"):
        read_cine(path)


def test_slices_in_reverse_give_the_same_cine(tmp_path: Path) -> None:
    first = read_cine(write(tmp_path, time_step=200))
    turned = RAS.copy()
    turned[:3, 3] += RAS[:3, 2] * 2
    turned[:3, 2] *= -1
    second = read_cine(write(tmp_path, VALUES[:, :, ::-1], turned, time_step=200))
    np.testing.assert_array_equal(second.values, first.values)
    np.testing.assert_allclose(second.affine, first.affine, atol=1e-6)
    assert second.slice_numbers == (2, 1, 0)


def test_labels_beside_a_cine(tmp_path: Path) -> None:
    cine = read_cine(write(tmp_path, time_step=200))
    drawn = np.zeros(VALUES.shape)
    drawn[1:4, 1:4, 1] = 3
    drawn[2, 2, 1] = 1
    path = tmp_path / "labels.nii"
    path.write_bytes(nifti(RAS, drawn))  # no slice but one, and no time: legal
    labels = read_cine_labels(path, cine, "mnms")
    path.write_bytes(nifti(RAS, drawn * 5))
    with pytest.raises(InputError, match="expected labels 0, 1, 2, 3"):
        read_cine_labels(path, cine, "mnms")
    assert labels.values[2, 2, 1, 0] == Label.BLOOD_POOL
    np.testing.assert_array_equal(labels.times_ms, cine.times_ms)
    elsewhere = RAS.copy()
    elsewhere[2, 3] += 8
    path.write_bytes(nifti(elsewhere, drawn))
    with pytest.raises(GeometryError, match=r"up to 8.0 mm apart \(contours of other slices\?\)"):
        read_cine_labels(path, cine, "mnms")
    path.write_bytes(nifti(RAS, drawn[:, :, :2]))
    with pytest.raises(GeometryError, match="expected labels of the 3 slices of cine.nii, found 2"):
        read_cine_labels(path, cine, "mnms")


@pytest.mark.parametrize("name", ["out.nii", "out.nii.gz"])
@pytest.mark.parametrize("times", [np.arange(4) * 210.0, None])
def test_what_is_written_reads_back(name: str, times: np.ndarray | None, tmp_path: Path) -> None:
    cine = read_cine(write(tmp_path, time_step=200))
    cine = Cine(cine.values.astype(np.int16), cine.affine, times)
    write_cine(tmp_path / name, cine)
    again = read_cine(tmp_path / name)
    np.testing.assert_array_equal(again.values, cine.values)
    np.testing.assert_allclose(again.affine, cine.affine, atol=2e-3)  # a thousandth of a pixel, canonical's lattice
    if times is None:
        assert again.times_ms is None
    else:
        np.testing.assert_allclose(again.times_ms, times, atol=1e-3)


def dicom_folder(folder: Path, *, slices: int = 3, frames: int = 5, change=None, **every) -> Path:
    """Images of a stack, one file each in a shuffled order; `change(k, t)` alters single files, or leaves one out."""
    folder = folder / "cine"
    folder.mkdir(exist_ok=True)
    for k in range(slices):
        for t in range(frames):
            options = {
                "position": tuple(np.array([1.0, 2, 3]) + k * 9.0 * NORMAL),
                "orientation": ORIENTATION,
                "more": {(0x18, 0x1060): ("DS", f"{30 + 150 * t + k}")},
                "pixels": np.arange(12).reshape(4, 3) * (t + 1) + 100 * k,
                **every,
                **((change(k, t) if change else {}) or {}),
            }
            if not options.pop("absent", False):
                name = f"im{(7 * (k * frames + t)) % (slices * frames):03}.dcm"
                (folder / name).write_bytes(dicom(options.pop("pixels"), **options))
    return folder


def test_dicom_in_order_of_place_and_trigger_time(tmp_path: Path) -> None:
    cine = read_cine(dicom_folder(tmp_path))
    assert cine.values.shape == (4, 3, 3, 5)
    k, t = np.meshgrid(np.arange(3), np.arange(5), indexing="ij")
    order = list(cine.slice_numbers or ())
    np.testing.assert_array_equal(
        np.sort(cine.values[1:, 1:].ravel()),
        np.sort((np.arange(12).reshape(4, 3)[1:, 1:, None, None] * (t + 1) + 100 * k).ravel()),
    )
    np.testing.assert_allclose(cine.times_ms, 31 + 150.0 * np.arange(5))  # mean of three slices, a millisecond apart
    assert sorted(order) == [0, 1, 2]
    assert cine.slice_thickness_mm == 8
    assert cine.distance_mm == pytest.approx(9, abs=1e-4)
    at = np.array([[1.0, 2, 3]]) + 2 * 9 * NORMAL
    i, j, place = np.round(cine.grid.mm_to_index(at)[0]).astype(int)
    assert cine.values[i, j, place, 3] == 200  # the first pixel of the third slice


def test_frames_without_trigger_times_follow_their_numbers(tmp_path: Path) -> None:
    def numbered(k: int, t: int) -> dict:
        return {"more": {(0x20, 0x13): ("IS", str(k * 5 + t + 1)), (0x18, 0x1062): ("IS", "750")}}

    cine = read_cine(dicom_folder(tmp_path, change=numbered))
    np.testing.assert_allclose(cine.times_ms, 150.0 * np.arange(5))
    assert (np.diff(cine.values.max(axis=(0, 1)), axis=1) > 0).all()


def test_a_series_for_each_slice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cine = read_cine(dicom_folder(tmp_path, change=lambda k, _: {"series": f"1.2.{k + 1}", "frame": "1.9"}))
    assert cine.values.shape == (4, 3, 3, 5)
    assert "3 series; they were taken for the slices of one stack" in caplog.text


MIXED = {
    "one frame": ({"frames": 1}, "expected at least two frames of a beat, found one at each slice"),
    "missing": (
        {"change": lambda k, t: {"absent": (k, t) == (1, 2)}},
        "expected 5 frames at every slice, found 4 at slice 1 (from 0, of 3): missing frames",
    ),
    "missing everywhere": (
        {"change": lambda _, t: {"absent": t == 2}},
        "frames spread evenly over the beat (slice 0, from 0, of 3), found one of 300 ms where 150 ms are usual",
    ),
    "repeated": (
        {"change": lambda k, t: {"more": {(0x18, 0x1060): ("DS", "181")}} if (k, t) == (1, 2) else {}},
        "expected one image at each slice and time, found 1 image at the slice and time of another (repeated frames)",
    ),
    "magnitude and phase": (
        {"change": lambda _, t: {"image_type": "M" if t % 2 else "P", "more": {(0x18, 0x1060): ("DS", f"{t // 2}")}}},
        "(2 image types, such as magnitude and phase)",
    ),
    "some without times": (
        {"change": lambda k, t: {"more": {}} if (k, t) == (0, 1) else {}},
        "expected TriggerTime in every file, or in none, found 1 of 15 files without",
    ),
    "no times nor numbers": (
        {"more": {}},
        "expected trigger times (0018,1060) or numbers of the frames, found neither",
    ),
    "times of two rates": (
        {"change": lambda k, t: {"more": {(0x18, 0x1060): ("DS", f"{(100 + 80 * k) * t}")}}},
        "expected one time between frames for all slices, found 100 to 260 ms",
    ),
    "seconds": (
        {"change": lambda _, t: {"more": {(0x18, 0x1060): ("DS", f"{0.6 * t}")}}},
        "expected frames that cover 80 to 4000 ms of a heart beat, found 5 frames that cover 3",
    ),
    "sizes": (
        {"change": lambda _, t: {"pixels": np.ones((5, 3))} if t == 2 else {}},
        "expected slices of one size, found 4×3 and 5×3",
    ),
    "spacing": ({"change": lambda _, t: {"pixel_mm": (1.4, 1.25)} if t == 2 else {}}, "expected one pixel size"),
    "gap": (
        {"change": lambda k, _: {"position": tuple(np.array([1.0, 2, 3]) + 13.0 * NORMAL)} if k == 2 else {}},
        "expected equal distances between slices, found 4.00 to 9.00 mm",
    ),
    "long axis": (
        {"slices": 1, "orientation": (0.1983, 0.966, 0.1658, 0.6414, 0, -0.7672)},
        "expected short-axis slices, found slices along the long axis of the heart",
    ),
    "long axis among them": (
        {"change": lambda k, _: {"orientation": (0.1983, 0.966, 0.1658, 0.6414, 0, -0.7672)} if k == 2 else {}},
        "expected one stack of parallel short-axis slices, found 2 orientations (long-axis series among them?)",
    ),
    "two series": ({"change": lambda _, t: {"series": f"1.{t % 2 + 1}", "frame": "1.9"}}, "expected one DICOM series"),
    "other frame of reference": (
        {"change": lambda k, _: {"series": f"1.{k + 1}", "frame": f"1.{k + 1}"}},
        "expected one DICOM series, found 3",
    ),
}


@pytest.mark.parametrize("name", MIXED)
def test_dicom_that_is_no_short_axis_cine(name: str, tmp_path: Path) -> None:
    options, message = MIXED[name]
    with pytest.raises(InputError) as caught:
        read_cine(dicom_folder(tmp_path, **options))
    assert message in str(caught.value)
    assert str(caught.value).startswith("cine: expected")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a folder of DICOM files, found no files"):
        read_cine(tmp_path)


@pytest.mark.real
@pytest.mark.parametrize(
    ("folder", "shape", "step_ms"),
    [
        ("sunnybrook2009_cine/dicom_SCD0000101_slice06", (256, 256, 1, 20), 37.97),
        ("sunnybrook_cine_ep_pig/dicom_slice11", (256, 256, 1, 20), 31.55),
        ("bivme_patient1/dicom_sax_mid", (208, 256, 1, 25), 33.16),
    ],
)
def test_real_dicom_cines(data_dir: Path, tmp_path: Path, folder: str, shape: tuple, step_ms: float) -> None:
    cine = read_cine(without_identity(data_dir / folder, tmp_path / "cine"))
    assert sorted(cine.values.shape) == sorted(shape)
    assert cine.values.shape[2:] == shape[2:]
    np.testing.assert_allclose(np.diff(cine.times_ms).mean(), step_ms, rtol=0.01)  # some write whole milliseconds


@pytest.mark.real
@pytest.mark.parametrize("number", [101, 201, 401, 501])
def test_real_stacks_with_their_labels(data_dir: Path, number: int) -> None:
    folder = data_dir / "sunnybrook2009_cine" / f"SCD0000{number}"
    cine = read_cine(folder / "cine_sax_crop128.nii.gz")
    labels = read_cine_labels(folder / "labels_crop128.nii.gz", cine)
    assert cine.frames == 20
    assert cine.beat_ms is not None
    assert 600 < cine.beat_ms < 1100
    drawn = (labels.values == Label.BLOOD_POOL).any(axis=(0, 1, 2))
    assert drawn.sum() == 2
    blood = cine.values[(labels.values == Label.BLOOD_POOL)]
    assert blood.mean() > 1.5 * np.median(cine.values)  # blood is bright in steady-state images
