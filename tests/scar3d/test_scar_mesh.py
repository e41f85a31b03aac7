"""Results at every node of the user's own mesh, in the user's order, whatever was worked on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
from scipy.spatial import cKDTree

from cardioscar.imaging.formats.mesh_arrays import RESULTS
from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.formats.opencarp import read_opencarp, write_opencarp
from cardioscar.stages.run.cohort import run_cohort
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests.finished_run import OPTIONS
from tests.imaging.mesh_variants import cells_of, curved, grid_of, in_parts, split, voxel_box, voxels, write_carp

MakeCohort = Callable[..., Path]
FILES = ("labels.nii.gz", "scar.nii.gz", "mesh.vtu", "truth.vtu", "subject.yaml")


PLANNED = {"tos_ms", "tos_sd_ms", "slice_distance_mm", "lateness_ms", "score_ms", "site_allowed", "site_rank"}
NOT_HERE = {"border_zone"} | PLANNED
"""Of an image, and there is none; and what an activation map and a plan write."""


def reconstructed(cohort: Path) -> Path:
    """Results of P001; the truth is scored too, where there is one."""
    options = {**OPTIONS, "preprocess": {}, "infer": {**OPTIONS["infer"], "write_opencarp": True, "draws": 4}}
    run_cohort(RECONSTRUCT, cohort, cohort.parent / "run", options, jobs=1)
    return cohort.parent / "run" / "results" / "P001"


def metrics(results: Path) -> dict:
    return json.loads((results / "metrics.json").read_text())


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, good_subject: Path) -> Path:
    """Results of the good subject as it is, its folder beside them."""
    root = tmp_path_factory.mktemp("plain")
    (root / "cohort" / "P001").mkdir(parents=True)
    for name in FILES:
        (root / "cohort" / "P001" / name).write_bytes((good_subject / name).read_bytes())
    return reconstructed(root / "cohort")


def levels(grid: pv.UnstructuredGrid) -> np.ndarray:
    z = grid.cell_centers().points[:, 2]
    return np.digitize(z, np.quantile(z, [1 / 3, 2 / 3]))


def sorted_by_parts(grid: pv.UnstructuredGrid) -> pv.UnstructuredGrid:
    """The same mesh, its nodes in the order in which `in_parts` meets them: what a fit sees is the same."""
    points, cells, kind = cells_of(in_parts(grid, levels(grid)))
    _, first, number = np.unique(points, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return grid_of(points[np.sort(first)], order[number.reshape(-1)][cells], kind)


@pytest.mark.parametrize("form", ["parts", "corners", "curved"])
def test_the_map_of_the_joined_mesh_at_every_own_node(form: str, make_cohort: MakeCohort) -> None:
    cohort, joined = make_cohort("P001", files=FILES), make_cohort("P001", files=FILES, name="joined")
    grid = read_mesh(cohort / "P001" / "mesh.vtu").grid
    truth = read_mesh(cohort / "P001" / "truth.vtu").grid
    base = grid if form != "parts" else sorted_by_parts(grid)
    own = {"parts": lambda g: in_parts(g, levels(g)), "corners": split, "curved": lambda g: curved(g, 24, 10)}[form](
        grid
    )
    nearest = cKDTree(np.array(grid.points)).query
    for folder, mesh in ((cohort / "P001", own), (joined / "P001", base)):
        mesh.save(folder / "mesh.vtu")
        scored = mesh.copy()
        scored.point_data["scar_truth"] = np.asarray(truth.point_data["scar_truth"])[nearest(np.array(mesh.points))[1]]
        scored.save(folder / "truth.vtu")
    if form == "corners":
        # one node for each corner: first met in the order of the cells
        points, cells, kind = cells_of(split(grid))
        _, first, number = np.unique(points, axis=0, return_index=True, return_inverse=True)
        order = np.argsort(np.argsort(first))
        base = grid_of(points[np.sort(first)], order[number.reshape(-1)][cells], kind)
        base.save(joined / "P001" / "mesh.vtu")
        base.point_data["scar_truth"] = np.asarray(truth.point_data["scar_truth"])[nearest(np.array(base.points))[1]]
        base.save(joined / "P001" / "truth.vtu")
    (tmp := joined.parent / "second").mkdir()
    joined.rename(tmp / "cohort")
    results, expected = reconstructed(cohort), reconstructed(tmp / "cohort")

    found, right = pv.read(results / "scar.vtu"), pv.read(expected / "scar.vtu")
    np.testing.assert_allclose(found.points, own.points, atol=1e-5)
    assert found.n_cells == own.n_cells
    assert (found.celltypes == own.celltypes).all()
    np.testing.assert_array_equal(found.cell_connectivity, own.cell_connectivity)
    places = cKDTree(np.array(right.points))
    distance, same = places.query(np.array(found.points))
    at_corner = distance < 1e-3
    assert at_corner.sum() == (own.n_points if form != "curved" else grid.n_points)
    for name in set(RESULTS) - NOT_HERE:
        assert name in found.point_data, name
        values, wanted = np.asarray(found[name]), np.asarray(right[name])[same]
        np.testing.assert_allclose(values[at_corner].astype(float), wanted[at_corner].astype(float), atol=1e-5)
        assert values.dtype == wanted.dtype
    if form == "curved":
        _, cells, _ = cells_of(own)
        ends = np.asarray(found["scar_probability"])[cells[:, [0, 1]]].mean(axis=1)
        np.testing.assert_allclose(np.asarray(found["scar_probability"])[cells[:, 4]], ends, atol=1e-6)
        probability = np.asarray(found["scar_probability"])
        np.testing.assert_array_equal(found["scar_binary"], probability >= 0.5)
        np.testing.assert_array_equal(found["scar_certainty"], np.digitize(probability, (0.25, 0.5, 0.75)))
    one, other = metrics(results), metrics(expected)
    assert one["scar"]["volume_ml"] == pytest.approx(other["scar"]["volume_ml"], rel=1e-5)
    assert one["aha"].keys() == other["aha"].keys()
    assert one["truth"]["cardioscar"]["dice"] == pytest.approx(other["truth"]["cardioscar"]["dice"], abs=1e-4)
    tags = read_opencarp(results / "scar.pts")
    assert tags.n_points == (own.n_points if form != "curved" else grid.n_points)
    assert tags.n_cells == own.n_cells


def test_a_heart_in_its_bath(make_cohort: MakeCohort) -> None:
    """The bath is no wall and has no result; the openCARP files hold it as it came."""
    cohort = make_cohort("P001", files=FILES[:3] + FILES[4:])
    folder = cohort / "P001"
    grid = read_mesh(folder / "mesh.vtu").grid
    inside, low = voxel_box(grid, 4.0, 12.0)
    box = voxels(np.ones_like(inside), low, 4.0)
    points, cells, _ = cells_of(box)
    wall = inside.ravel()
    (folder / "mesh.vtu").unlink()
    write_carp(folder / "mesh", points, cells, wall.astype(int), "Hx")
    results = reconstructed(cohort)
    found = pv.read(results / "scar.vtu")
    np.testing.assert_allclose(found.points, points, atol=1e-3)
    of_wall = np.zeros(len(points), dtype=bool)
    of_wall[cells[wall]] = True
    np.testing.assert_array_equal(np.isfinite(found["scar_probability"]), of_wall)
    assert np.isfinite(found["scar_uncertainty"]).sum() == of_wall.sum()
    assert not np.asarray(found["scar_binary"])[~of_wall].any()
    assert found.n_cells == wall.sum()
    assert metrics(results)["scar"]["wall_ml"] == pytest.approx(wall.sum() * 0.064, rel=1e-4)
    written = read_opencarp(results / "scar.pts")
    assert (written.n_points, written.n_cells) == (len(points), len(cells))
    tags = np.asarray(written.cell_data["element_tag"])
    assert (tags[~wall] == 0).all()
    assert set(tags[wall].tolist()) <= {1, 2, 3, 4}
    assert (tags[wall] > 1).any()


def test_a_right_ventricle_keeps_its_tag_out_of_those_of_scar(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001", files=FILES[:3] + FILES[4:])
    folder = cohort / "P001"
    mesh = read_mesh(folder / "mesh.vtu")
    points, cells, _ = cells_of(mesh.grid)
    beside = np.array(points) + np.array([120, 0, 0])
    both = grid_of(np.vstack([points, beside]), np.vstack([cells, cells + len(points)]), 10)
    (folder / "mesh.vtu").unlink()
    write_opencarp(folder / "mesh", both, np.repeat([1, 2], len(cells)))
    (folder / "subject.yaml").write_text((folder / "subject.yaml").read_text() + "wall_tags: [1]\n")
    results = reconstructed(cohort)
    tags = np.asarray(read_opencarp(results / "scar.pts").cell_data["element_tag"])
    assert (tags[len(cells) :] == 102).all()
    assert set(tags[: len(cells)].tolist()) <= {1, 2, 3, 4}
    assert np.isnan(pv.read(results / "scar.vtu")["scar_probability"][len(points) :]).all()


def test_the_list_of_results_is_what_the_stages_write(plain: Path) -> None:
    """What an input brings under these names is taken out: a result that is not on the list would let it through."""
    written = set(pv.read(plain / "scar.vtu").point_data)
    brought = set(read_mesh(plain.parents[2] / "cohort" / "P001" / "mesh.vtu").grid.point_data)
    assert written - brought == set(RESULTS) - NOT_HERE
    reference = (Path(__file__).parents[2] / "docs" / "reference" / "meshes.md").read_text()
    assert not {name for name in RESULTS if f"`{name}`" not in reference}


def test_results_of_a_sound_mesh_are_the_mesh_that_came(plain: Path) -> None:
    found = pv.read(plain / "scar.vtu")
    came = read_mesh(plain.parents[2] / "cohort" / "P001" / "mesh.vtu").grid
    np.testing.assert_array_equal(found.points, came.points)
    np.testing.assert_array_equal(found.cell_connectivity, came.cell_connectivity)
    work = plain.parents[1] / "work" / "preprocess" / "P001"
    assert (work / "mesh.vtu").is_file()
    assert not list(work.glob("own_*"))


def test_segments_of_another_map_are_not_scored(make_cohort: MakeCohort) -> None:
    """Arrays under names of results in an input whose LV coordinates fail: no segments rather than foreign ones."""
    cohort = make_cohort("P001", files=FILES[:3] + FILES[4:])
    path = cohort / "P001" / "mesh.vtu"
    grid = read_mesh(path).grid
    for name in RESULTS:
        grid.point_data[name] = np.full(grid.n_points, 7, dtype=np.uint8 if "segment" in name else np.float32)
    grid.save(path)
    text = (path.parent / "subject.yaml").read_text()
    start, axis = text[: text.index("septum_direction:")], text[text.index("apex_to_base:") :]
    (path.parent / "subject.yaml").write_text(start + axis.replace("apex_to_base", "septum_direction") + axis)
    results = reconstructed(cohort)
    assert metrics(results)["aha"] == {}
    assert not {"aha_segment", "scar_transmurality", "transmural"} & set(pv.read(results / "scar.vtu").point_data)
