from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.dicom_identity import identifying_attributes
from cardioscar.imaging.formats.volume_files import read_volume
from tests.imaging.formats.image_bytes import dicom

PIXELS = np.arange(12).reshape(4, 3)
ORIENTATION = (0.8, 0.6, 0, -0.36, 0.48, 0.8)
NORMAL = np.cross(ORIENTATION[:3], ORIENTATION[3:])
CODE = "P-001"


def series(folder: Path, changes: dict[int, dict] | None = None, *, n: int = 4, gap_mm: float = 10.0) -> Path:
    """Slices `gap_mm` apart along the normal, written in an order that is not theirs."""
    folder = folder / "lge"
    folder.mkdir()
    for k in range(n):
        options = {
            "position": tuple(np.array([1.0, 2, 3]) + k * gap_mm * NORMAL),
            "orientation": ORIENTATION,
            "patient": CODE,
            **(changes or {}).get(k, {}),
        }
        (folder / f"im{(7 * k) % n}.dcm").write_bytes(dicom(options.pop("pixels", PIXELS + 100 * k), **options))
    return folder


def test_slices_in_order_of_position_with_thickness_and_frame(tmp_path):
    folder = series(tmp_path)
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "DICOMDIR").write_bytes(b"x")
    volume = read_volume(folder)
    assert volume.values.shape == (4, 3, 4)
    assert volume.values.dtype == np.float32
    np.testing.assert_array_equal(volume.values, PIXELS[:, :, None] + 100 * np.arange(4))
    np.testing.assert_allclose(volume.affine[:3, 0], 1.5 * np.array(ORIENTATION[:3]), atol=1e-6)
    np.testing.assert_allclose(volume.affine[:3, 1], 1.25 * np.array(ORIENTATION[3:]), atol=1e-6)
    np.testing.assert_allclose(volume.affine[:3, 2], 10 * NORMAL, atol=1e-6)
    np.testing.assert_allclose(volume.affine[:3, 3], [1, 2, 3], atol=1e-6)
    assert volume.slice_thickness_mm == 8
    assert volume.source == "lge"


def test_each_slice_has_its_own_rescale(tmp_path):
    volume = read_volume(series(tmp_path, {1: {"slope": 0.5, "intercept": -10}, 2: {"slope": 2}}))
    np.testing.assert_allclose(volume.values[:, :, 0], PIXELS)
    np.testing.assert_allclose(volume.values[:, :, 1], 0.5 * (PIXELS + 100) - 10)
    np.testing.assert_allclose(volume.values[:, :, 2], 2 * (PIXELS + 200))


def test_single_file_steps_by_its_thickness(tmp_path):
    path = tmp_path / "one.dcm"
    path.write_bytes(dicom(PIXELS))
    volume = read_volume(path)
    np.testing.assert_allclose(volume.spacing_mm, [1.5, 1.25, 8])
    path.write_bytes(dicom(PIXELS, thickness_mm=None))
    with pytest.raises(GeometryError, match=r"one\.dcm: expected a slice thickness \(0018,0050\)"):
        read_volume(path)


def at(k: float, aside: float = 0.0) -> tuple[float, ...]:
    return tuple(np.array([1.0, 2, 3]) + 10 * k * NORMAL + aside * np.array(ORIENTATION[:3]))


