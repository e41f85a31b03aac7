"""The pipeline of late activation, end to end on this machine, with one corrupt file of strain among three."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

pytest.importorskip("kfp")

from pipelines.compile import compile_pipeline
from pipelines.local_runner import run_pipeline
from tests.activation.tiny_networks import tiny_networks, write_cohort
from tests.pipelines.test_local import check_outputs


@pytest.mark.slow
def test_corrupt_strain_is_a_row_and_the_others_go_on(tmp_path: Path) -> None:
    network = tiny_networks(tmp_path / "network")
    cohort = write_cohort(tmp_path / "cohort", 3)
    strain = cohort / "P002" / "strain.npz"
    strain.write_bytes(strain.read_bytes()[:5000])
    arguments = {
        "cohort_uri": str(cohort),
        "results_uri": str(tmp_path / "results"),
        "tracking_uri": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "network": str(network),
        "explain": False,
        "shard_size": 2,
        "max_failed_fraction": 0.5,
    }
    run_pipeline(compile_pipeline("detect_late_activation"), arguments, root=tmp_path / "run")
    with (tmp_path / "results" / "cohort.csv").open(newline="") as stream:
        rows = {row["subject"]: row for row in csv.DictReader(stream)}
    assert {name: row["outcome"] for name, row in rows.items()} == {"P001": "ok", "P002": "failed", "P003": "ok"}
    assert (rows["P002"]["stage"], rows["P002"]["error_kind"]) == ("measure_strain", "input")
    assert "strain: expected a complete .npz file" in rows["P002"]["error_message"]
    found = json.loads((tmp_path / "results" / "P001" / "metrics.json").read_text())
    assert 100 * found["late_fraction"] == pytest.approx(float(rows["P001"]["late_percent"]), abs=0.01)
    assert found["map"]["usual_wall"] is True
    check_outputs("detect_late_activation", tmp_path / "results")
