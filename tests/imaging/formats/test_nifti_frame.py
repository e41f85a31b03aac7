"""Headers that state a frame twice: agreeing ones are read, contradicting ones refused unless one is believed."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cardioscar.errors import GeometryError
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.formats.volume_files import read_labels, read_volume
from tests.imaging.formats.image_bytes import nifti

SIZES = np.array([1.40625, 1.40625, 13.0])
TURN = Rotation.from_euler("xyz", [20, -35, 50], degrees=True)
PLACE = np.array([-80.0, 20, 45])


def frame(turn: Rotation = TURN, sizes: np.ndarray = SIZES, place: np.ndarray = PLACE) -> np.ndarray:
    """Voxel index to mm RAS."""
    affine = np.eye(4)
    affine[:3, :3] = turn.as_matrix() * sizes
    affine[:3, 3] = place
    return affine


def quaternion(turn: Rotation = TURN) -> tuple[float, float, float]:
    """b, c, d of the standard, for a ≥ 0."""
    x, y, z, w = turn.as_quat()
    sign = 1 if w >= 0 else -1
    return (sign * x, sign * y, sign * z)


def write(folder: Path, data: bytes, name: str = "lge.nii") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def lps(affine_ras: np.ndarray) -> np.ndarray:
    return np.diag([-1.0, -1, 1, 1]) @ affine_ras


@pytest.mark.parametrize("name", ["lge.nii", "lge.nii.gz"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_matrix_without_the_sizes_that_stand_beside_it_is_refused(name: str, version: int, tmp_path: Path) -> None:
    """As in the files of EMIDEC: a unit matrix, and the right `pixdim`."""
    data = nifti(np.eye(4), pixdim=(1.40625, 1.40625, 13), version=version)
    with pytest.raises(GeometryError) as caught:
        read_volume(write(tmp_path, data, name))
    assert str(caught.value) == (
        f"{name}: expected sform and pixdim that agree (header_trust: sform or pixdim says which one counts), "
        "found voxels of 1×1×1 mm against 1.406×1.406×13 mm"
    )
    volume = read_volume(tmp_path / name, "pixdim")
    np.testing.assert_allclose(volume.affine, lps(np.diag([*SIZES, 1])), atol=1e-6)
    np.testing.assert_allclose(read_volume(tmp_path / name, "sform").affine, lps(np.eye(4)), atol=1e-6)
    with pytest.raises(GeometryError, match="sform or pixdim says which one counts"):
        read_volume(tmp_path / name, "qform")  # it has none


@pytest.mark.parametrize("sizes", [(1, 1, 1), (1.40625, 1.40625, 8), (1.40625, 1.43, 13), (0.140625, 0.140625, 1.3)])
def test_other_sizes_beside_the_matrix_are_refused(sizes: tuple[float, float, float], tmp_path: Path) -> None:
    path = write(tmp_path, nifti(frame(), pixdim=sizes))
    with pytest.raises(GeometryError, match="expected sform and pixdim that agree"):
        read_volume(path)
    np.testing.assert_allclose(read_volume(path, "sform").affine, lps(frame()), atol=1e-4)
    trusted = read_volume(path, "pixdim")
    np.testing.assert_allclose(trusted.affine, lps(frame(sizes=np.array(sizes))), atol=1e-4)


@pytest.mark.parametrize(
    "sizes", [(1.406, 1.406, 13), (1.41, 1.41, 13.05), (-1.40625, 1.40625, -13), (0, 0, 0), (1.40625, 0, 13)]
)
def test_rounded_negative_and_missing_sizes_are_none(sizes: tuple[float, float, float], tmp_path: Path) -> None:
    path = write(tmp_path, nifti(frame(), pixdim=sizes))
    for trust in ("agree", "sform", "pixdim"):
        np.testing.assert_allclose(read_volume(path, trust).affine, lps(frame()), atol=1e-4)  # type: ignore[arg-type]


@pytest.mark.parametrize(("units", "factor"), [(1, 0.001), (2, 1.0), (3, 1000.0), (0, 1.0)])
def test_both_are_read_in_the_stated_unit(units: int, factor: float, tmp_path: Path) -> None:
    stored = frame().copy()
    stored[:3] *= factor
    path = write(
        tmp_path, nifti(stored, units=units, qform_code=1, quaternion=quaternion(), offset=tuple(stored[:3, 3]))
    )
    for trust in ("agree", "qform"):
        np.testing.assert_allclose(read_volume(path, trust).affine, lps(frame()), atol=1e-3)  # type: ignore[arg-type]


@pytest.mark.parametrize("handedness", [1.0, -1.0, 0.0])
@pytest.mark.parametrize("turn", [TURN, Rotation.identity(), Rotation.from_euler("x", 180, degrees=True)])
def test_the_rotation_alone(turn: Rotation, handedness: float, tmp_path: Path) -> None:
    expected = frame(turn)
    expected[:3, 2] *= -1 if handedness < 0 else 1
    nowhere = np.full((4, 4), 7.0)  # what the sform holds does not count where its code is 0
    data = nifti(
        nowhere, sform_code=0, qform_code=1, quaternion=quaternion(turn), offset=tuple(PLACE), handedness=handedness,
        pixdim=tuple(SIZES),
    )  # fmt: skip
    for trust in ("agree", "sform", "qform", "pixdim"):
        found = read_volume(write(tmp_path, data), trust)  # type: ignore[arg-type]
        np.testing.assert_allclose(found.affine, lps(expected), atol=1e-3)


@pytest.mark.parametrize("sizes", [(0, 1, 1), (np.nan, 1, 1), (np.inf, 1, 1)])
def test_a_rotation_needs_sizes(sizes: tuple[float, float, float], tmp_path: Path) -> None:
    data = nifti(np.eye(4), sform_code=0, qform_code=1, pixdim=sizes)
    with pytest.raises(GeometryError, match=r"expected positive voxel sizes \(pixdim\)"):
        read_volume(write(tmp_path, data))


def test_a_rotation_that_does_not_count_is_not_looked_at(tmp_path: Path) -> None:
    data = nifti(frame(), qform_code=0, quaternion=(9, 9, 9), offset=(1e9, 0, 0))
    np.testing.assert_allclose(read_volume(write(tmp_path, data)).affine, lps(frame()), atol=1e-4)


CONTRADICTIONS = {
    "turned by 90°": (Rotation.from_euler("z", 90, degrees=True) * TURN, PLACE, 1.0),
    "turned by 2°": (Rotation.from_euler("z", 2, degrees=True) * TURN, PLACE, 1.0),
    "elsewhere": (TURN, np.zeros(3), 1.0),
    "two pixels aside": (TURN, np.add(PLACE, [2.9, 0, 0]), 1.0),
    "mirrored": (TURN, PLACE, -1.0),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_two_valid_forms_that_differ_are_refused(case: str, tmp_path: Path) -> None:
    turn, place, handedness = CONTRADICTIONS[case]
    data = nifti(frame(), qform_code=1, quaternion=quaternion(turn), offset=tuple(place), handedness=handedness)
    path = write(tmp_path, data)
    for trust in ("agree", "pixdim"):
        with pytest.raises(GeometryError) as caught:
            read_volume(path, trust)  # type: ignore[arg-type]
        assert caught.value.rule == "sform and qform that agree (header_trust: sform or qform says which one counts)"
        assert caught.value.finding.startswith("the same voxel up to ")
    np.testing.assert_allclose(read_volume(path, "sform").affine, lps(frame()), atol=1e-4)
    expected = frame(turn, place=place)
    expected[:3, 2] *= handedness
    np.testing.assert_allclose(read_volume(path, "qform").affine, lps(expected), atol=1e-3)


@pytest.mark.parametrize(("angle_deg", "aside_mm"), [(0, 0), (0.3, 0), (0, 1.2)])
def test_forms_that_differ_by_less_than_a_pixel_are_one(angle_deg: float, aside_mm: float, tmp_path: Path) -> None:
    turn = Rotation.from_euler("z", angle_deg, degrees=True) * TURN
    data = nifti(frame(), qform_code=1, quaternion=quaternion(turn), offset=tuple(np.add(PLACE, [aside_mm, 0, 0])))
    np.testing.assert_allclose(read_volume(write(tmp_path, data)).affine, lps(frame()), atol=1e-4)


def test_a_rotation_that_is_none_contradicts_the_matrix(tmp_path: Path) -> None:
    path = write(tmp_path, nifti(frame(), qform_code=1, quaternion=(1, 1, 1), offset=tuple(PLACE)))
    with pytest.raises(GeometryError, match="header_trust: sform says .*found a qform that is no frame"):
        read_volume(path)
    np.testing.assert_allclose(read_volume(path, "sform").affine, lps(frame()), atol=1e-4)


def test_a_matrix_that_is_none_may_give_way_to_the_rotation(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        nifti(np.zeros((4, 4)), qform_code=1, quaternion=quaternion(), offset=tuple(PLACE), pixdim=tuple(SIZES)),
    )
    with pytest.raises(GeometryError, match="expected an invertible affine"):
        read_volume(path)
    np.testing.assert_allclose(read_volume(path, "qform").affine, lps(frame()), atol=1e-3)


def test_labels_are_read_with_the_same_trust(tmp_path: Path) -> None:
    path = write(tmp_path, nifti(np.eye(4), np.ones((4, 3, 2)), pixdim=(1.5, 1.5, 8)), "labels.nii.gz")
    with pytest.raises(GeometryError, match=r"^labels\.nii\.gz: expected sform and pixdim that agree"):
        read_labels(path)
    np.testing.assert_allclose(read_labels(path, trust="pixdim").spacing_mm, [1.5, 1.5, 8])


@pytest.mark.parametrize("trust", ["agree", "sform"])
def test_a_frame_that_nobody_gave_is_doubtful(trust: HeaderTrust, tmp_path: Path, caplog) -> None:
    path = write(tmp_path, nifti(np.eye(4)))
    with caplog.at_level(logging.WARNING):
        read_volume(path, trust)
    assert [record.getMessage() for record in caplog.records] == [
        "lge.nii has the frame of an image that was given none: voxels of 1 mm, at the origin"
    ]
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        read_volume(write(tmp_path, nifti(frame())))
    assert not caplog.records