BAD = {
    "missing slice": (
        {3: {"position": at(4)}},
        GeometryError,
        "lge: expected equal distances between slices, found 10.00 to 20.00 mm",
    ),
    "duplicated slice": (
        {3: {"position": at(2)}},
        InputError,
        "lge: expected one image at each slice position, found 4 images at 3 positions (a duplicated slice?)",
    ),
    "cine": (
        {k: {"position": at(k // 2)} for k in range(4)},
        InputError,
        "found 4 images at 2 positions (temporal phases of a cine?)",
    ),
    "two series": ({2: {"series": "1.2.9"}}, InputError, "lge: expected one DICOM series, found 2"),
    "two sizes": ({2: {"pixels": np.zeros((5, 5))}}, InputError, "slices of one size, found 4×3 and 5×5"),
    "two orientations": ({1: {"orientation": (1, 0, 0, 0, 1, 0)}}, GeometryError, "expected parallel slices"),
    "two pixel sizes": ({1: {"pixel_mm": (1.0, 1.0)}}, GeometryError, "expected one pixel size"),
    "slice aside": ({2: {"position": at(2, 5)}}, GeometryError, "slices along one line, found one 5.00 mm aside"),
    "negative thickness": (
        {k: {"thickness_mm": -8} for k in range(4)},
        GeometryError,
        "expected a positive slice thickness (0018,0050), found -8 mm",
    ),
    "two thicknesses": ({1: {"thickness_mm": 5}}, GeometryError, "one slice thickness (0018,0050), found 5 to 8 mm"),
    "no position": ({1: {"position": None}}, GeometryError, "expected position, orientation and pixel spacing"),
    "skewed": ({0: {"orientation": (1, 0, 0, 0.5, 0.8, 0)}}, GeometryError, "orthonormal direction cosines"),
    "multi-frame": ({1: {"frames": 3}}, InputError, "single-frame DICOM images, found a multi-frame one of 3"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_series(case, tmp_path, capfd):
    changes, kind, message = BAD[case]
    with pytest.raises(InputError) as caught:
        read_volume(series(tmp_path, changes))
    assert type(caught.value) is kind
    assert str(caught.value).startswith("lge: expected ")
    assert message in str(caught.value)
    told = str(caught.value) + "".join(capfd.readouterr())
    assert CODE not in told
    assert str(tmp_path) not in told


def test_folders_without_or_with_other_files(tmp_path):
    (tmp_path / "lge").mkdir()
    with pytest.raises(InputError, match="lge: expected a folder of DICOM files, found no files"):
        read_volume(tmp_path / "lge")
    (tmp_path / "lge" / "notes.txt").write_text("text")
    with pytest.raises(InputError, match=r"lge: expected DICOM files only, found another file"):
        read_volume(tmp_path / "lge")


def test_truncated_slice(tmp_path, capfd):
    folder = series(tmp_path, {k: {"pixels": np.zeros((64, 64))} for k in range(4)})
    path = folder / "im0.dcm"
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(
        InputError, match="^lge: expected a complete DICOM file, found one that ends before or behind its"
    ):
        read_volume(folder)
    assert str(tmp_path) not in "".join(capfd.readouterr())


def test_a_folder_inside_is_not_passed_over(tmp_path):
    folder = series(tmp_path)
    (folder / ".hidden").mkdir()
    read_volume(folder)
    (folder / "SE001").mkdir()
    with pytest.raises(
        InputError, match=r"^lge: expected the DICOM files themselves in the folder, found 1 folder in it$"
    ):
        read_volume(folder)
    for path in folder.glob("*.dcm"):
        path.rename(folder / "SE001" / path.name)
    with pytest.raises(InputError, match=r"found 1 folder in it$"):
        read_volume(folder)


def alone(k: int, **more: object) -> dict:
    """A slice that is a series of its own."""
    return {"series": f"1.2.3.{k}", "frame": "1.9", **more}


def test_a_series_for_each_slice_of_one_stack_is_read_and_said(tmp_path, caplog):
    volume = read_volume(series(tmp_path, {k: alone(k) for k in range(4)}))
    np.testing.assert_array_equal(volume.values, PIXELS[:, :, None] + 100 * np.arange(4))
    assert [record.getMessage() for record in caplog.records] == [
        "lge holds 4 series of one image each; they were taken for the slices of one stack"
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({k: {"series": f"1.2.3.{k}"} for k in range(4)}, "expected one DICOM series, found 4"),
        ({k: alone(k, frame=f"1.{k // 2}") for k in range(4)}, "expected one DICOM series, found 4"),
        ({k: alone(k // 2) for k in range(4)}, "expected one DICOM series, found 2"),
        ({k: alone(k, position=at(k % 2)) for k in range(4)}, "one image at each slice position, found 4 images at 2"),
        ({k: alone(k, orientation=ORIENTATION if k else (1, 0, 0, 0, 1, 0)) for k in range(4)}, "parallel slices"),
        ({k: alone(k, pixel_mm=(1.5, 1.25 + k / 9)) for k in range(4)}, "one pixel size"),
    ],
)
def test_series_that_are_no_stack(changes, message, tmp_path):
    with pytest.raises(InputError) as caught:
        read_volume(series(tmp_path, changes))
    assert message in str(caught.value)


def test_magnitude_and_phase_in_one_series_are_told_by_their_type(tmp_path):
    changes = {
        k: {"position": at(k // 2), "image_type": rf"ORIGINAL\PRIMARY\{'MP'[k % 2]}"} for k in range(6)
    }  # fmt: skip
    with pytest.raises(InputError) as caught:
        read_volume(series(tmp_path, changes, n=6))
    assert caught.value.finding == (
        "6 images at 3 positions (2 image types, such as magnitude and phase: keep those of one ImageType (0008,0008))"
    )


def test_slices_of_different_types_at_different_places_are_doubtful(tmp_path, caplog):
    read_volume(series(tmp_path, {1: {"image_type": "ORIGINAL"}}))
    assert "lge holds slices of different image types (0008,0008)" in caplog.text


def between(mm: float, **more: float) -> dict[int, dict]:
    return {k: {"between_mm": mm, **more} for k in range(4)}


@pytest.mark.parametrize("mm", [10, -10, 10.02, 0, 2])
def test_the_stated_distance_of_slices_may_have_a_sign_or_be_the_gap(mm, tmp_path, caplog):
    volume = read_volume(series(tmp_path, between(mm)))
    np.testing.assert_allclose(volume.spacing_mm[2], 10)
    assert not caplog.records


def test_every_second_slice_of_a_scan_is_said(tmp_path, caplog):
    volume = read_volume(series(tmp_path, between(5, thickness_mm=6)))
    np.testing.assert_allclose(volume.spacing_mm[2], 10)
    assert "lge holds slices 10 mm apart of a scan of 5 mm: one of 2" in caplog.text


def test_another_distance_than_the_positions_have_is_refused(tmp_path):
    folder = series(tmp_path, between(8))
    with pytest.raises(GeometryError) as caught:
        read_volume(folder)
    assert str(caught.value) == (
        "lge: expected positions and spacing between slices (0018,0088) that agree (header_trust: sform or pixdim says "
        "which one counts), found slices 10 mm apart against 8 mm"
    )
    np.testing.assert_allclose(read_volume(folder, "sform").spacing_mm[2], 10)
    stretched = read_volume(folder, "pixdim")
    np.testing.assert_allclose(stretched.affine[:3, 2], 8 * NORMAL, atol=1e-6)
    np.testing.assert_allclose(stretched.affine[:3, 3], [1, 2, 3], atol=1e-6)


@pytest.mark.parametrize("thickness_mm", [1, 30])
def test_a_thickness_that_does_not_fit_the_distance_is_doubtful(thickness_mm, tmp_path, caplog):
    read_volume(series(tmp_path, {k: {"thickness_mm": thickness_mm} for k in range(4)}))
    assert f"lge states slices of {thickness_mm} mm that lie 10 mm apart" in caplog.text


@pytest.mark.parametrize(
    ("tag", "name"), [((0x18, 0x1164), "ImagerPixelSpacing"), ((0x18, 0x2010), "NominalScannedPixelSpacing")]
)
def test_a_pixel_size_stated_twice(tag, name, tmp_path):
    path = tmp_path / "one.dcm"
    path.write_bytes(dicom(PIXELS, more={tag: ("DS", r"1.25\1.5")}))
    read_volume(path)
    path.write_bytes(dicom(PIXELS, more={tag: ("DS", r"9\9")}))
    with pytest.raises(
        GeometryError, match=f"PixelSpacing and {name} that agree .*found pixels of 1.25×1.5 mm against 9×9"
    ):
        read_volume(path)
    np.testing.assert_allclose(read_volume(path, "sform").spacing_mm, [1.5, 1.25, 8])


def test_an_aspect_ratio_that_does_not_fit_the_pixels(tmp_path):
    path = tmp_path / "one.dcm"
    path.write_bytes(dicom(PIXELS, more={(0x28, 0x34): ("IS", r"5\6")}))
    read_volume(path)
    path.write_bytes(dicom(PIXELS, more={(0x28, 0x34): ("IS", r"1\1")}))
    with pytest.raises(GeometryError, match="PixelSpacing and PixelAspectRatio that agree .* against a ratio 1:1"):
        read_volume(path)


def without_identity(source: Path, folder: Path) -> Path:
    """Copy DICOM files as a sender de-identifies them: what the check names is removed."""
    folder.mkdir()
    for path in [source] if source.is_file() else source.iterdir():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the scanners' values are not all to the letter of the standard
            image = pydicom.dcmread(path)
            image.remove_private_tags()
            for keyword in identifying_attributes(path, path.name):
                for part in (image, image.file_meta):
                    if keyword in part.dir():
                        delattr(part, keyword)
            image.save_as(folder / path.name)
    return folder


@pytest.mark.real
@pytest.mark.parametrize(
    ("folder", "named"),
    [
        ("bivme_patient1/dicom_sax_mid", "AcquisitionDate, AcquisitionDateTime, ContentDate, ImageComments"),
        ("sunnybrook_cine_ep_pig/dicom_slice11", "AccessionNumber, AcquisitionDate, ContentDate, DeviceSerialNumber"),
    ],
)
def test_real_files_with_dates_of_the_scan_are_refused(data_dir, folder, named):
    with pytest.raises(InputError, match="expected DICOM without identifying attributes") as caught:
        read_volume(data_dir / folder)
    assert f"found {named}" in str(caught.value)
    assert "20" not in caught.value.finding


@pytest.mark.real
@pytest.mark.parametrize(
    ("folder", "finding"),
    [
        ("bivme_patient1/dicom_sax_mid", "25 images at 1 position (temporal phases of a cine?)"),
        ("sunnybrook_cine_ep_pig/dicom_slice11", "20 images at 1 position (temporal phases of a cine?)"),
    ],
)
def test_real_cine_of_one_slice(data_dir, tmp_path, folder, finding):
    with pytest.raises(InputError) as caught:
        read_volume(without_identity(data_dir / folder, tmp_path / Path(folder).name))
    expected = f"{Path(folder).name}: expected one image at each slice position, found {finding}"
    assert str(caught.value) == expected


@pytest.mark.real
def test_real_single_slice(data_dir, tmp_path):
    first = min((data_dir / "bivme_patient1" / "dicom_sax_mid").iterdir())
    volume = read_volume(without_identity(first, tmp_path / "one") / first.name)
    assert volume.values.shape == (256, 208, 1)
    np.testing.assert_allclose(volume.spacing_mm, [1.40625, 1.40625, 6])  # ITK alone would say 1 mm
    assert volume.slice_thickness_mm == 6
    np.testing.assert_allclose(volume.affine[:3, 3], [-185.237, -101.506, -92.5325])
    np.testing.assert_allclose(volume.affine[:3, 0] / 1.40625, [0.792067, 7.87262e-07, 0.610434], atol=1e-5)
