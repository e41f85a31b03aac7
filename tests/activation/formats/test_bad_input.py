"""What is wrong with strain is said in one row that names file, rule and finding; each fault has its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from cardioscar.activation.formats.displacement_files import write_displacement
from cardioscar.activation.formats.matrix_files import write_matrix
from cardioscar.activation.formats.strain_files import read_strain
from cardioscar.activation.mapping.on_mesh import map_on_wall
from cardioscar.activation.phantoms.moving_annulus import moving_annulus
from cardioscar.activation.phantoms.patient import phantom_patient
from cardioscar.activation.strain.checks import check_study
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.strain.slice_place import SlicePlace
from cardioscar.errors import InputError
from cardioscar.phantom.config import PhantomConfig
from tests.activation.drawn_strain import beat

GOOD = beat()
STRAIN, TIMES = GOOD.circumferential, GOOD.frame_ms


def with_nan() -> np.ndarray:
    strain = STRAIN.copy()
    strain[3:5, 7] = np.nan
    return strain


@pytest.mark.parametrize(
    ("strain", "times", "says"),
    [
        (with_nan(), TIMES, "finite circumferential strain, found 2 values not finite in 2 sectors"),
        (100 * STRAIN, TIMES, "circumferential strain in fractions (−0.2 for a fifth shorter)"),
        (STRAIN.T, TIMES, "20 × 18: frames × sectors (transposed)"),
        (STRAIN[:, :6], TIMES[:6], "8 frames and more, found 6"),
        (-STRAIN, TIMES, "circumferential shortening as negative strain"),
        (STRAIN, None, "frame times in ms (frame_ms), found none"),
        (STRAIN, TIMES / 1000, "frame times in ms, found a cycle of 0.6 (seconds, or numbers of frames?)"),
        (STRAIN, TIMES[::-1], "finite frame times that grow"),
        (STRAIN, TIMES[:5], "a frame time for each of 20 frames, found 5"),
    ],
)
def test_a_matrix(strain, times, says, tmp_path):
    np.savez(tmp_path / "strain.npz", strain=strain, **({} if times is None else {"frame_ms": times}))
    with pytest.raises(InputError) as error:
        read_strain(tmp_path / "strain.npz")
    assert str(error.value).startswith("strain.npz: expected ")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("slices", "says"),
    [
        ([GOOD], "2 slices and more along the long axis, found 1"),
        ([beat(location_mm=1.0), beat(24, location_mm=9.0)], "as many sectors in each slice of a heart, found 24"),
        ([beat(location_mm=1.0), GOOD], "a slice location in mm (location_mm), found none"),
        ([beat(location_mm=1.0), beat(location_mm=1.0)], "slices apart from each other"),
    ],
)
def test_a_study(slices, says):
    with pytest.raises(InputError) as error:
        check_study(slices)
    assert says in str(error.value)


def archive(path: Path, **changes: np.ndarray) -> Path:
    drawn = beat(126)
    write_displacement(path / "displacement.npz", moving_annulus(drawn.circumferential, drawn.frame_ms))
    with np.load(path / "displacement.npz") as stored:
        content = dict(stored)
    for key, value in changes.items():
        if value is None:
            del content[key]
        else:
            content[key] = value(content[key])
    np.savez(path / "displacement.npz", **content)
    return path


def nan_in_the_wall(field: np.ndarray) -> np.ndarray:
    field = field.copy()
    field[:, field.shape[1] // 2, :, 3] = np.nan
    return field


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mask": lambda one: one[:, :-3]}, "a mask that fits the displacement"),
        ({"mask": lambda one: one[..., :7]}, "a mask that fits the displacement"),
        ({"mask": np.zeros_like}, "a mask of the wall, found an empty one"),
        ({"mask": lambda one: 3 * one}, "a mask of 0 and 1"),
        ({"displacement": lambda one: one[:1]}, "displacement of shape (2, rows, columns, frames) in pixels"),
        ({"displacement": lambda one: 1000 * one}, "displacement in pixels, within the picture"),
        ({"displacement": nan_in_the_wall}, "finite displacement in the wall"),
        ({"pixel_mm": None}, "the size of a pixel in mm (pixel_mm)"),
        ({"frame_ms": None}, "frame times in ms (frame_ms), found none"),
        ({"mask": None}, "'mask' beside 'displacement', found none"),
    ],
)
def test_a_displacement_field(changes, says, tmp_path):
    with pytest.raises(InputError) as error:
        read_strain(archive(tmp_path, **changes))
    assert str(error.value).startswith("displacement.npz: expected ")
    assert says in str(error.value)


def test_a_field_without_frames_axis_of_its_mask_or_with_nan_beside_the_wall_is_read(tmp_path):
    def nan_outside(field: np.ndarray) -> np.ndarray:
        return np.where(mask, field, np.nan)

    whole = read_strain(archive(tmp_path))[0].circumferential
    with np.load(tmp_path / "displacement.npz") as stored:
        mask = stored["mask"].astype(bool)
    for changes in (
        {"mask": lambda one: one[0]},  # (H, W, T)
        {"mask": lambda one: one[0, :, :, 0]},  # (H, W)
        {"mask": lambda one: 255 * one},
        {"mask": lambda one: one.astype(bool)},
        {"mask": lambda one: one.astype(np.float32)},
        {"displacement": nan_outside},
        {"displacement": lambda one: one.astype(np.float64)},
        {"displacement": lambda one: one[None]},  # (1, 2, H, W, T)
        {"displacement": lambda one: np.moveaxis(one, 0, -1)},  # (H, W, T, 2)
    ):
        found = read_strain(archive(tmp_path, **changes))[0].circumferential
        np.testing.assert_allclose(found, whole, atol=1e-6)


def test_a_workspace_of_another_kind(tmp_path):
    scipy.io.savemat(tmp_path / "other.mat", {"setstruct": {"IM": np.zeros((4, 4))}})
    with pytest.raises(InputError, match=r"other.mat: expected a workspace with circumferential .* another kind"):
        read_strain(tmp_path / "other.mat")
    scipy.io.savemat(tmp_path / "odd.mat", {"StrainInfo": {"CCmid": STRAIN.T}})
    np.save(tmp_path / "frame_ms.npy", TIMES)
    with pytest.raises(InputError, match="odd.mat: expected strain as a matrix of sectors × frames"):
        read_strain(tmp_path / "odd.mat")


def test_strain_and_mesh_of_different_hearts():
    patient = phantom_patient(1, PhantomConfig(nodes=1_500))
    onsets = [_onsets()] * 2
    far = [SlicePlace(location_mm=0.0), SlicePlace(location_mm=150.0)]
    with pytest.raises(InputError, match="not those of two people"):
        map_on_wall(onsets, far, patient.mesh)
    small = [SlicePlace(location_mm=one, radius_mm=12.0) for one in (20.0, 40.0)]
    with pytest.raises(InputError, match="a wall of 12 mm radius"):
        map_on_wall(onsets, small, patient.mesh)


def test_one_slice_that_is_odd_does_not_stop_a_folder_from_being_named(tmp_path):
    write_matrix(tmp_path / "a.npz", GOOD)
    write_matrix(tmp_path / "b.npz", replace(GOOD, circumferential=100 * STRAIN))
    with pytest.raises(InputError, match="b.npz: expected circumferential strain in fractions"):
        read_strain(tmp_path)


def _onsets() -> SectorOnsets:
    times = np.full(126, 40.0)
    return SectorOnsets(times, times - 8, times + 8, np.zeros(126, dtype=np.int64))
