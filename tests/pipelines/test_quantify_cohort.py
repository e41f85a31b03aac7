"""The pipeline that quantifies a cohort of cines, end to end on this machine, with one corrupt file among three."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

pytest.importorskip("kfp")

from pipelines.compile import compile_pipeline
from pipelines.local_runner import run_pipeline
from tests.lvquant.tiny_network import tiny_bundle, write_cohort
from tests.pipelines.test_local import check_outputs


@pytest.mark.slow
def test_a_corrupt_cine_is_a_row_and_the_others_are_quantified(tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "network")
    cohort = write_cohort(tmp_path / "cohort", 3)
    cine = cohort / "P002" / "cine.nii.gz"
    cine.write_bytes(cine.read_bytes()[:5000])
    arguments = {
        "cohort_uri": str(cohort),
        "results_uri": str(tmp_path / "results"),
        "tracking_uri": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "network": str(tmp_path / "network"),
        "views": 1,
        "shard_size": 2,
        "device": "cpu",
        "max_failed_fraction": 0.5,
    }
    run_pipeline(compile_pipeline("quantify_cohort"), arguments, root=tmp_path / "run")
    with (tmp_path / "results" / "cohort.csv").open(newline="") as stream:
        rows = {row["subject"]: row for row in csv.DictReader(stream)}
    assert {name: row["outcome"] for name, row in rows.items()} == {"P001": "ok", "P002": "failed", "P003": "ok"}
    assert "cine.nii.gz" in rows["P002"]["error_message"]
    assert float(rows["P001"]["cavity_dice_ed"]) > 0.85
    found = json.loads((tmp_path / "results" / "P001" / "metrics.json").read_text())
    assert found["lv_edv_ml"] == pytest.approx(float(rows["P001"]["lv_edv_ml"]))
    check_outputs("quantify_cohort", tmp_path / "results")
