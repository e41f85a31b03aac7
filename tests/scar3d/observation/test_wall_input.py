"""Meshes that hold more than one LV wall, lie elsewhere or are odd: decided, said, or refused at the door."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvista as pv
import yaml
from vtkmodules.vtkIOLegacy import vtkUnstructuredGridWriter

from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.formats.volume_files import read_labels, read_volume, write_volume
from cardioscar.stages.scar3d import preprocess
from tests.imaging.mesh_variants import (
    both_ventricles,
    both_ventricles_mesh,
    cells_of,
    grid_of,
    in_parts,
    split,
    voxel_box,
    voxels,
    write_carp,
)

MakeCohort = Callable[..., Path]
DRAWN = ("labels.nii.gz", "scar.nii.gz", "mesh.vtu", "subject.yaml")


@pytest.fixture
def folder(make_cohort: MakeCohort) -> Path:
    return make_cohort("P001", files=DRAWN) / "P001"


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Warnings so far, and none of them twice."""
    caplog.set_level(logging.INFO)

    def warnings() -> list[str]:
        found = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
        caplog.clear()
        return found

    return warnings


def facts(folder: Path) -> dict[str, Any]:
    output = folder.parent.parent / "out"
    [row] = preprocess.run(folder.parent, [folder.name], output, {"edge_mm": 3.0})
    assert row.error is None
    return json.loads((output / folder.name / "preprocess.json").read_text())


def error(folder: Path) -> tuple[str, str]:
    [row] = preprocess.run(folder.parent, [folder.name], folder.parent.parent / "out", {"edge_mm": 3.0})
    assert row.error is not None
    return row.error.kind, row.error.message


def settings(folder: Path, **changes: Any) -> dict[str, Any]:
    path = folder / "subject.yaml"
    content = {k: v for k, v in (yaml.safe_load(path.read_text()) | changes).items() if v is not None}
    path.write_text(yaml.safe_dump(content))
    return content


def own_grid(folder: Path) -> pv.UnstructuredGrid:
    return read_mesh(folder / "mesh.vtu").grid


def test_a_sound_mesh_raises_no_question(folder: Path, said: Callable[[], list[str]]) -> None:
    found = facts(folder)
    assert said() == []
    assert (found["parts"], found["surface_euler"], found["open_edges"], found["cells_left_out"]) == (1, 2, 0, {})
    assert 30 < found["cavity_ml"] < 300
    assert 5 < found["wall_thickness_mm"] < 15
    assert "own_nodes" not in found
    assert sorted(p.name for p in (folder.parent.parent / "out" / "P001").glob("own*")) == []


def test_parts_that_share_no_nodes_give_the_groups_of_the_joined_mesh(
    folder: Path, said: Callable[[], list[str]]
) -> None:
    grid, whole = own_grid(folder), facts(folder)
    for name, apart in (
        ("split", split(grid)),
        ("parts", in_parts(grid, np.digitize(grid.cell_centers().points[:, 2], [-20, 0]))),
    ):
        apart.save(folder / "mesh.vtu")
        found = facts(folder)
        assert found["own_nodes"] == apart.n_points, name
        same = ("nodes", "merged_pixels", "groups", "observed_nodes", "unseen_pixels", "surface_euler", "slices")
        assert {k: found[k] for k in same} == {k: whole[k] for k in same}, name
        for key in ("wall_ml", "edge_mm", "cavity_ml", "wall_thickness_mm"):
            assert found[key] == pytest.approx(whole[key], rel=1e-3), name
    assert said() == []


def free_piece(folder: Path, at_mm: np.ndarray, size_mm: float) -> None:
    """A cube of 2 mm tetrahedra beside the mesh, sharing no node with it."""
    points, cells, _ = cells_of(own_grid(folder))
    n = round(size_mm / 2)
    cube = pv.ImageData(dimensions=(n + 1,) * 3, spacing=(2, 2, 2), origin=at_mm - size_mm / 2)
    more, extra, _ = cells_of(cube.cast_to_unstructured_grid().triangulate())
    grid_of(np.vstack([points, more]), np.vstack([cells, extra + len(points)]), 10).save(folder / "mesh.vtu")


def test_a_free_piece_in_the_cavity_is_left_out_and_said(folder: Path, said: Callable[[], list[str]]) -> None:
    whole = facts(folder)
    free_piece(folder, own_grid(folder).points.mean(axis=0), 12.0)
    found = facts(folder)
    [warning] = said()
    assert "mesh.vtu: 1 of 2 parts that share no node are left out (1.73 ml of" in warning
    assert "the slices show no wall there" in warning
    assert (found["parts"], found["nodes"], found["wall_ml"]) == (1, whole["nodes"], whole["wall_ml"])
    assert set(found["cells_left_out"]) == {"free parts"}


def test_a_speck_is_left_out_without_a_question(folder: Path, said: Callable[[], list[str]]) -> None:
    free_piece(folder, own_grid(folder).points.mean(axis=0), 4.0)
    assert facts(folder)["parts"] == 1
    assert said() == []


