"""Read back by pydicom alone, frame by frame from the attributes, and by ITK: neither knows highdicom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.affine import Affine
from cardioscar.imaging.formats.volume_files import dicom_files, read_volume
from cardioscar.imaging.labels import Label
from cardioscar.imaging.volume import Volume
from cardioscar.lge.dicom_seg import write_label_seg, write_probability_seg
from tests.imaging.formats.image_bytes import dicom
from tests.lge.inference.stand_in import OBLIQUE, heart

pytest.importorskip("highdicom")

SLICES = 4
STEP = 10.0


def series(folder: Path, labels: np.ndarray, *, frame: str = "1.2.9.1", study: str = "1.2.9.2") -> Path:
    """A series whose files are named in another order than their places."""
    folder = folder / "lge"
    folder.mkdir()
    for k in range(labels.shape[2]):
        more = {
            (8, 0x18): ("UI", f"1.2.3.5.{k + 1}"),
            (0x20, 0x13): ("IS", str(k + 1)),
            (0x20, 0x0D): ("UI", study),
        }
        content = dicom(
            100 + 50 * labels[..., k].astype(int),
            position=tuple(np.array([-70.0, 30, 110]) + k * STEP * OBLIQUE[:, 2]),
            orientation=(*OBLIQUE[:, 0], *OBLIQUE[:, 1]),
            frame=frame,
            patient="P-001",
            more={tag: value for tag, value in more.items() if value[1]},
        )
        (folder / f"im{(3 * k) % labels.shape[2]}.dcm").write_bytes(content)
    return folder


def raster(path: Path, grid: Volume) -> dict[int, np.ndarray]:
    """Segments on the grid of an image, each frame put where its own attributes say."""
    read = pydicom.dcmread(path)
    assert read.SOPClassUID == pydicom.uid.SegmentationStorage
    frames = read.pixel_array.reshape(-1, read.Rows, read.Columns).astype(float)
    if read.SegmentationType == "FRACTIONAL":
        frames /= read.MaximumFractionalValue
    shared = read.SharedFunctionalGroupsSequence[0]
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3).T
    rows_mm, columns_mm = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    found: dict[int, np.ndarray] = {}
    for frame, group in zip(frames, read.PerFrameFunctionalGroupsSequence, strict=True):
        affine = np.eye(4)
        affine[:3, 0], affine[:3, 1] = orientation[:, 0] * columns_mm, orientation[:, 1] * rows_mm
        affine[:3, 2] = np.cross(*orientation.T)
        affine[:3, 3] = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        row, column = np.nonzero(frame)
        at = Affine(affine).index_to_mm(np.column_stack([column, row, np.zeros(len(row))]))
        index = np.rint(grid.mm_to_index(at)).astype(int)
        assert np.abs(grid.mm_to_index(at) - index).max(initial=0) < 0.01
        # what all frames have in common is said once
        named = group if "SegmentIdentificationSequence" in group else shared
        number = named.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        found.setdefault(number, np.zeros(grid.values.shape))[tuple(index.T)] = frame[row, column]
    return found


@pytest.fixture
def labels() -> np.ndarray:
    found = heart((60, 50, SLICES), center=(34, 22))
    found[..., 0] = 0
    return found


def test_labels_come_back_at_their_places_and_refer_to_their_images(tmp_path: Path, labels: np.ndarray) -> None:
    folder = series(tmp_path, labels)
    image = read_volume(folder)
    np.testing.assert_array_equal(image.values, 100 + 50 * labels)
    path = tmp_path / "labels.dcm"
    write_label_seg(path, Volume(labels, image.affine, "lge"), dicom_files(folder), algorithm="lge-unet-tiny")
    read = pydicom.dcmread(path)
    found = raster(path, image)
    for number, label in ((1, Label.MYOCARDIUM), (2, Label.BLOOD_POOL), (3, Label.SCAR)):
        np.testing.assert_array_equal(found[number] > 0, labels == label)
    names = [one.SegmentLabel for one in read.SegmentSequence]
    assert names == ["Living myocardium", "Left ventricular cavity", "Myocardial scar"]
    assert read.PatientName == "P-001"
    assert read.StudyInstanceUID == "1.2.9.2"
    assert read.FrameOfReferenceUID == "1.2.9.1"
    referred = {
        one.ReferencedSOPInstanceUID for series in read.ReferencedSeriesSequence
        for one in series.ReferencedInstanceSequence
    }  # fmt: skip
    assert referred == {f"1.2.3.5.{k + 1}" for k in range(SLICES)}
    # each frame names the one image of its own slice
    for group in read.PerFrameFunctionalGroupsSequence:
        position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        k = round(float(image.mm_to_index(position[None])[0, 2]))
        [derived] = group.DerivationImageSequence
        assert derived.SourceImageSequence[0].ReferencedSOPInstanceUID == f"1.2.3.5.{k + 1}"


def test_probability_comes_back_in_steps_of_a_255th(tmp_path: Path, labels: np.ndarray) -> None:
    folder = series(tmp_path, labels)
    image = read_volume(folder)
    probability = np.random.default_rng(0).random(labels.shape).astype(np.float32) * (labels > 0)
    path = tmp_path / "probability.dcm"
    write_probability_seg(path, Volume(probability, image.affine, "lge"), dicom_files(folder), algorithm="net")
    [(number, found)] = raster(path, image).items()
    assert number == 1
    np.testing.assert_allclose(found, probability, atol=0.5 / 255 + 1e-6)


def test_itk_reads_the_frames_too(tmp_path: Path, labels: np.ndarray) -> None:
    import SimpleITK

    folder = series(tmp_path, labels)
    image = read_volume(folder)
    path = tmp_path / "probability.dcm"
    scar = (labels == Label.SCAR).astype(np.float32)
    write_probability_seg(path, Volume(scar, image.affine, "lge"), dicom_files(folder), algorithm="net")
    values = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    assert (values > 0).sum() == scar.sum()


def test_the_same_labels_make_the_same_object_and_others_another(tmp_path: Path, labels: np.ndarray) -> None:
    folder = series(tmp_path, labels)
    affine = read_volume(folder).affine
    uids = []
    for n, values in enumerate((labels, labels, np.where(labels == Label.SCAR, 1, labels))):
        write_label_seg(
            tmp_path / f"{n}.dcm",
            Volume(values.astype(np.uint8), affine, "lge"),
            dicom_files(folder)[::-1],
            algorithm="a",
        )
        uids.append(pydicom.dcmread(tmp_path / f"{n}.dcm").SOPInstanceUID)
    assert uids[0] == uids[1] != uids[2]


def test_labels_in_the_frame_of_other_slices_are_refused(tmp_path: Path, labels: np.ndarray) -> None:
    folder = series(tmp_path, labels)
    affine = read_volume(folder).affine
    moved = affine.copy()
    moved[:3, 3] += 3
    for values, frame, rule in (
        (labels, moved, "images in the slices of the labels"),
        (labels[:30], affine, "images in the slices of the labels"),
        (np.repeat(labels, 2, axis=2), affine, "an image for each of 8 slices"),
    ):
        with pytest.raises(GeometryError, match=rule):
            write_label_seg(tmp_path / "x.dcm", Volume(values, frame, "lge"), dicom_files(folder), algorithm="a")
    files = dicom_files(folder)
    with pytest.raises(GeometryError, match="one image for each slice"):
        write_label_seg(tmp_path / "x.dcm", Volume(labels, affine, "lge"), [*files, files[0]], algorithm="a")
    assert not (tmp_path / "x.dcm").exists()


def test_nothing_to_write_and_images_that_cannot_be_referred_to_are_refused(tmp_path: Path, labels: np.ndarray) -> None:
    folder = series(tmp_path, labels, frame="")
    affine = read_volume(folder).affine
    with pytest.raises(InputError, match="FrameOfReferenceUID"):
        write_label_seg(tmp_path / "x.dcm", Volume(labels, affine, "lge"), dicom_files(folder), algorithm="a")
    with pytest.raises(InputError, match="probabilities from 0 to 1"):
        write_probability_seg(tmp_path / "x.dcm", Volume(labels, affine, "lge"), dicom_files(folder), algorithm="a")
    (tmp_path / "other").mkdir()
    whole = series(tmp_path / "other", labels)
    with pytest.raises(InputError, match="something labelled"):
        write_label_seg(
            tmp_path / "x.dcm", Volume(np.zeros_like(labels), affine, "lge"), dicom_files(whole), algorithm="a"
        )
