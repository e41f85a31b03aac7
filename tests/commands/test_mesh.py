from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.formats.volume_files import read_labels
from cardioscar.scar3d.observation.drawn_labels import wall_mask
from tests import broken_subjects as change
from tests.commands.conftest import Said

Cardioscar = Callable[..., Said]


def test_labels_become_a_mesh_of_their_volume(cohort: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    said = cardioscar("mesh", cohort / "P001" / "labels.nii.gz", "-o", tmp_path / "lv.vtu", "--edge-mm", "4")
    assert (said.code, said.err) == (0, "")
    mesh, labels = read_mesh(tmp_path / "lv.vtu"), read_labels(cohort / "P001" / "labels.nii.gz")
    assert mesh.volume_ml == pytest.approx(wall_mask(labels).sum() * labels.voxel_ml, rel=0.03)
    assert said.out.startswith(f"{tmp_path / 'lv.vtu'}: {mesh.n_nodes} nodes, {mesh.grid.n_cells} cells, ")
    assert "cell quality (scaled Jacobian) worst 0." in said.out


def test_labels_whose_header_contradicts_itself_are_meshed_by_the_statement_that_is_believed(
    cohort: Path, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    shutil.copy(cohort / "P001" / "labels.nii.gz", tmp_path)
    labels = read_labels(tmp_path / "labels.nii.gz")
    change.affine("labels.nii.gz", change.without_sizes)(tmp_path)
    words = ("mesh", tmp_path / "labels.nii.gz", "-o", tmp_path / "lv.vtu", "--edge-mm", "4")
    said = cardioscar(*words)
    assert said.code == 2
    assert said.err.startswith("cardioscar: labels.nii.gz: expected sform and pixdim that agree (header_trust: ")
    assert cardioscar(*words, "--header-trust", "pixdim").code == 0
    volume_ml = wall_mask(labels).sum() * labels.voxel_ml
    assert read_mesh(tmp_path / "lv.vtu").volume_ml == pytest.approx(volume_ml, rel=0.03)


def test_a_closed_surface_is_filled(cohort: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    source = read_mesh(cohort / "P001" / "mesh.vtu")
    source.grid.extract_surface(algorithm=None).triangulate().save(tmp_path / "lv.STL")
    said = cardioscar("mesh", tmp_path / "lv.STL", "-o", tmp_path / "lv.vtu", "--edge-mm", "6", "-q")
    assert (said.code, said.err) == (0, "")
    assert read_mesh(tmp_path / "lv.vtu").volume_ml == pytest.approx(source.volume_ml, rel=0.03)


@pytest.mark.parametrize(
    ("source", "out", "message"),
    [
        ("labels.nii.gz", "lv.vtk", "lv.vtk: expected a name that ends in .vtu, found '.vtk'"),
        ("labels.nii.gz", "none/lv.vtu", "lv.vtu: expected a folder to write it to, found no folder 'none'"),
        ("nothing.nii.gz", "lv.vtu", "nothing.nii.gz: expected an image file, found none of that name"),
        ("nothing.stl", "lv.vtu", "nothing.stl: expected a mesh file, found none of that name"),
        ("mesh.vtu", "lv.vtu", "mesh.vtu: expected a surface, found volumetric cells"),
        ("phantom.json", "lv.vtu", "phantom.json: expected an image ("),
    ],
)
def test_what_cannot_be_meshed_or_written(
    source: str, out: str, message: str, cohort: Path, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    said = cardioscar("mesh", cohort / "P001" / source, "-o", tmp_path / out)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"cardioscar: {message}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("flag", "value"), [("--edge-mm", "-1"), ("--edge-mm", "0"), ("--label-table", "mine")])
def test_settings_of_the_mesh(flag: str, value: str, cohort: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    said = cardioscar("mesh", cohort / "P001" / "labels.nii.gz", "-o", tmp_path / "lv.vtu", flag, value)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_a_mesh_takes_nobodys_place(there: str, cohort: Path, cardioscar: Cardioscar, tmp_path: Path) -> None:
    source = tmp_path / "lv.vtu"
    if there == "file":
        shutil.copy(cohort / "P001" / "mesh.vtu", source)
    elif there == "folder":
        source.mkdir()
    else:
        source.symlink_to("nowhere.vtu")
    said = cardioscar("mesh", cohort / "P001" / "labels.nii.gz", "-o", source, "--edge-mm", "4")
    assert (said.code, said.err) == (
        2, "cardioscar: lv.vtu: expected a name that no file has, found one; give another, or move it away\n",
    )  # fmt: skip
    if there == "file":
        assert source.read_bytes() == (cohort / "P001" / "mesh.vtu").read_bytes()
