"""The pipeline of the segmentation, end to end on this machine, over a cohort of three with one corrupt file."""

import csv
import json
from pathlib import Path

import pytest

pytest.importorskip("kfp")

from pipelines.compile import compile_pipeline
from pipelines.local_runner import run_pipeline
from tests.lge.tiny_network import write_subject


@pytest.mark.slow
def test_a_corrupt_image_is_a_row_and_the_others_are_segmented(tmp_path: Path, tiny_network: Path) -> None:
    cohort, results = tmp_path / "cohort", tmp_path / "results"
    write_subject(cohort / "case-1", seed=1, labels=True)
    write_subject(cohort / "case-2", seed=2)
    whole = (cohort / "case-1" / "lge.nii.gz").read_bytes()
    (cohort / "case-3").mkdir()
    (cohort / "case-3" / "lge.nii.gz").write_bytes(whole[: len(whole) // 2])
    run_pipeline(
        compile_pipeline("segment_cohort"),
        {
            "cohort_uri": str(cohort),
            "results_uri": str(results),
            "tracking_uri": f"sqlite:///{tmp_path}/mlflow.db",
            "experiment": "trial",
            "shard_size": 2,
            "max_failed_fraction": 0.5,
            "network": str(tiny_network),
            "views": 2,
            "segment_options": {"intervals": {"draws": 20}},
        },
        root=tmp_path / "run",
    )
    with (results / "cohort.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["subject"]: row for row in csv.DictReader(stream)}
    assert {name: row["outcome"] for name, row in rows.items()} == {"case-1": "ok", "case-2": "ok", "case-3": "failed"}
    assert "lge.nii.gz" in rows["case-3"]["error_message"]
    assert float(rows["case-1"]["dice_scar"]) > 0.8
    assert rows["case-2"]["dice_scar"] == ""
    for subject in ("case-1", "case-2"):
        published = {path.name for path in (results / subject).iterdir()}
        assert {"labels.nii.gz", "scar_probability.nii.gz", "metrics.json", "report.html"} <= published
        metrics = json.loads((results / subject / "metrics.json").read_text())
        assert float(rows[subject]["scar_ml"]) == pytest.approx(metrics["scar_ml"])

    from cardioscar.services.tracking.client import TrackingTarget, connect

    client = connect(TrackingTarget(f"sqlite:///{tmp_path}/mlflow.db", "trial"))
    experiment = client.get_experiment_by_name("trial")
    runs = client.search_runs([experiment.experiment_id], "tags.`cs.kind` = 'lge-subject'")
    recorded = {run.data.tags["cs.subject"]: run.data for run in runs}
    assert recorded.keys() == {"case-1", "case-2"}
    assert recorded["case-1"].metrics["dice_scar"] == pytest.approx(float(rows["case-1"]["dice_scar"]))
    assert recorded["case-1"].tags["cs.network"] == "lge-test"
    assert recorded["case-1"].params["segment.network"].startswith("sha256:")
    assert client.search_registered_models() == []
