from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

from cardioscar.errors import ConfigError, InputError, PlatformError
from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.formats.volume_files import read_labels, read_volume
from cardioscar.phantom.cohort import FILES, write_cohort
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom

SMALL = PhantomConfig(nodes=2_000, pixel_mm=(1.5, 1.5))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    out = tmp_path_factory.mktemp("cohort")
    return out, write_cohort(out, SMALL, subjects=3, seed=7, corrupt=1)


def test_folders_hold_the_files_of_a_real_cohort(cohort):
    out, subjects = cohort
    assert subjects == ["P001", "P002", "P003"]
    assert sorted(p.name for p in out.iterdir()) == subjects
    for subject in subjects:
        assert sorted(p.name for p in (out / subject).iterdir()) == sorted(FILES)


def test_what_is_read_is_what_was_made(cohort):
    out, _ = cohort
    phantom = make_phantom(PhantomConfig(nodes=2_000, pixel_mm=(1.5, 1.5), seed=7), 1)
    folder = out / "P002"
    mesh, truth = read_mesh(folder / "mesh.vtu"), read_mesh(folder / "truth.vtu")
    np.testing.assert_allclose(mesh.nodes_mm, phantom.mesh.nodes_mm, atol=1e-4)
    np.testing.assert_array_equal(truth.nodes_mm, mesh.nodes_mm)
    assert not mesh.grid.point_data.keys()
    np.testing.assert_array_equal(truth.grid.point_data["scar_truth"], phantom.scar_truth)
    np.testing.assert_array_equal(truth.grid.point_data["isthmus"], phantom.isthmus)
    labels, fraction = read_labels(folder / "labels.nii.gz"), read_volume(folder / "scar.nii.gz")
    np.testing.assert_array_equal(labels.values, phantom.images.labels.values)
    np.testing.assert_allclose(labels.affine, phantom.images.labels.affine, atol=1e-3)
    np.testing.assert_array_equal(fraction.values, phantom.images.scar_fraction.values)
    np.testing.assert_array_equal(read_volume(folder / "lge.nii.gz").values, phantom.images.lge.values)
    # The wall of the labels lies where the mesh is.
    wall = labels.index_to_mm(np.argwhere(np.isin(labels.values, (1, 3))))
    assert np.linalg.norm(wall.mean(axis=0) - mesh.nodes_mm.mean(axis=0)) < 8


def test_metadata_say_what_headers_cannot(cohort):
    out, _ = cohort
    metadata = yaml.safe_load((out / "P001" / "subject.yaml").read_text())
    assert set(metadata) == {
        "mesh_frame",
        "label_table",
        "slice_thickness_mm",
        "septum_direction",
        "apex_to_base",
    }
    drawn = json.loads((out / "P001" / "phantom.json").read_text())
    assert metadata["slice_thickness_mm"] == drawn["slice_thickness_mm"] <= drawn["spacing_mm"]
    assert np.dot(metadata["septum_direction"], metadata["apex_to_base"]) == pytest.approx(0, abs=1e-5)
    assert drawn["scar_ml"] > 0


def test_last_subjects_are_broken_and_only_those(cohort):
    out, _ = cohort
    for name in ("labels.nii.gz", "scar.nii.gz", "lge.nii.gz"):
        with pytest.raises(InputError, match=name):
            read_volume(out / "P003" / name)
        read_volume(out / "P002" / name)


def test_subjects_do_not_depend_on_how_many_there_are(cohort, tmp_path):
    out, _ = cohort
    write_cohort(tmp_path, SMALL, subjects=1, seed=7)
    for name in FILES:
        assert (tmp_path / "P001" / name).read_bytes() == (out / "P001" / name).read_bytes(), name


def test_a_phantom_as_it_was_written_is_replaced(tmp_path):
    write_cohort(tmp_path, SMALL, subjects=1, seed=1)
    before = (tmp_path / "P001" / "lge.nii.gz").read_bytes()
    write_cohort(tmp_path, SMALL, subjects=1, seed=2)
    assert (tmp_path / "P001" / "lge.nii.gz").read_bytes() != before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["P001"]
    assert sorted(p.name for p in (tmp_path / "P001").iterdir()) == sorted(FILES)


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (lambda folder: (folder / "lge.nii.gz").write_bytes(b"a patient's"), "lge.nii.gz"),
        (lambda folder: (folder / "Jane Doe.txt").write_text("a note"), "a file of another name"),
        (lambda folder: (folder / "scar").mkdir(), "a file of another name"),
        (lambda folder: (folder / "phantom.json").unlink(), "labels.nii.gz"),
        (lambda folder: (folder / "phantom.json").write_text("{}"), "labels.nii.gz"),
        (lambda folder: (folder / "mesh.vtu").rename(folder.parent / "m.vtu"), None),
        (lambda folder: folder.rename(folder.with_name("x")) and folder.symlink_to("x"), "a link"),
    ],
)
def test_a_folder_that_holds_anything_else_is_refused_before_anything_is_written(tmp_path, harm, found):
    write_cohort(tmp_path, SMALL, subjects=1)
    (tmp_path / "P001").rename(tmp_path / "P002")
    harm(tmp_path / "P002")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    if found is None:  # a file that is missing is nobody's loss
        write_cohort(tmp_path, SMALL, subjects=2)
        return
    with pytest.raises(InputError, match=rf"P002: expected nothing, or a phantom as it was written, found {found}; "):
        write_cohort(tmp_path, SMALL, subjects=2)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_nothing_half_remains_of_a_failed_write(tmp_path, monkeypatch):
    def full_disk(*_):
        raise PlatformError("scar.nii.gz: could not be written (No space left on device)")

    monkeypatch.setattr("cardioscar.phantom.cohort.write_volume", full_disk)
    with pytest.raises(PlatformError, match="No space left"):
        write_cohort(tmp_path, SMALL, subjects=1)
    assert not list(tmp_path.iterdir())


def test_refuses_unknown_options_and_impossible_folders(tmp_path):
    with pytest.raises(ConfigError, match=r"unknown key 'node' \(did you mean 'nodes'\?\)"):
        write_cohort(tmp_path, node=5_000)
    (tmp_path / "file").write_text("")
    with pytest.raises(PlatformError, match="file: could not be written"):
        write_cohort(tmp_path / "file", SMALL, subjects=1)