def test_a_free_piece_on_the_drawn_wall_stays_and_is_said(folder: Path, said: Callable[[], list[str]]) -> None:
    """Half of the heart on nodes of its own, a little apart: no rule tells which half is the wall."""
    grid = own_grid(folder)
    side = grid.cell_centers().points @ np.array(settings(folder)["septum_direction"])
    apart = in_parts(grid, side > np.median(side))
    points = np.array(apart.points)
    half = np.unique(np.array(apart.cell_connectivity).reshape(-1, 4)[apart.n_cells // 2 :])
    points[half] += 0.2
    apart.points = points
    apart.save(folder / "mesh.vtu")
    assert facts(folder)["parts"] == 2
    assert any("2 pieces; coordinates from the largest" in text for text in said())


@pytest.mark.parametrize("drawn", [True, False], ids=["labels", "image alone"])
def test_both_ventricles_are_seen(
    drawn: bool, folder: Path, said: Callable[[], list[str]], make_cohort: MakeCohort
) -> None:
    labels = read_labels(folder / "labels.nii.gz")
    if not drawn:
        folder = make_cohort("P001", files=("lge.nii.gz", "mesh.vtu", "subject.yaml"), name="image") / "P001"
    both_ventricles_mesh(labels, settings(folder)["septum_direction"]).save(folder / "mesh.vtu")
    facts(folder)
    warnings = said()
    assert any(
        "cross-sections have two cavities or more: does the mesh hold the right ventricle?" in w for w in warnings
    )
    beside = [w for w in warnings if "of what the slices show of the mesh lies more than 5 mm from any pixel" in w]
    assert len(beside) == drawn


def test_labels_of_both_ventricles_are_seen(folder: Path, said: Callable[[], list[str]]) -> None:
    wide = both_ventricles(read_labels(folder / "labels.nii.gz"), settings(folder)["septum_direction"])
    for path in folder.iterdir():
        if path.name != "subject.yaml":
            path.unlink()
    write_volume(folder / "labels.nii.gz", wide)
    assert facts(folder)["mesh"] == "built from labels"
    assert any("labels.nii.gz" in w and "have two cavities or more" in w for w in said())


@pytest.fixture
def ventricles(folder: Path) -> pv.UnstructuredGrid:
    """Voxels of the left ventricle, tag 1, and of tissue around it, tag 2, that share nodes."""
    inside, low = voxel_box(own_grid(folder), 4.0, 8.0)
    grid = voxels(np.ones_like(inside), low, 4.0)
    grid.cell_data["region"] = np.where(inside.ravel(), 1, 2)
    return grid


def test_tags_choose_the_wall(folder: Path, ventricles: pv.UnstructuredGrid, said: Callable[[], list[str]]) -> None:
    ventricles.save(folder / "mesh.vtu")
    ml = float((ventricles.cell_data["region"] == 1).sum() * 0.064)
    kind, message = error(folder)
    assert kind == "geometry"
    assert message.startswith("mesh.vtu: expected an LV wall of 10 to 600 ml, found ")
    assert f"1 ({ml:.1f} ml)" in message
    assert "wall_tags in subject.yaml chooses from its tags 2 (" in message
    settings(folder, wall_tags=[1])
    found = facts(folder)
    assert found["wall_ml"] == pytest.approx(ml, rel=1e-3)
    assert set(found["cells_left_out"]) == {"other tags"}
    settings(folder, wall_tags=[3])
    assert error(folder)[1].startswith("mesh.vtu: expected cells of the tags 3 (wall_tags), found the tags 2 (")
    points, cells, _ = cells_of(ventricles)
    (folder / "mesh.vtu").unlink()
    write_carp(folder / "mesh", points, cells, ventricles.cell_data["region"], "Hx")
    settings(folder, wall_tags=[1])
    assert facts(folder)["wall_ml"] == pytest.approx(ml, rel=1e-3)
    write_carp(folder / "mesh", points, cells, 2 - ventricles.cell_data["region"], "Hx")
    settings(folder, wall_tags=None)
    assert facts(folder)["cells_left_out"] == {"bath": (ventricles.cell_data["region"] == 2).sum()}


@pytest.mark.parametrize("name", ["wall_tags", "tag_array"])
def test_tags_without_a_mesh(name: str, folder: Path) -> None:
    (folder / "mesh.vtu").unlink()
    settings(folder, **{name: [1] if name == "wall_tags" else "region"})
    assert error(folder) == ("config", f"subject.yaml: expected a mesh.* for {name}, found none")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "subject.yaml: wall_tags: expected at least one tag, found none"),
        (1, "subject.yaml: wall_tags: expected a list"),
    ],
)
def test_impossible_tags(value: Any, message: str, folder: Path) -> None:
    settings(folder, wall_tags=value)
    assert error(folder)[1].startswith(message)


