"""The first stage on slices taken in uneven breath-holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cardioscar.imaging.formats.slice_files import load_stack
from cardioscar.imaging.formats.volume_files import read_volume
from cardioscar.phantom.cohort import write_cohort
from cardioscar.phantom.config import PhantomConfig
from cardioscar.stages.scar3d import preprocess

SHIFTED = PhantomConfig(
    subjects=1,
    nodes=1_500,
    scar="smooth",
    pixel_mm=(2.0, 2.0),
    thickness_mm=(8.0, 8.0),
    spacing_mm=(8.0, 8.0),
    shift_mm=3.0,
    seed=5,
)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shifted")
    write_cohort(folder, SHIFTED)
    return folder


def prepared(cohort: Path, output: Path, **options: Any) -> Path:
    [row] = preprocess.run(cohort, ["P001"], output, options)
    assert row.error is None
    return output / "P001"


def facts(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "preprocess.json").read_text())


def off_mm(folder: Path, name: str, cohort: Path) -> dict[int, np.ndarray]:
    """How far the frames of a stored stack lie from those of the image file, along i and j, by slice."""
    volume = read_volume(cohort / "P001" / "scar.nii.gz")
    found = {}
    for piece in load_stack(folder / name):
        index = volume.mm_to_index(piece.affine[:3, 3][None])[0]
        assert index[2] == pytest.approx(piece.number, abs=1e-3)
        # crops move the origin by whole pixels
        found[piece.number] = (index[:2] - np.rint(index[:2])) * volume.spacing_mm[:2]
    return found


def test_slices_are_moved_to_the_mesh_and_it_is_written_down(cohort: Path, tmp_path: Path) -> None:
    said = facts(prepared(cohort, tmp_path / "groups"))["slice_shifts_mm"]
    true = json.loads((cohort / "P001" / "phantom.json").read_text())["shifts_mm"]
    assert sorted(map(int, said)) == list(range(len(true)))
    applied = [number for number, row in said.items() if row["finding"] == "applied"]
    assert len(applied) >= len(true) - 2
    left = [np.array([said[n]["i"], said[n]["j"]]) - true[int(n)] for n in applied]
    assert np.sqrt(np.mean(np.square(left))) < 0.4 < np.sqrt(np.mean(np.square(true)))
    assert all(0 < said[n]["error"] < 1 and 0.5 < said[n]["overlap"] <= 1 for n in applied)


def test_more_of_the_wall_falls_on_the_mesh(cohort: Path, tmp_path: Path) -> None:
    said = {
        how: facts(prepared(cohort, tmp_path / how, align_slices=how, merge_to_nodes=0.1)) for how in ("auto", "off")
    }
    assert said["auto"]["observed_nodes"] > 1.15 * said["off"]["observed_nodes"]
    assert said["auto"]["unseen_pixels"] < said["off"]["unseen_pixels"]


def test_off_leaves_the_frames_of_the_files(cohort: Path, tmp_path: Path) -> None:
    folder = prepared(cohort, tmp_path / "groups", align_slices="off")
    assert facts(folder)["slice_shifts_mm"] == {}
    for name in ("slices.npz", "view.npz"):
        assert max(np.abs(off).max() for off in off_mm(folder, name, cohort).values()) < 1e-3


@pytest.mark.parametrize("target", ["probability", "fwhm"])
def test_fit_pictures_and_hidden_pixels_share_the_moved_frames(cohort: Path, tmp_path: Path, target: str) -> None:
    folder = prepared(cohort, tmp_path / "groups", holdout="odd", target=target)
    said = facts(folder)
    volume = read_volume(cohort / "P001" / "scar.nii.gz")
    pixel = volume.spacing_mm[:2]

    def expected(number: int) -> np.ndarray:
        row = said["slice_shifts_mm"][str(number)]
        return -np.array([row["i"], row["j"]]) * (row["finding"] == "applied")

    def same(found: np.ndarray, number: int) -> None:
        apart = (found - expected(number)) / pixel
        np.testing.assert_allclose(apart, np.rint(apart), atol=2e-3)

    for name in ("slices.npz", "view.npz"):
        for number, off in off_mm(folder, name, cohort).items():
            same(off, number)
    with np.load(folder / "heldout.npz") as hidden:
        assert set(hidden["slice_number"]) == set(said["hidden_slices"])
        for number in said["hidden_slices"]:
            index = volume.mm_to_index(hidden["pixel_mm"][hidden["slice_number"] == number].astype(float))
            same((index[:, :2] - np.rint(index[:1, :2]))[0] * pixel, number)
    assert any(np.linalg.norm(expected(number)) > 2 for number in said["hidden_slices"])
    with np.load(folder / "groups.npz") as groups:
        assert not set(groups["slice_number"]) & set(said["hidden_slices"])


def test_a_wall_cut_out_of_the_mesh_is_not_compared_with_it(cohort: Path, tmp_path: Path) -> None:
    other = tmp_path / "cohort" / "P001"
    other.mkdir(parents=True)
    for name in ("mesh.vtu", "scar.nii.gz", "subject.yaml"):
        (other / name).write_bytes((cohort / "P001" / name).read_bytes())
    assert facts(prepared(other.parent, tmp_path / "groups"))["slice_shifts_mm"] == {}


def test_labels_without_a_mesh_are_straightened_on_request_only(cohort: Path, tmp_path: Path) -> None:
    other = tmp_path / "cohort" / "P001"
    other.mkdir(parents=True)
    for name in ("labels.nii.gz", "subject.yaml"):
        (other / name).write_bytes((cohort / "P001" / name).read_bytes())
    said = {
        how: facts(prepared(other.parent, tmp_path / how, align_slices=how, edge_mm=4.0)) for how in ("auto", "axis")
    }
    assert said["auto"]["slice_shifts_mm"] == {}
    assert {row["finding"] for row in said["axis"]["slice_shifts_mm"].values()} == {"applied"}
    # mesh and slices move together: the wall still falls on the mesh
    seen = {how: one["observed_nodes"] / one["nodes"] for how, one in said.items()}
    assert seen["axis"] > seen["auto"]
