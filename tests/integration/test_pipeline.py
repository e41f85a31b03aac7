"""The compiled pipeline, each task in a container of the stage image: cohort and results in S3, records in MLflow."""

from __future__ import annotations

import csv
import dataclasses
import io
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("kfp")

from pipelines.compile import compile_pipeline
from pipelines.local_containers import Containers
from pipelines.local_runner import TaskRecord, run_pipeline
from tests.integration.ceph import Ceph
from tests.integration.cohort import some
from tests.integration.counts import Counts
from tests.integration.engine import LABEL, Engine
from tests.integration.mlflow_server import MlflowServer
from tests.integration.published import recorded, recorded_once, rows

pytestmark = [pytest.mark.integration, pytest.mark.slow]

OK, CORRUPT = ["P001", "P002", "P003"], "P004"


@dataclasses.dataclass(frozen=True)
class Cohort:
    """A cohort in the store that has gone through the pipeline once.

    Attributes:
        bucket: Its bucket: the cohort in `cohort`, results in `results/trial`.
        arguments: Arguments of the pipeline.
        containers: How its tasks are run.
        tasks: The tasks of the first run.
    """

    bucket: str
    arguments: dict[str, Any]
    containers: Containers
    tasks: list[TaskRecord]


@pytest.fixture(scope="module")
def run(
    engine: Engine, stage_image: str, ceph: Ceph, mlflow_server: MlflowServer, hearts: Path, counts: Counts,
    tmp_path_factory: pytest.TempPathFactory,
) -> Cohort:  # fmt: skip
    """Three small hearts and a corrupt one, through the pipeline in containers."""
    bucket = ceph.bucket()
    ceph.upload(some(hearts, tmp_path_factory.mktemp("cohort"), 4, corrupt=1), bucket, "cohort")
    containers = Containers(
        environment=ceph.environment(),
        options={"network_mode": "host", "user": "65532:65532", "labels": {LABEL: engine.name}},
    )
    arguments = {
        "cohort_uri": f"s3://{bucket}/cohort",
        "results_uri": f"s3://{bucket}/results/trial",
        "tracking_uri": mlflow_server.url,
        "experiment": "pipeline",
        "shard_size": 2,
        "max_failed_fraction": 0.3,
        "task_image": stage_image,
        "train_image": stage_image,
        "device": "cpu",
        "samples": 3,
        "train_options": {"steps": 60},
    }
    root = tmp_path_factory.mktemp("run")
    for folder in (root, root.parent):
        folder.chmod(0o755)
    clock = time.perf_counter()
    tasks = run_pipeline(compile_pipeline("reconstruct_cohort"), arguments, root=root, containers=containers)
    counts.add("pipeline", "first run", tasks=len(tasks), seconds=time.perf_counter() - clock, subjects=4)
    return Cohort(bucket, arguments, containers, tasks)


def test_every_stage_ran_in_a_container_and_ended_well(run):
    names = [task.name for task in run.tasks]
    assert names[0] == "list_subjects"
    assert names[-1] == "summarize_cohort"
    for stage in ("preprocess", "group_sort", "train", "infer", "evaluate"):
        assert names.count(stage) == 2
    assert {task.exit_code for task in run.tasks} == {0}


def test_results_are_in_the_store_with_pictures(run, ceph):
    found = rows(ceph, run.bucket, "results/trial")
    assert {s: row["outcome"] for s, row in found.items()} == dict.fromkeys(OK, "ok") | {CORRUPT: "skipped"}
    objects = ceph.objects(run.bucket, "results/trial")
    for subject in OK:
        assert objects[f"{subject}/figures/scene.png"].startswith(b"\x89PNG")
        assert b"data:image/webp;base64," in objects[f"{subject}/report.html"]
        assert b"could not be rendered" not in objects[f"{subject}/report.html"]


def test_the_corrupt_subject_is_a_row_with_its_reason(run, ceph):
    table = csv.DictReader(io.StringIO(ceph.objects(run.bucket, "results/trial")["cohort.csv"].decode()))
    by_subject = {row["subject"]: row for row in table}
    assert sorted(by_subject) == [*OK, CORRUPT]
    assert by_subject[CORRUPT]["outcome"] == "failed"
    assert ".nii.gz" in by_subject[CORRUPT]["error_message"]


def test_runs_and_versions_are_in_mlflow(run, mlflow_server):
    recorded_once(mlflow_server.url, "pipeline", OK)
    runs, _ = recorded(mlflow_server.url, "pipeline")
    assert all("dice" in found[0].data.metrics for found in runs.values())


def test_a_second_run_adds_nothing(run, ceph, mlflow_server, tmp_path, counts: Counts):
    before = {key: body for key, body in ceph.objects(run.bucket, "results/trial").items() if key.startswith("P")}
    for folder in (tmp_path, *tmp_path.parents[:2]):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    clock = time.perf_counter()
    run_pipeline(compile_pipeline("reconstruct_cohort"), run.arguments, root=tmp_path, containers=run.containers)
    counts.add("pipeline", "second run", seconds=time.perf_counter() - clock, tasks=12, subjects=4)
    recorded_once(mlflow_server.url, "pipeline", OK)
    after = {key: body for key, body in ceph.objects(run.bucket, "results/trial").items() if key.startswith("P")}
    assert after.keys() == before.keys()
