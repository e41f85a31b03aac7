"""What `infer` says beside the map: convergence, and how much of wall and scar no slice shows."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cardioscar.config import config_sha256, from_mapping
from cardioscar.errors import ConfigError
from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.methods.posterior import Posterior
from cardioscar.scar3d.posterior.inference_facts import coverage_facts, warn_of
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.quality.flat_metrics import flat_metrics
from cardioscar.scar3d.quality.result import read_metrics
from cardioscar.shard.loop import Work
from cardioscar.shard.status import read_status
from cardioscar.stages.scar3d import infer
from tests.finished_run import OPTIONS, Run


@pytest.fixture
def run(finished: Run, tmp_path: Path) -> Run:
    return finished.copy(tmp_path, before="infer")


def facts(run: Run) -> dict[str, Any]:
    return json.loads((run.folder("infer") / "inference.json").read_text(encoding="utf-8"))


def metrics(run: Run) -> dict[str, Any]:
    return json.loads((run.folder("evaluate") / "metrics.json").read_text(encoding="utf-8"))


def test_coverage_is_counted_by_volume() -> None:
    nearest = np.array([0.0, 4.0, 6.0, 12.0, 30.0, 99.0])
    probability = np.array([0.9, 0.2, 0.8, 0.6, 0.25, 1.0])
    ml = np.array([4.0, 2.0, 1.0, 2.0, 1.0, 0.0])  # the last node belongs to no cell
    found = coverage_facts(nearest, probability, ml, threshold=0.5)
    assert found == {
        "reach_mm": 10.0,
        "unseen_wall_fraction": pytest.approx(0.3),
        "unseen_scar_fraction": pytest.approx(2 / 7),
        "unseen_wall_ml": pytest.approx(3.0),
        "unseen_scar_ml": pytest.approx(2 * 0.6 + 0.25),
        "farthest_mm": 30.0,
        "farther_than_mm": {
            "5": {"wall_fraction": pytest.approx(0.4), "scar_fraction": pytest.approx(3 / 7)},
            "10": {"wall_fraction": pytest.approx(0.3), "scar_fraction": pytest.approx(2 / 7)},
            "20": {"wall_fraction": pytest.approx(0.1), "scar_fraction": 0.0},
        },
    }
    none = coverage_facts(nearest, np.zeros(6), ml, threshold=0.5)
    assert none["unseen_scar_fraction"] == none["unseen_scar_ml"] == 0


def test_metrics_say_how_the_fits_went_and_what_no_slice_shows(finished: Run) -> None:
    found, written = metrics(finished), facts(finished)
    assert found["posterior"] == written["posterior"]
    assert found["coverage"] == written["coverage"]
    assert found["posterior"]["converged"] is True
    assert found["posterior"]["unsettled_pixels"] == 0
    assert 1 <= found["posterior"]["iterations"] <= PosteriorConfig().iterations
    assert found["posterior"]["inducing_points"] > 10
    # every second slice is hidden, so tissue lies up to 5.5 mm from the faces of the others
    assert 0 < found["coverage"]["farther_than_mm"]["5"]["wall_fraction"] < 0.5
    assert found["coverage"]["farthest_mm"] > 5
    mesh = read_mesh(finished.folder("infer") / "scar.vtu")
    assert found["coverage"]["unseen_wall_ml"] == pytest.approx(
        found["coverage"]["unseen_wall_fraction"] * mesh.volume_ml
    )
    flat = flat_metrics(read_metrics(found))
    assert flat["posterior_converged"] == 1.0
    assert flat["posterior_unsettled_pixels"] == 0.0
    assert flat["posterior_inducing_points"] == found["posterior"]["inducing_points"]
    for name in ("unseen_wall_fraction", "unseen_scar_fraction", "unseen_scar_ml", "farthest_mm"):
        assert flat[name] == found["coverage"][name]


def test_a_map_of_an_earlier_version_has_no_such_facts(finished: Run, tmp_path: Path) -> None:
    run = finished.copy(tmp_path)
    path = run.folder("infer") / "inference.json"
    path.unlink()
    [row] = run.stage("evaluate", ["P001"], output=tmp_path / "again")
    assert row.outcome == "ok"
    found = json.loads((tmp_path / "again" / "P001" / "metrics.json").read_text(encoding="utf-8"))
    assert found["posterior"] is None
    assert found["coverage"] is None
    assert "posterior_converged" not in flat_metrics(read_metrics(found))


def test_what_did_not_converge_is_a_warning_and_stands_in_the_facts(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="cardioscar"):
        [row] = run.stage("infer", ["P001"], options={"posterior": {"iterations": 1}})
    assert row.outcome == "ok"
    assert facts(run)["posterior"]["converged"] is False
    assert facts(run)["posterior"]["iterations"] == 1
    [said] = [record.getMessage() for record in caplog.records if "converge" in record.getMessage()]
    assert "after 1 step" in said
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="cardioscar"):
        run.stage("infer", ["P001"])
    assert facts(run)["posterior"]["converged"] is True
    assert not caplog.records


def test_pixels_that_did_not_settle_are_counted_in_words(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="cardioscar"):
        warn_of({"converged": True, "unsettled_pixels": 7})
        warn_of({"samples": 3, "unsettled_pixels": 0})
    assert [record.getMessage() for record in caplog.records] == [
        "the projection onto the pixels did not settle for 7 of them: the map meets these only roughly"
    ]


def test_settings_of_the_posterior_are_recorded_and_hashed(run: Run) -> None:
    hashes = set()
    for settings in ({}, {"posterior": {"region_mm": 30, "handover_mm": [6, 14]}}):
        run.stage("infer", ["P001"], options=settings)
        status = read_status(run.folder("infer"))
        assert status is not None
        wanted = PosteriorConfig(region_mm=30.0, handover_mm=(6.0, 14.0)) if settings else PosteriorConfig()
        assert from_mapping(PosteriorConfig, status.config["posterior"]) == wanted
        hashes.add(status.config_sha256)
        assert status.config_sha256 == config_sha256(from_mapping(infer.Config, status.config))
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"posterior": {"region": 3}}, r"infer: posterior: .*unknown key 'region' \(did you mean 'region_m[lm]'\?\)"),
        ({"posterior": {"region_mm": -1}}, "region_mm: expected a positive number, found -1"),
        ({"posterior": {"handover_mm": [9, 4]}}, "handover_mm: expected two rising distances"),
        ({"posterior": {"own_scar": 1.5}}, "own_scar: expected a probability from 0 to 1, found 1.5"),
        ({"posterior": {"scar_share": 0}}, "scar_share: expected a share between 0 and 1"),
        ({"posterior": {"continuation_mm": "far"}}, "posterior: continuation_mm: expected a value of type float"),
        ({"posterior": 3}, "posterior: expected settings and their values, found 3"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(run: Run, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run.stage("infer", ["P001"], options=settings)


def test_the_stage_does_what_the_method_does(run: Run) -> None:
    """One recipe: the benchmark's method, on the stage's own problem, gives the stage's map bit by bit."""
    [row] = run.stage("infer", ["P001"])
    assert row.error is None
    mesh = read_mesh(run.folder("infer") / "scar.vtu")
    folders = {"groups": run.folder("preprocess"), "sorted": run.folder("group_sort"), "fields": run.folder("train")}
    problem = infer._problem(Work("P001", folders, {}, run.folder("infer"), run.out / "none", list), mesh)
    fit = from_mapping(FitConfig, OPTIONS["train"])
    answer = Posterior(fit=fit, samples=OPTIONS["infer"]["samples"]).reconstruct(problem)
    np.testing.assert_array_equal(answer.probability, np.asarray(mesh.grid.point_data["scar_probability"]))
    assert answer.draws is not None
    sd = np.array(list(answer.draws(64, 0))).std(axis=0)
    np.testing.assert_allclose(sd, np.asarray(mesh.grid.point_data["scar_uncertainty"]), atol=1e-3)
    stated = facts(run)["posterior"]
    for name in ("iterations", "inducing_points", "beside", "unseen_nodes", "base_rate"):
        assert answer.facts[name] == stated[name]
