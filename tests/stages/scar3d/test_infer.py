"""The map on disk in every form says the same as the mesh."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from cardioscar.errors import ConfigError, InputError, PlatformError
from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.formats.opencarp import read_opencarp
from cardioscar.imaging.formats.slice_files import load_stack
from cardioscar.imaging.formats.volume_files import read_volume
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.sampling import sample_nodes
from cardioscar.imaging.tetrahedra import tetrahedra_of
from cardioscar.scar3d.field.mc_dropout import published_samples
from cardioscar.scar3d.field.stored_field import load_field
from cardioscar.scar3d.observation.problem import build_problem
from cardioscar.scar3d.observation.refinement import refine
from cardioscar.scar3d.posterior.stored_draws import load_scar_draws
from cardioscar.shard.status import Status
from tests.finished_run import Run, content


@pytest.fixture
def run(finished: Run, tmp_path: Path) -> Run:
    return finished.copy(tmp_path, before="infer")


def infer(run: Run, **options: object) -> LVMesh:
    [row] = run.stage("infer", ["P001"], options=options)
    assert row.error is None
    return read_mesh(run.folder("infer") / "scar.vtu")


def data(mesh: LVMesh, name: str) -> np.ndarray:
    return np.asarray(mesh.grid.point_data[name])


def group_means(run: Run, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over each group's nodes, and its pixel."""
    with np.load(run.folder("preprocess") / "groups.npz") as stored:
        index, targets = stored["group_index"], stored["targets"]
    seen = index >= 0
    sums = np.bincount(index[seen], weights=values[seen].astype(float), minlength=len(targets))
    return sums / np.bincount(index[seen], minlength=len(targets)), targets


def test_the_map_is_on_the_nodes_of_the_mesh(run: Run) -> None:
    mesh, before = infer(run), read_mesh(run.folder("preprocess") / "mesh.vtu")
    np.testing.assert_array_equal(mesh.nodes_mm, before.nodes_mm)
    for name in set(before.grid.point_data.keys()) - {"border_zone"}:
        np.testing.assert_array_equal(data(mesh, name), data(before, name))
    # the border zone of the image, less what the map calls scar
    scar = data(mesh, "scar_binary") > 0
    np.testing.assert_array_equal(data(mesh, "border_zone") > 0, (data(before, "border_zone") > 0) & ~scar)
    probability, uncertainty = data(mesh, "scar_probability"), data(mesh, "scar_uncertainty")
    assert (probability >= 0).all()
    assert (probability <= 1).all()
    assert (uncertainty >= 0).all()
    assert (uncertainty <= 0.5).all()
    assert uncertainty.max() > 0.01
    assert probability.max() > 0.8
    np.testing.assert_array_equal(data(mesh, "scar_binary"), probability >= 0.5)
    assert data(mesh, "scar_binary").dtype == np.uint8


def test_the_threshold_is_heeded(run: Run) -> None:
    low, high = infer(run, threshold=0.2), None
    counts = [int(data(low, "scar_binary").sum())]
    high = infer(run, threshold=0.9)
    counts.append(int(data(high, "scar_binary").sum()))
    np.testing.assert_array_equal(data(high, "scar_binary"), data(high, "scar_probability") >= 0.9)
    assert counts[0] > counts[1] > 0


def test_one_sample_has_no_spread_by_dropout(run: Run) -> None:
    mesh = infer(run, samples=1)
    np.testing.assert_array_equal(data(mesh, "scar_uncertainty_dropout"), 0)
    assert data(mesh, "scar_uncertainty").max() > 0.1  # of draws, not of samples


def test_intervals_agree_with_the_map(run: Run) -> None:
    mesh = infer(run, draws=16)
    intervals = json.loads((run.folder("infer") / "intervals.json").read_text())
    assert intervals["level"] == 0.9
    assert intervals["samples"] == 16
    volume, ml = intervals["scar_ml"], mesh.node_volumes_ml
    assert volume["lower"] <= ml[data(mesh, "scar_binary") == 1].sum() <= volume["upper"]
    assert volume["sd"] > 0
    assert set(intervals["aha"]) == {str(n) for n in np.unique(data(mesh, "aha_segment")) if n > 0}
    for row in intervals["aha"].values():
        assert 0 <= row["scar_fraction"]["lower"] <= row["scar_fraction"]["upper"] <= 1 + 1e-6


def test_certainty_follows_the_range_of_doubt(run: Run) -> None:
    mesh = infer(run, doubt_range=(0.3, 0.8))
    steps = np.digitize(data(mesh, "scar_probability"), (0.3, 0.5, 0.8))
    np.testing.assert_array_equal(data(mesh, "scar_certainty"), steps)
    assert set(np.unique(steps)) == {0, 1, 2, 3}


def test_the_published_uncertainty_is_smaller_than_the_calibrated_one(run: Run) -> None:
    calibrated, published = (infer(run, uncertainty=method) for method in ("posterior", "dropout"))
    near = data(calibrated, "scar_uncertainty") > 0.05
    ratio = data(published, "scar_uncertainty_dropout")[near] / data(calibrated, "scar_uncertainty")[near]
    assert np.median(ratio) < 0.7


