"""The pipeline of plans, end to end on this machine: one patient with everything, one whose strain is cut off."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

pytest.importorskip("kfp")

from pipelines.compile import compile_pipeline
from pipelines.local_runner import run_pipeline
from tests.activation.tiny_networks import tiny_networks
from tests.stages.study import patients


def test_what_is_placed_on_cpus_is_told_of_no_gpu() -> None:
    tasks = compile_pipeline("plan_cohort").pipeline["components"]["comp-plan-shard"]["dag"]["tasks"]
    devices = {name: tasks[name]["inputs"]["parameters"]["device"] for name in ("study-scar", "study-function")}
    assert devices["study-scar"] == {"componentInputParameter": "device"}
    assert devices["study-function"] == {"runtimeValue": {"constant": "auto"}}


@pytest.mark.slow
def test_patients_are_planned_and_a_part_that_fails_is_named(tmp_path: Path) -> None:
    network = tiny_networks(tmp_path / "network", steps=4)
    cohort = tmp_path / "cohort"
    for number in (1, 2):
        patients.write(cohort / f"P{number:03d}", number)
    strain = cohort / "P002" / "strain.npz"
    strain.write_bytes(strain.read_bytes()[:5000])
    arguments = {
        "cohort_uri": str(cohort),
        "results_uri": str(tmp_path / "results"),
        "tracking_uri": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "activation_network": str(network),
        "contours": False,
        "device": "cpu",
        "figures": False,
        "draws": 10,
        "study_scar_options": {"train": {"steps": 20}, "infer": {"samples": 3}},
        "shard_size": 1,
        "max_failed_fraction": 1.0,
    }
    run_pipeline(compile_pipeline("plan_cohort"), arguments, root=tmp_path / "run")
    with (tmp_path / "results" / "cohort.csv").open(newline="") as stream:
        rows = {row["subject"]: row for row in csv.DictReader(stream)}
    assert {name: row["outcome"] for name, row in rows.items()} == {"P001": "ok", "P002": "ok"}
    assert rows["P001"]["modalities"] == "scar map, LV function, activation"
    assert rows["P002"]["modalities"] == "scar map, LV function"
    plan = json.loads((tmp_path / "results" / "P002" / "plan.json").read_text())
    assert any(reason.startswith("no activation: strain: expected a complete .npz") for reason in plan["qc"]["reasons"])
    assert (tmp_path / "results" / "P001" / "sites.csv").is_file()
