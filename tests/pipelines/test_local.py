"""The compiled cohort pipeline, end to end on this machine, over a cohort of three with one corrupt file."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("kfp")

from pipelines.reconstruct_cohort import local
from tests.stored import bucket, emulated_endpoint, objects, put, put_folder, s3_endpoint

__all__ = ["bucket", "emulated_endpoint", "s3_endpoint"]

FAST = ["--set", "edge_mm=4.0", "--set", "samples=4", "--set", "train_options={steps: 40}"]


def write_labels(path, thickness_mm=5.0):
    """Seven slices of a cylinder with a sector of scar that grows: labels 1 wall, 2 cavity, 3 scar."""
    import SimpleITK as sitk  # noqa: N813

    j, i = np.indices((40, 40)) - 19.5
    radius, angle = np.hypot(i, j) * 2.0, np.arctan2(j, i)
    wall, cavity = (radius >= 20) & (radius < 30), radius < 20
    labels = np.where(cavity, 2, np.where(wall, 1, 0))
    stack = np.stack([np.where(wall & (angle > 0) & (angle < 0.3 * level), 3, labels) for level in range(7)])
    image = sitk.GetImageFromArray(stack.astype(np.uint8))
    image.SetSpacing((2.0, 2.0, thickness_mm))
    path.parent.mkdir(parents=True)
    sitk.WriteImage(image, str(path))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    for subject in ("case-1", "case-2"):
        write_labels(folder / subject / "labels.nii.gz")
    (folder / "case-3").mkdir()
    whole = (folder / "case-1" / "labels.nii.gz").read_bytes()
    (folder / "case-3" / "labels.nii.gz").write_bytes(whole[: len(whole) // 2])
    return folder


OUTPUTS = Path(__file__).parent / "outputs"
"""What a run leaves for its user, one file a line. Written anew where CARDIOSCAR_WRITE_GOLDEN is set."""


def check_outputs(pipeline, results):
    """The files that a pipeline publishes are those of its listing: a new one, or one that is gone, is a change."""
    found = "".join(
        f"{path.relative_to(results).as_posix()}\n" for path in sorted(results.rglob("*")) if path.is_file()
    )
    golden = OUTPUTS / f"{pipeline}.txt"
    if os.environ.get("CARDIOSCAR_WRITE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(found, encoding="utf-8")
    assert found.splitlines() == golden.read_text(encoding="utf-8").splitlines()


def read_rows(output):
    with (output / "results" / "cohort.csv").open(encoding="utf-8", newline="") as stream:
        return {row["subject"]: row for row in csv.DictReader(stream)}


@pytest.mark.slow
def test_a_corrupt_subject_is_a_row_and_the_others_go_on(cohort, tmp_path, capsys):
    code = local.main(
        [str(cohort), "--output", str(tmp_path), "--holdout", "odd", "--max-failed-fraction", "0.5", *FAST]
    )
    shown = capsys.readouterr().out
    assert code == 0, shown
    rows = read_rows(tmp_path)
    outcomes = {name: row["outcome"] for name, row in rows.items()}
    assert outcomes == {"case-1": "ok", "case-2": "ok", "case-3": "failed"}
    assert "labels.nii.gz" in rows["case-3"]["error_message"]
    check_outputs("reconstruct_cohort", tmp_path / "results")
    assert float(rows["case-1"]["heldout_dice"]) > 0.5
    assert (tmp_path / "results" / rows["case-1"]["report"]).is_file()
    assert (tmp_path / "results" / "cohort.html").stat().st_size > 1000
    assert (tmp_path / "mlflow.db").is_file()
    assert "evaluate (shard 2)" in shown
    assert f"case-3 failed in preprocess: {rows['case-3']['error_message']}" in shown
    assert "Wall time" in shown


@pytest.mark.slow
def test_all_stages_of_a_shard_may_be_one_task(cohort, tmp_path, capsys):
    """What it computes is compared with a run in `tests/stages/scar3d/test_reconstruct.py`."""
    arguments = ["--fused", "--max-failed-fraction", "0.5", "--set", "figures=false", *FAST]
    assert local.main([str(cohort), "--output", str(tmp_path), *arguments]) == 0
    shown = capsys.readouterr().out
    assert [line.split()[1] for line in shown.splitlines() if line.startswith("✓")] == [
        "list_subjects", "reconstruct", "reconstruct", "summarize_cohort",
    ]  # fmt: skip
    outcomes = {name: row["outcome"] for name, row in read_rows(tmp_path).items()}
    assert outcomes == {"case-1": "ok", "case-2": "ok", "case-3": "failed"}
    check_outputs("reconstruct_cohort_fused", tmp_path / "results")
    artifacts = list((tmp_path / "artifacts").rglob("work"))
    assert len(artifacts) == 2
    for work in artifacts:
        assert {path.name for path in work.iterdir()} == {"preprocess", "group_sort", "train", "infer", "evaluate"}


@pytest.mark.slow
def test_a_rejected_cohort_still_shows_its_table(cohort, tmp_path, capsys):
    code = local.main([str(cohort), "--output", str(tmp_path), "--set", "subjects=case-3", *FAST])
    shown = capsys.readouterr().out
    assert code == local.REJECTED, shown
    assert read_rows(tmp_path).keys() == {"case-3"}
    assert "cohort rejected: 1 of 1 subject failed" in shown
    assert "cohort.html" in shown


@pytest.mark.slow
def test_cohort_and_results_may_lie_in_an_object_store(cohort, bucket, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    put_folder(cohort, bucket / "cohorts/trial")
    results = bucket / "results/trial"
    put(results / "case-1/status.json", b"of an earlier run")
    arguments = ["--output", str(tmp_path / "out"), "--results", str(results), "--shard-size", "2"]
    code = local.main([f"{bucket}/cohorts/trial", *arguments, "--max-failed-fraction", "0.5", *FAST])
    shown = capsys.readouterr().out
    assert code == 0, shown
    found = objects(results)
    rows = {row["subject"]: row for row in csv.DictReader(found["cohort.csv"].decode().splitlines())}
    assert {name: row["outcome"] for name, row in rows.items()} == {"case-1": "ok", "case-2": "ok", "case-3": "failed"}
    assert {"cohort.html", "case-1/report.html", "case-2/scar.vtu", "case-3/status.json"} <= found.keys()
    # one run vouches for all of them, in whichever task they were published
    assert len({json.loads(found[f"{subject}/run.json"])["run_id"] for subject in rows}) == 1
    assert f"{results}/case-1/report.html" in shown
    assert f"case-3 failed in preprocess: {rows['case-3']['error_message']}" in shown
    assert not (tmp_path / "out" / "results").exists()
    assert [p.name for p in (tmp_path / "tmp").iterdir() if p.name.startswith("cardioscar-")] == []


def test_a_missing_cohort_is_one_line(tmp_path, capsys):
    assert local.main([str(tmp_path / "none"), "--output", str(tmp_path / "out")]) == local.BROKEN
    assert capsys.readouterr().out == "none: expected a cohort's folder or cohort.csv, found none\n"


def test_an_unknown_setting_of_the_pipeline_is_refused(cohort, tmp_path):
    with pytest.raises(SystemExit):
        local.main([str(cohort), "--output", str(tmp_path / "out"), "--set", "colour=red"])


def test_a_task_that_refuses_its_settings_ends_the_run_with_its_reason(cohort, tmp_path, capsys):
    arguments = ["--set", "subjects=case-1,case-9"]
    assert local.main([str(cohort), "--output", str(tmp_path / "out"), *arguments]) == local.BROKEN
    shown = capsys.readouterr().out
    assert "subjects: expected ids of the cohort (3 subjects), found case-9" in shown
    assert "list_subjects.log" in shown
