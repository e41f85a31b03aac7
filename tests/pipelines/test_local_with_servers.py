"""The pipeline against the servers of a new installation: SeaweedFS, and MLflow with users and an empty database."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("kfp")

from cardioscar.services.store.object_store import Store
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.services.tracking import registry
from cardioscar.stages.scar3d.workflow import SCAR_FIELD
from pipelines.reconstruct_cohort import local
from tests.pipelines.test_local import FAST, cohort
from tests.services.tracking.mlflow_users import UsersServer, password, users_server
from tests.stored import bucket, emulated_endpoint, put_folder, s3_endpoint

__all__ = ["bucket", "cohort", "emulated_endpoint", "s3_endpoint", "users_server"]


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.slow
def test_a_prefix_in_seaweedfs_is_recorded_in_an_empty_mlflow_with_users(
    cohort: Path, bucket: S3Place, users_server: UsersServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Two shards end at about the same time: the first evaluates of an installation make the registered model."""
    put_folder(cohort, bucket / "trial")
    users_server.add("stages")
    os.environ |= {"MLFLOW_TRACKING_USERNAME": "stages", "MLFLOW_TRACKING_PASSWORD": password("stages")}
    words = [
        f"s3://{bucket.bucket}/trial", "--results", f"s3://{bucket.bucket}/results", "--shard-size", "2",
        "--max-failed-fraction", "0.5", "--set", f"tracking_uri={users_server.address}",
        "--set", "experiment=trial", "--set", "figures=false",
    ]  # fmt: skip
    code = local.main([*words, "--output", str(tmp_path / "first"), *FAST])
    shown = capsys.readouterr().out
    assert code == 0, shown
    for stage in ("preprocess", "group_sort", "train", "infer", "evaluate"):
        assert f"✓ {stage} (shard 1)" in shown
        assert f"✓ {stage} (shard 2)" in shown

    store = Store.connect()
    table = store.read(bucket / "results" / "cohort.csv").decode()
    outcomes = {row["subject"]: row["outcome"] for row in csv.DictReader(io.StringIO(table, newline=""))}
    assert outcomes == {"case-1": "ok", "case-2": "ok", "case-3": "failed"}
    published = {entry.relative for entry in store.files(bucket / "results")}
    for subject in ("case-1", "case-2"):
        assert {f"{subject}/{name}" for name in ("status.json", "metrics.json", "scar.vtu", "report.html")} <= published
    assert {"case-3/status.json", "cohort.html"} <= published

    target = users_server.target("stages", "trial")
    rows = registry.find(target, SCAR_FIELD)
    assert sorted(row.subject for row in rows) == ["case-1", "case-2"]
    assert sorted(row.version for row in rows) == [1, 2]
    assert registry.find(users_server.target("stages"), SCAR_FIELD) != []

    # the same again: nothing is recorded twice, and no map is written again
    maps = {entry.relative: entry.modified for entry in store.files(bucket / "results") if "scar.vtu" in entry.relative}
    assert local.main([*words, "--output", str(tmp_path / "second"), *FAST]) == 0
    assert sorted(row.version for row in registry.find(target, SCAR_FIELD)) == [1, 2]
    again = {entry.relative: entry.modified for entry in store.files(bucket / "results")}
    assert {name: again[name] for name in maps} == maps