def test_the_learned_prior_changes_the_map_where_it_has_weight(run: Run) -> None:
    without, half = (data(infer(run, learned=on, blend=0.5), "scar_probability") for on in (False, True))
    assert np.abs(without - half).max() > 0.05
    assert np.abs(without - half).mean() < 0.1


@pytest.mark.parametrize(
    ("options", "named"),
    [({"draws": 1}, "draws"), ({"blend": 1.1}, "blend"), ({"blend_labels": -0.1}, "blend_labels")],
)
def test_weights_and_numbers_that_make_no_sense_are_refused(run: Run, options: dict[str, float], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        run.stage("infer", ["P001"], options=options)


def test_the_seed_decides_the_draws(run: Run) -> None:
    one, same, other = (data(infer(run, seed=seed), "scar_uncertainty") for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_a_hard_projection_meets_the_pixels(run: Run) -> None:
    means, targets = group_means(run, data(infer(run, projection="hard", samples=2), "scar_probability"))
    # float32 on disk
    np.testing.assert_allclose(means, targets, atol=2e-6)


def test_the_hard_projection_meets_nodes_and_the_soft_one_tissue(run: Run) -> None:
    at_nodes, in_tissue = {}, {}
    for projection in ("hard", "soft", "none"):
        mesh = infer(run, projection=projection)
        means, targets = group_means(run, data(mesh, "scar_probability"))
        at_nodes[projection] = np.sqrt(np.mean((means - targets) ** 2))
        in_tissue[projection] = tissue_residual(run, mesh)
    assert at_nodes["hard"] < 2e-6 < min(at_nodes["soft"], at_nodes["none"])
    # the mesh is coarse: the mean over a pixel's few nodes is not that of its tissue
    assert in_tissue["soft"] < 0.9 * in_tissue["hard"]


def test_a_field_of_the_published_method_gives_the_published_map(finished: Run, tmp_path: Path) -> None:
    run = finished.copy(tmp_path, before="train")
    [row] = run.stage("train", ["P001"], options={"method": "reference", "max_epochs": 3})
    assert row.error is None
    mesh = infer(run, seed=4, samples=0)
    field, about = load_field(run.folder("train"))
    assert about["method"] == "reference"
    passes = expit(published_samples(field, mesh.nodes_mm, samples=10, seed=4).astype(np.float64))
    # the mean and the spread of ten passes as they are: no projection, no blend, no process
    np.testing.assert_allclose(data(mesh, "scar_probability"), passes.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(data(mesh, "scar_uncertainty"), passes.std(axis=0), atol=1e-6)
    np.testing.assert_array_equal(data(mesh, "scar_binary"), passes.mean(axis=0) >= 0.5)
    named = infer(run, seed=4, uncertainty="reference", samples=10)
    np.testing.assert_array_equal(data(named, "scar_probability"), data(mesh, "scar_probability"))
    corrected = infer(run, seed=4, uncertainty="posterior")
    assert np.abs(data(corrected, "scar_probability") - data(mesh, "scar_probability")).max() > 0.2


def test_a_fourier_field_gives_the_posterior_unless_another_method_is_named(run: Run) -> None:
    unasked, posterior, dropout = (data(infer(run, **options), "scar_probability") for options in METHODS)
    np.testing.assert_array_equal(unasked, posterior)
    assert np.abs(unasked - dropout).max() > 0.05


METHODS: tuple[dict[str, object], ...] = (
    {"samples": 0},
    {"uncertainty": "posterior", "samples": 20},
    {"uncertainty": "dropout", "samples": 20},
)


def tissue_residual(run: Run, mesh: LVMesh) -> float:
    """Root mean square of the pixels less the means over their tissue, between the nodes interpolated linearly."""
    stack = load_stack(run.folder("preprocess") / "slices.npz")
    problem = build_problem(mesh.nodes_mm, stack, wall_ml=mesh.volume_ml, tetrahedra=tetrahedra_of(mesh.grid))
    finer = refine(problem)
    assert finer is not None
    groups, values = finer.problem.groups, finer.extend(data(mesh, "scar_probability").astype(np.float64))
    sums = np.add.reduceat(values[groups.node_order], groups.group_offsets[:-1])
    return float(np.sqrt(np.mean((sums / np.diff(groups.group_offsets) - finer.problem.targets) ** 2)))


def test_the_blend_is_an_average_of_logits(run: Run) -> None:
    """Without dropout draws and projection the map is known from the field and the interpolation."""
    from cardioscar.imaging.formats.slice_files import load_stack
    from cardioscar.scar3d.observation.interpolation import log_odds

    run.stage("train", ["P001"], options={"dropout": 0.0})
    alone = data(infer(run, uncertainty="dropout", projection="none", samples=1, blend=0.0), "scar_probability")
    blended = infer(run, uncertainty="dropout", projection="none", samples=1, blend=0.3, learned=False)
    stack = load_stack(run.folder("preprocess") / "slices.npz")
    between = np.clip(log_odds(stack, blended.nodes_mm), 1e-4, 1 - 1e-4)
    field = logit(np.clip(alone.astype(float), 1e-6, 1 - 1e-6))
    np.testing.assert_allclose(data(blended, "scar_probability"), expit(0.7 * field + 0.3 * logit(between)), atol=2e-3)


def test_the_volume_agrees_with_the_mesh(run: Run) -> None:
    mesh = infer(run, write_nifti=True)
    volume = read_volume(run.folder("infer") / "scar_probability.nii.gz")
    assert volume.values.dtype == np.float32
    # cubic voxels of the mesh's edge, along the axes of the slices
    np.testing.assert_allclose(volume.spacing_mm, round(mesh.edge_mm, 2), rtol=1e-5)
    slices = read_volume(run.cohort / "P001" / "scar.nii.gz")
    axes = volume.affine[:3, :3] / volume.spacing_mm
    np.testing.assert_allclose(axes[:, :2], (slices.affine[:3, :3] / slices.spacing_mm)[:, :2], atol=1e-5)
    assert abs(np.linalg.det(axes)) == pytest.approx(1, abs=1e-5)

    index = np.argwhere(np.ones(volume.values.shape))
    expected, inside = sample_nodes(mesh, data(mesh, "scar_probability"), volume.index_to_mm(index))
    found = volume.values.ravel()
    np.testing.assert_allclose(found[inside], expected[inside], atol=1e-4)
    outer = ~inside & (np.abs(found) > 0)
    # header and file round the positions: a voxel on the very border may fall on either side
    assert outer.mean() < 1e-3
    # its sum is the expected volume of scar
    voxel_ml = float(np.prod(volume.spacing_mm)) / 1000
    expected_ml = float(mesh.node_volumes_ml @ data(mesh, "scar_probability"))
    assert found.sum() * voxel_ml == pytest.approx(expected_ml, rel=0.1)


def test_the_volume_holds_the_whole_mesh(run: Run) -> None:
    mesh = infer(run, write_nifti=True)
    volume = read_volume(run.folder("infer") / "scar_probability.nii.gz")
    index = volume.mm_to_index(mesh.nodes_mm)
    assert (index > -0.5).all()
    assert (index < np.array(volume.values.shape) - 0.5).all()


def test_opencarp_tags_are_healthy_border_zone_and_scar(run: Run) -> None:
    mesh = infer(run, write_opencarp=True)
    grid = read_opencarp(run.folder("infer") / "scar.pts")
    np.testing.assert_allclose(grid.points, mesh.nodes_mm, atol=1e-3)
    assert grid.n_cells == mesh.grid.n_cells
    probability = data(mesh, "scar_probability").astype(float)
    of_cells = probability[mesh.grid.cells_dict[10]].mean(axis=1)
    tags = np.asarray(grid.cell_data["element_tag"])
    border = data(mesh, "border_zone")[mesh.grid.cells_dict[10]].mean(axis=1) >= 0.5
    clear = np.abs(of_cells - 0.5) > 1e-5  # VTK averages in single precision
    expected = np.where(of_cells >= 0.5, 3, np.where(border, 2, 1))
    np.testing.assert_array_equal(tags[clear], expected[clear])
    assert {1, 3} <= set(np.unique(tags))


def test_nothing_is_written_that_was_not_asked_for(run: Run) -> None:
    infer(run)
    assert content(run.folder("infer")).keys() == {
        "scar.vtu",
        "intervals.json",
        "inference.json",
        "electrophysiology.json",
        "status.json",
    }


@pytest.mark.parametrize("limit", [100, 3_000, 10_000, 20_000, 40_000, 60_000, 10_000_000])
def test_a_full_disk_never_passes_for_a_result(run: Run, limit: int) -> None:
    """With every kind of file asked for, a limit on their size ends the stage, or is wide enough for whole files."""
    options = {"write_nifti": True, "write_opencarp": True}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    rows: list[Status] = []
    try:
        rows = run.stage("infer", ["P001"], options=options)
    except PlatformError:
        pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    limited = content(run.folder("infer"))
    [row] = run.stage("infer", ["P001"], options=options)
    files = content(run.folder("infer"))
    assert row.outcome == "ok"
    if rows:
        assert rows == [row]
        assert limited == files
    else:
        assert limited == {}
        assert max(map(len, files.values())) > limit


def test_draws_that_are_written_have_the_spread_of_the_map(run: Run) -> None:
    mesh = infer(run, write_draws=True)
    draws = load_scar_draws(run.folder("infer") / "scar_draws.npz", mesh.n_nodes)
    assert draws.shape == (64, mesh.n_nodes)
    spread = data(mesh, "scar_uncertainty")
    # a draw is stored in steps of 1/255
    np.testing.assert_allclose(draws.std(axis=0), spread, atol=0.005)
    with pytest.raises(InputError, match="scar_draws.npz: expected draws of scar at 7 nodes"):
        load_scar_draws(run.folder("infer") / "scar_draws.npz", 7)
    assert "scar_draws.npz" not in content(run.folder("infer", "P002"))
