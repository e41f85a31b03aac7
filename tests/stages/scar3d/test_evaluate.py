"""Scores on the same pixels for every method, truth in every form, and results under the names that are promised."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pyvista as pv

from cardioscar.imaging.formats.mesh_files import read_mesh, write_mesh
from cardioscar.imaging.formats.slice_files import load_stack
from cardioscar.imaging.formats.volume_files import read_labels, read_volume, write_volume
from cardioscar.imaging.labels import LABEL_TABLES, Label
from cardioscar.imaging.volume import Volume
from cardioscar.scar3d.observation.baselines import to_beat
from cardioscar.scar3d.quality import scoring
from cardioscar.scar3d.quality.flat_metrics import flat_metrics
from cardioscar.scar3d.quality.result import metrics_json, read_metrics
from cardioscar.scar3d.quality.result_scores import Residual
from cardioscar.shard.status import Status, read_status, write_status
from cardioscar.stages.recording import Recording
from cardioscar.stages.scar3d import evaluate
from cardioscar.stages.scar3d.workflow import SCAR_FIELD
from tests import broken_subjects as change
from tests.finished_run import Run, content

METHODS = ["cardioscar", "baseline", "log_odds", "signed_distance"]
TRUTH_SCORES = ["dice", "volume_error_percent", "hd95_mm", "ece", "brier"]
PIXEL_SCORES = ["dice", "volume_error_percent", "ece", "brier"]
SHAPE = {
    "subject": str,
    "holdout": str,
    "target": str,
    "method": str,
    "baseline": str,
    "threshold": float,
    "doubt_range": list,
    "input": [
        "scar_from",
        "n_sd",
        "slices",
        "hidden_slices",
        "slice_distance_mm",
        "slice_thickness_mm",
        "pixel_mm",
        "merged_pixels",
        "mesh",
        "nodes",
        "edge_mm",
        "worst_cell_quality",
        "heart",
        "signal",
    ],
    "scar": [
        "volume_ml",
        "fraction_of_wall",
        "likely_ml",
        "uncertain_ml",
        "possible_ml",
        "border_zone_ml",
        "wall_ml",
        "uncertainty_mean",
    ],
    "aha": dict,
    "intervals": dict | None,
    "interval_truth": dict | None,
    "truth": METHODS,
    "heldout": ["slices", "pixels", "scores", "per_slice"],
    "leave_one_out": [
        "slices",
        "pixels",
        "dice",
        "mean_absolute_error",
        "brier",
        "scar_error",
        "area_bias",
        "per_slice",
    ],
    "slices": ["with_wall", "observed_scar_ml", "outermost_scar", "largest_gap_mm"],
    "residual": ["rms", "max", "p95", "groups"],
    "observed_pixels": int,
    "fit": ["method", "stop_reason", "steps", "seconds", "final_loss", "device", "together"],
    "orientation": str,
    "septum": ["source", "scanner_frame"],
    "channels": list | None,
    "channel_draws": int | None,
    "posterior": dict | None,
    "coverage": dict | None,
    "warnings": list,
    "qc": ["verdict", "reasons"],
}
"""Keys of `metrics.json` and what they hold."""


@pytest.fixture
def run(finished: Run, tmp_path: Path) -> Run:
    return finished.copy(tmp_path)


def metrics(run: Run, subject: str = "P001") -> dict[str, Any]:
    return json.loads((run.folder("evaluate", subject) / "metrics.json").read_text(encoding="utf-8"))


def again(run: Run, **options: object) -> tuple[Status, dict[str, Any]]:
    [row] = run.stage("evaluate", ["P001"], options=options)
    return row, metrics(run) if row.outcome == "ok" else {}


def test_metrics_have_the_shape_of_the_contract(finished: Run) -> None:
    found = metrics(finished)
    assert found.keys() == SHAPE.keys()
    for name, expected in SHAPE.items():
        if isinstance(expected, list):
            assert list(found[name]) == expected, name
        else:
            assert isinstance(found[name], expected), name
    assert {tuple(row) for row in found["truth"].values()} == {tuple(TRUTH_SCORES)}
    assert list(found["heldout"]["scores"]) == METHODS
    assert {tuple(row) for row in found["heldout"]["scores"].values()} == {tuple(PIXEL_SCORES)}
    for row in found["heldout"]["per_slice"]:
        assert list(row) == ["slice", "wall_pixels", "scar_pixels", *METHODS]
    assert set(found["aha"]) <= {str(number) for number in range(1, 18)}
    assert len(found["aha"]) >= 16


def test_the_file_is_that_of_its_typed_object(finished: Run) -> None:
    for subject in ("P001", "P002", "P003"):
        text = (finished.folder("evaluate", subject) / "metrics.json").read_text(encoding="utf-8")
        assert metrics_json(read_metrics(json.loads(text))) == text


def test_numbers_agree_with_one_another(finished: Run) -> None:
    found = metrics(finished)
    scar = found["scar"]
    assert scar["fraction_of_wall"] == pytest.approx(scar["volume_ml"] / scar["wall_ml"])
    assert sum(row["wall_ml"] for row in found["aha"].values()) == pytest.approx(scar["wall_ml"])
    assert sum(row["scar_ml"] for row in found["aha"].values()) == pytest.approx(scar["volume_ml"])
    heldout = found["heldout"]
    assert heldout["pixels"] == sum(row["wall_pixels"] for row in heldout["per_slice"])
    assert heldout["slices"] == [row["slice"] for row in heldout["per_slice"]]
    assert all(number % 2 for number in heldout["slices"])
    assert found["scar"]["volume_ml"] > 0
    assert found["truth"]["cardioscar"]["dice"] > 0.5


def test_every_method_is_scored_on_the_same_pixels(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from cardioscar.stages.scar3d import subject_metrics

    best = SimpleNamespace(**vars(to_beat(load_stack(run.folder("preprocess") / "slices.npz"))))
    asked: dict[str, list[np.ndarray]] = {method: [] for method in METHODS}
    stacks: list[set[int]] = []

    def watch(module: Any, function: str, method: str, argument: int) -> None:
        original = getattr(module, function)

        def watched(*arguments: Any, **settings: Any) -> Any:
            asked[method].append(np.array(arguments[argument]))
            if argument == 1:
                stacks.append({piece.number for piece in arguments[0]})
            return original(*arguments, **settings)

        monkeypatch.setattr(module, function, watched)

    watch(subject_metrics, "sample_nodes", "cardioscar", 2)
    monkeypatch.setattr(subject_metrics, "to_beat", lambda stack, wall: best)
    watch(subject_metrics, "log_odds", "log_odds", 1)
    watch(subject_metrics, "signed_distance", "signed_distance", 1)
    watch(best, "at", "baseline", 1)
    (run.cohort / "P001" / "truth.vtu").unlink()
    _, found = again(run)
    with np.load(run.folder("preprocess") / "heldout.npz") as stored:
        pixels, hidden = stored["pixel_mm"], set(stored["slice_number"].tolist())
    for method in METHODS:
        np.testing.assert_array_equal(asked[method][0], pixels)
    assert found["heldout"]["pixels"] == len(pixels)
    # the baselines see what the fit saw
    assert stacks
    assert all(not seen & hidden for seen in stacks)
    assert set(found["heldout"]["slices"]) == hidden


def test_what_a_hidden_slice_shows_changes_its_score_alone(run: Run) -> None:
    """Nothing learns from hidden pixels: with all of them turned over, map, field and baselines are the same bytes."""
    path = run.cohort / "P001" / "scar.nii.gz"
    scar = read_volume(path)
    hidden = metrics(run)["heldout"]["slices"]
    other = scar.values.copy()
    other[:, :, hidden] = 1 - other[:, :, hidden]
    seen = []
    for values in (scar.values, other):  # both written by us: writing rounds the header
        write_volume(path, replace(scar, values=values))
        assert run.again("P001").reused == 0
        seen.append((metrics(run), content(run.result())))
    (before, published), (after, published_again) = seen
    for name in ("scar.vtu", "field.safetensors"):
        assert published_again[name] == published[name]
    assert after["heldout"]["slices"] == before["heldout"]["slices"]
    assert after["heldout"]["scores"] != before["heldout"]["scores"]
    for name in ("scar", "truth", "residual", "aha", "leave_one_out", "slices", "intervals"):
        assert after[name] == before[name]


# truth


def test_without_truth_there_is_none(run: Run) -> None:
    (run.cohort / "P001" / "truth.vtu").unlink()
    row, found = again(run)
    assert row.outcome == "ok"
    assert found["truth"] is None
    assert found["heldout"] is not None


def test_a_label_volume_is_a_truth(run: Run) -> None:
    """The labels of the slices, made thick enough to leave no gap, stand for the truth at the nodes."""
    folder = run.cohort / "P001"
    (folder / "truth.vtu").unlink()
    labels = read_labels(folder / "labels.nii.gz")
    write_volume(folder / "truth.nii.gz", labels)
    _, found = again(run)
    mesh = read_mesh(run.folder("infer") / "scar.vtu")
    index = np.floor(labels.mm_to_index(mesh.nodes_mm) + 0.5).astype(int)
    inside = ((index >= 0) & (index < labels.values.shape)).all(axis=1)
    truth = np.zeros(mesh.n_nodes, dtype=bool)
    truth[inside] = labels.values[tuple(index[inside].T)] == Label.SCAR
    scar = np.asarray(mesh.grid.point_data["scar_probability"]) >= 0.5
    ml = mesh.node_volumes_ml
    expected = 2 * ml[truth & scar].sum() / (ml[truth].sum() + ml[scar].sum())
    assert found["truth"]["cardioscar"]["dice"] == pytest.approx(expected)
    assert expected > 0.5


@pytest.mark.parametrize("where", ["subject.yaml", "preprocess"])
def test_a_label_volume_is_read_by_the_subjects_table(run: Run, where: str) -> None:
    folder = run.cohort / "P001"
    labels = read_labels(folder / "labels.nii.gz")
    (folder / "truth.vtu").unlink()
    write_volume(folder / "truth.nii.gz", labels)
    _, expected = again(run)

    table = LABEL_TABLES["emidec"]
    foreign = {ours: theirs for theirs, ours in reversed(table.items())}
    values = np.vectorize(lambda label: int(foreign[Label(label)]))(labels.values).astype(np.uint8)
    assert (values != labels.values).any()
    translated = Volume(values, labels.affine, "truth.nii.gz")
    for name in ("labels.nii.gz", "truth.nii.gz"):
        write_volume(folder / name, translated)
    if where == "subject.yaml":
        text = (
            (folder / "subject.yaml")
            .read_text(encoding="utf-8")
            .replace("label_table: cardioscar", "label_table: emidec")
        )
        (folder / "subject.yaml").write_text(text, encoding="utf-8")
        [row] = run.stage("preprocess", ["P001"])
    else:
        text = (folder / "subject.yaml").read_text(encoding="utf-8").replace("label_table: cardioscar\n", "")
        (folder / "subject.yaml").write_text(text, encoding="utf-8")
        [row] = run.stage("preprocess", ["P001"], options={"label_table": "emidec"})
    assert row.outcome == "ok"
    _, found = again(run)
    assert found["truth"] == expected["truth"]


@pytest.mark.parametrize("where", ["subject.yaml", "preprocess"])
def test_a_label_volume_is_read_with_the_subjects_trust_in_its_header(run: Run, where: str) -> None:
    folder = run.cohort / "P001"
    (folder / "truth.vtu").unlink()
    write_volume(folder / "truth.nii.gz", read_labels(folder / "labels.nii.gz"))
    _, expected = again(run)
    change.affine("truth.nii.gz", change.without_sizes)(folder)
    refused, _ = again(run)
    assert refused.error is not None
    assert refused.error.message.startswith("truth.nii.gz: expected sform and pixdim that agree (header_trust: ")
    if where == "subject.yaml":
        with (folder / "subject.yaml").open("a", encoding="utf-8") as stream:
            stream.write("header_trust: pixdim\n")
        [row] = run.stage("preprocess", ["P001"])
    else:
        [row] = run.stage("preprocess", ["P001"], options={"header_trust": "pixdim"})
    assert row.outcome == "ok"
    _, found = again(run)
    assert found["truth"] == expected["truth"]


@pytest.mark.parametrize(
    ("harm", "rule"),
    [
        ("no scar_truth", "truth.vtu: expected point data 'scar_truth', found none of that name"),
        ("other nodes", "truth.vtu: expected the {n} nodes of the mesh, found {n} others"),
        ("far away", "truth.nii.gz: expected a volume that overlaps the mesh, found none of its nodes inside"),
        ("unknown label", "truth.nii.gz: expected"),
    ],
)
def test_a_truth_that_cannot_be_is_a_row_with_its_reason(run: Run, harm: str, rule: str) -> None:
    folder = run.cohort / "P001"
    mesh = read_mesh(folder / "truth.vtu")
    if harm == "no scar_truth":
        mesh.grid.point_data.remove("scar_truth")
        write_mesh(folder / "truth.vtu", mesh)
    elif harm == "other nodes":
        mesh.grid.points[:, 0] += 1.0
        write_mesh(folder / "truth.vtu", mesh)
    else:
        labels = read_labels(folder / "labels.nii.gz")
        (folder / "truth.vtu").unlink()
        affine, values = labels.affine.copy(), labels.values.copy()
        if harm == "far away":
            affine[:3, 3] += 1000
        else:
            values[0, 0, 0] = 77
        write_volume(folder / "truth.nii.gz", Volume(values, affine, "truth"))
    row, _ = again(run)
    assert row.outcome == "failed"
    assert row.error is not None
    assert row.error.message.startswith(rule.format(n=mesh.n_nodes))


def test_a_truth_mesh_may_be_in_ras(run: Run) -> None:
    folder = run.cohort / "P001"
    _, expected = again(run)
    for name in ("truth.vtu", "mesh.vtu"):
        mesh = read_mesh(folder / name)
        mesh.grid.points = np.asarray(mesh.grid.points) * [-1.0, -1.0, 1.0]
        write_mesh(folder / name, mesh)
    text = (folder / "subject.yaml").read_text(encoding="utf-8").replace("mesh_frame: LPS", "mesh_frame: RAS")
    (folder / "subject.yaml").write_text(text, encoding="utf-8")
    assert run.stage("preprocess", ["P001"])[0].outcome == "ok"
    _, found = again(run)
    assert found["truth"]["cardioscar"]["dice"] == pytest.approx(expected["truth"]["cardioscar"]["dice"], abs=1e-6)


# intervals


INTERVALS = {
    "level": 0.9,
    "samples": 64,
    "scar_ml": {"mean": 5.0, "sd": 1.0, "lower": 0.001, "upper": 900.0},
    "scar_fraction": {"mean": 0.05, "sd": 0.01, "lower": 0.998, "upper": 0.999},
    "aha": {str(n): {"scar_fraction": {"mean": 0.1, "sd": 0.1, "lower": 0.0, "upper": 1.0}} for n in (1, 2, 3)},
}


def test_intervals_are_kept_and_held_against_the_truth(run: Run) -> None:
    (run.folder("infer") / "intervals.json").write_text(json.dumps(INTERVALS), encoding="utf-8")
    row, found = again(run, leave_one_out=False)  # another setting, so that it is not reused
    assert row.outcome == "ok"
    assert found["intervals"] == INTERVALS
    truth = found["interval_truth"]
    assert truth["scar_ml"]["inside"]
    assert not truth["scar_fraction"]["inside"]
    assert truth["scar_fraction"]["true"] == pytest.approx(truth["scar_ml"]["true"] / found["scar"]["wall_ml"])
    assert (truth["aha_segments"], truth["aha_inside"]) == (3, 3)
    flat = flat_metrics(read_metrics(found))
    assert (flat["scar_ml_lower"], flat["scar_ml_upper"], flat["scar_ml_inside"]) == (0.001, 900.0, 1.0)
    assert flat["aha_inside_fraction"] == 1
    assert "the scar volume is uncertain" in " ".join(found["qc"]["reasons"])
    page = (run.folder("evaluate") / "report.html").read_text(encoding="utf-8")
    assert "90\u202f% interval 0.0\u2060–\u2060900.0\u202fml" in page


def test_a_map_without_intervals_is_evaluated_and_the_page_says_so(run: Run) -> None:
    (run.folder("infer") / "intervals.json").unlink(missing_ok=True)
    row, found = again(run, leave_one_out=False)
    assert row.outcome == "ok"
    assert found["intervals"] is None
    assert found["interval_truth"] is None
    assert "scar_ml_lower" not in flat_metrics(read_metrics(found))
    page = (run.folder("evaluate") / "report.html").read_text(encoding="utf-8")
    assert "This map was made without intervals" in page


# left-out slices


def test_left_out_slices_are_those_that_the_fit_saw_but_the_outermost(finished: Run) -> None:
    facts = json.loads((finished.folder("preprocess") / "preprocess.json").read_text(encoding="utf-8"))
    scores = metrics(finished)["leave_one_out"]
    assert [row["slice"] for row in scores["per_slice"]] == facts["slices"][1:-1]
    assert not {row["slice"] for row in scores["per_slice"]} & set(facts["hidden_slices"])
    assert scores["pixels"] == sum(row["wall_pixels"] for row in scores["per_slice"])
    assert flat_metrics(read_metrics(metrics(finished)))["left_out_dice"] == scores["dice"]


def test_leaving_out_can_be_left_out(run: Run) -> None:
    _, found = again(run, leave_one_out=False)
    assert found["leave_one_out"] is None
    assert "left_out_dice" not in flat_metrics(read_metrics(found))
    page = (run.folder("evaluate") / "report.html").read_text(encoding="utf-8")
    assert "No slice was left out" in page


# results


def test_results_are_the_golden_list(run: Run) -> None:
    """Every file that a subject can have in the published results."""
    run.stage("infer", ["P001"], options={"write_nifti": True, "write_opencarp": True, "write_draws": True})
    results = run.out / "published"
    evaluate.run(
        run.cohort, run.artifact("preprocess"), run.artifact("group_sort"), run.artifact("train"),
        run.artifact("infer"), ["P001"], run.artifact("evaluate"), {"figures": True},
        Recording(str(results), track=False),
    )  # fmt: skip
    assert sorted(content(results)) == [
        "P001/field.json",
        "P001/field.safetensors",
        "P001/figures/bullseye.png",
        "P001/figures/channels.png",
        "P001/figures/long_axis.png",
        "P001/figures/residuals.png",
        "P001/figures/scene.png",
        "P001/figures/slices.png",
        "P001/figures/thumbnail.webp",
        "P001/metrics.json",
        "P001/report.html",
        "P001/scar.elem",
        "P001/scar.lon",
        "P001/scar.pts",
        "P001/scar.vtu",
        "P001/scar_draws.npz",
        "P001/scar_endo.vtx",
        "P001/scar_epi.vtx",
        "P001/scar_probability.nii.gz",
        "P001/status.json",
    ]
    assert pv.read(results / "P001" / "scar.vtu").n_points > 0


def test_the_page_shows_the_numbers_of_the_metrics(finished: Run) -> None:
    page = (finished.folder("evaluate") / "report.html").read_text(encoding="utf-8")
    found = metrics(finished)
    assert "P001" in page
    assert f"{found['scar']['volume_ml']:.1f}" in page
    assert f"{found['truth']['cardioscar']['dice']:.3f}" in page
    assert f"{found['heldout']['scores']['baseline']['dice']:.3f}" in page


def test_warnings_of_every_stage_are_reasons_for_review_and_stand_on_the_page(run: Run) -> None:
    said = {"preprocess": ["a wall with <holes>"], "train": ["a restless fit", "thin walls"]}
    for stage, texts in said.items():
        row = read_status(run.folder(stage))
        assert row is not None
        write_status(run.folder(stage), replace(row, warnings=texts))
    row, found = again(run)
    assert found["warnings"] == [{"stage": stage, "text": text} for stage, texts in said.items() for text in texts]
    assert found["qc"]["verdict"] == "review"
    assert found["qc"]["reasons"][-3:] == ["a wall with <holes>", "a restless fit", "thin walls"]
    page = (run.folder("evaluate") / "report.html").read_text(encoding="utf-8")
    section = page.split('id="warnings"')[1].split("</section>")[0]
    assert "a wall with &lt;holes&gt;" in section
    assert "a restless fit" in section
    assert "No stage warned" not in section


def test_what_evaluate_itself_warns_of_counts_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = scoring.residual_summary

    def doubtful(residual: np.ndarray) -> Residual:
        logging.getLogger(scoring.__name__).warning("residuals of a strange kind")
        return summary(residual)

    monkeypatch.setattr(scoring, "residual_summary", doubtful)
    row, found = again(run, leave_one_out=False)
    assert row.warnings == ["residuals of a strange kind"]
    assert {"stage": "evaluate", "text": "residuals of a strange kind"} in found["warnings"]
    assert "residuals of a strange kind" in found["qc"]["reasons"]


def test_the_metrics_say_what_the_map_was_made_from(finished: Run) -> None:
    found = metrics(finished)
    given = found["input"]
    assert (given["scar_from"], given["mesh"], given["heart"]) == ("probability", "read", "adult")
    assert given["pixel_mm"] == [2.0, 2.0]
    assert (given["slice_thickness_mm"], given["slice_distance_mm"]) == (8.0, 18.0)  # every second one is hidden
    assert given["slices"] == found["slices"]["with_wall"]
    assert given["hidden_slices"] == len(found["heldout"]["slices"])
    assert given["signal"]["border_zones"].keys() == {"fwhm", "nsd"}
    scar = found["scar"]
    assert scar["likely_ml"] + scar["uncertain_ml"] == pytest.approx(scar["volume_ml"])
    mesh = read_mesh(finished.folder("infer") / "scar.vtu")
    border = np.asarray(mesh.grid.point_data["border_zone"]) > 0
    assert scar["border_zone_ml"] == pytest.approx(mesh.node_volumes_ml[border].sum())
    assert not (border & (np.asarray(mesh.grid.point_data["scar_binary"]) > 0)).any()


def test_figures_that_cannot_be_drawn_cost_no_numbers(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from cardioscar.report.scar3d import subject

    def broken(*arguments: object, **settings: object) -> None:
        raise RuntimeError("no fonts in /home/JANE_DOE")

    monkeypatch.setattr(subject, "slices_figure", broken)
    expected = metrics(run)
    row, found = again(run, figures=True)
    assert row.outcome == "ok"
    assert found == expected
    assert "a report without figures: RuntimeError while drawing" in caplog.text
    assert "JANE_DOE" not in caplog.text
    assert (run.folder("evaluate") / "report.html").is_file()


def test_a_diverged_or_failed_subject_is_published_as_its_row(run: Run) -> None:
    (run.cohort / "P001" / "truth.vtu").write_bytes(b"")
    results = run.out / "results"
    [row] = evaluate.run(
        run.cohort, run.artifact("preprocess"), run.artifact("group_sort"), run.artifact("train"),
        run.artifact("infer"), ["P001"], run.artifact("evaluate"), {"figures": False},
        Recording(str(results), track=False),
    )  # fmt: skip
    assert row.outcome == "failed"
    assert content(run.result()).keys() == {"status.json"}


def test_a_map_of_another_place_fails_and_becomes_a_run_without_a_version(run: Run, tmp_path: Path) -> None:
    from cardioscar.services.tracking import registry
    from cardioscar.services.tracking.client import TrackingTarget

    path = run.folder("preprocess") / "preprocess.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    lost = {"i": 0.0, "j": 0.0, "error": None, "overlap": 0.2, "finding": "no match"}
    path.write_text(json.dumps(facts | {"slice_shifts_mm": {str(n): lost for n in range(9)}}), encoding="utf-8")
    rows = run.stage("evaluate", ["P001", "P002"], options={"leave_one_out": False})
    assert metrics(run)["qc"]["verdict"] == "fail"
    assert metrics(run)["qc"]["reasons"][0].startswith("9 of 9 slices do not fit the mesh")

    target = TrackingTarget.local(tmp_path / "store", "trial")
    artifacts = [run.artifact(stage) for stage in ("preprocess", "group_sort", "train", "infer", "evaluate")]
    (tmp_path / "store").mkdir()
    evaluate.record(rows, artifacts, Recording(tracking=target.uri, experiment="trial"))
    assert [(row.subject, row.version) for row in registry.find(target, SCAR_FIELD)] == [("P002", 1)]
    [failed] = registry.find(target, SCAR_FIELD, qc="fail")
    assert (failed.subject, failed.version, failed.texts["septum"]) == ("P001", None, "given")
    assert failed.reasons == "; ".join(metrics(run)["qc"]["reasons"])
    assert failed.metrics["scar_ml"] == pytest.approx(metrics(run)["scar"]["volume_ml"])


def test_finished_subjects_are_published_before_the_machine_fails(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from cardioscar.errors import PlatformError

    shutil.rmtree(run.out / "results")
    shutil.rmtree(run.artifact("evaluate"))
    original = evaluate._evaluate

    def second_fails(job: Any, *rest: Any) -> None:
        if job.subject == "P002":
            raise MemoryError
        original(job, *rest)

    monkeypatch.setattr(evaluate, "_evaluate", second_fails)
    with pytest.raises(PlatformError, match=r"^P002: out of memory"):
        evaluate.run(
            run.cohort, run.artifact("preprocess"), run.artifact("group_sort"), run.artifact("train"),
            run.artifact("infer"), ["P001", "P002"], run.artifact("evaluate"), {"figures": False},
            Recording(str(run.out / "results"), track=False),
        )  # fmt: skip
    assert [p.name for p in (run.out / "results").iterdir()] == ["P001"]


def test_flat_metrics_have_numbers_only_and_names_for_each_method(finished: Run) -> None:
    flat = flat_metrics(read_metrics(metrics(finished)))
    assert {"likely_ml", "uncertain_ml", "possible_ml", "border_zone_ml"} <= flat.keys()
    assert all(value is None or isinstance(value, int | float) for value in flat.values())
    for prefix in ("", "heldout_"):
        for suffix in ("", "_baseline"):
            assert f"{prefix}dice{suffix}" in flat
    assert flat["scar_percent"] == pytest.approx(100 * metrics(finished)["scar"]["fraction_of_wall"])
    assert "aha/1_scar_fraction" in flat