@pytest.mark.parametrize("scale", [0.38, 2.0])
def test_no_heart_has_such_a_wall(scale: float, folder: Path) -> None:
    """Labels whose spacing was lost, and that of a giant."""
    for path in folder.iterdir():
        if path.name not in ("labels.nii.gz", "subject.yaml"):
            path.unlink()
    labels = read_labels(folder / "labels.nii.gz")
    affine = labels.affine.copy()
    affine[:3] *= scale
    write_volume(folder / "labels.nii.gz", type(labels)(labels.values, affine, "labels"))
    settings(folder, slice_thickness_mm=None)
    kind, message = error(folder)
    assert kind == "geometry"
    assert message.startswith("labels.nii.gz: expected an LV wall of 10 to 600 ml, found ")


def test_a_small_animal_has_another_size(folder: Path) -> None:
    """Labels of a third of the length in each direction: refused as an adult's, taken as another's."""
    for path in folder.iterdir():
        if path.name not in ("labels.nii.gz", "subject.yaml"):
            path.unlink()
    labels = read_labels(folder / "labels.nii.gz")
    affine = labels.affine.copy()
    affine[:3] *= 0.38
    write_volume(folder / "labels.nii.gz", type(labels)(labels.values, affine, "labels"))
    settings(folder, slice_thickness_mm=None)
    assert error(folder)[0] == "geometry"
    settings(folder, heart="other")
    found = facts(folder)
    assert found["heart"] == "other"
    assert found["wall_ml"] < 10


# --- frames


def moved_to(folder: Path, center_mm: np.ndarray) -> np.ndarray:
    """Move all files of a subject; the mesh's nodes, which are written by the caller."""
    points = np.array(own_grid(folder).points, dtype=float)
    offset = center_mm - points.mean(axis=0)
    for name in ("labels.nii.gz", "scar.nii.gz"):
        volume = read_volume(folder / name)
        affine = volume.affine.copy()
        affine[:3, 3] += offset
        write_volume(folder / name, type(volume)(volume.values, affine, name))
    return points + offset


@pytest.mark.parametrize("center", [(0.0, 0.0, 0.0), (-40.0, 30.0, 10.0)], ids=["isocentre", "off centre"])
@pytest.mark.parametrize("told", [None, "LPS"])
def test_a_mesh_in_ras_is_recognised(told: str | None, center: tuple[float, ...], folder: Path) -> None:
    grid = own_grid(folder)
    grid.points = moved_to(folder, np.array(center)) * [-1, -1, 1]
    grid.save(folder / "mesh.vtu")
    settings(folder, mesh_frame=told)
    kind, message = error(folder)
    assert kind == "geometry"
    assert message.startswith("mesh.vtu: expected a mesh where scar.nii.gz shows the wall, found ")
    assert message.endswith("% with mesh_frame: RAS")
    settings(folder, mesh_frame="RAS")
    found = facts(folder)
    assert {s["finding"] for s in found["slice_shifts_mm"].values()} <= {"small", "uncertain"}


def test_a_mesh_in_lps_told_to_be_in_ras(folder: Path) -> None:
    settings(folder, mesh_frame="RAS")
    assert error(folder)[1].endswith("% with mesh_frame: LPS")


def test_the_frame_in_the_header_is_heeded_and_must_not_contradict(folder: Path) -> None:
    whole = facts(folder)
    grid = own_grid(folder)
    grid.points = np.array(grid.points) * [-1, -1, 1]
    (folder / "mesh.vtu").unlink()
    writer = vtkUnstructuredGridWriter()
    writer.SetHeader("3D Slicer output. SPACE=RAS")
    writer.SetInputData(grid)
    writer.SetFileName(str(folder / "mesh.vtk"))
    writer.Write()
    assert settings(folder)["mesh_frame"] == "LPS"
    assert error(folder) == (
        "input", "mesh.vtk: expected the frame that the file itself states, RAS, found mesh_frame: LPS",
    )  # fmt: skip
    settings(folder, mesh_frame=None)
    found = facts(folder)
    assert {k: found[k] for k in ("groups", "observed_nodes", "unseen_pixels")} == {
        k: whole[k] for k in ("groups", "observed_nodes", "unseen_pixels")
    }


def test_an_image_beside_a_mesh_in_ras(make_cohort: MakeCohort) -> None:
    folder = make_cohort("P001", files=("lge.nii.gz", "mesh.vtu", "subject.yaml")) / "P001"
    grid = own_grid(folder)
    points = np.array(grid.points, dtype=float)
    lge = read_volume(folder / "lge.nii.gz")
    affine = lge.affine.copy()
    affine[:3, 3] += np.array([150, 0, 0])
    write_volume(folder / "lge.nii.gz", type(lge)(lge.values, affine, "lge"))
    grid.points = (points + np.array([150, 0, 0])) * [-1, -1, 1]
    grid.save(folder / "mesh.vtu")
    assert error(folder)[1].endswith("mm outside the image, and with x and y reversed inside it (mesh_frame: RAS?)")
