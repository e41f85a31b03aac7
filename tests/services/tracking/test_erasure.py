"""A subject leaves MLflow and the object store whole, alone, and for good; an interrupted erasure is completed."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from cardioscar.errors import InputError, PlatformError, UnreachableError
from cardioscar.report.cohort import write_cohort_report
from cardioscar.report.cohort_table import CohortRow, CohortSummary, CohortTable, cohort_csv, cohort_json
from cardioscar.results.table import drop_subject, mentions
from cardioscar.services.store.erase_subject import OBJECTS, TABLES, erase_from_store, find_in_store
from cardioscar.services.tracking import erasure, records, registry
from cardioscar.services.tracking.client import TrackingTarget, connect
from cardioscar.services.tracking.erasure import MlflowTraces, erase_from_mlflow, find_in_mlflow
from cardioscar.services.tracking.recording import record_cohort, record_subject
from cardioscar.stages.families import NAMES
from cardioscar.stages.scar3d.columns import COLUMNS
from cardioscar.stages.scar3d.workflow import SCAR_FIELD
from tests.services.store.s3 import bucket, emulated_endpoint, s3, s3_endpoint  # noqa: F401 - fixtures
from tests.services.tracking.test_server import server  # noqa: F401 - fixture

pytest.importorskip("mlflow")


def rewrite(folder: Path, subject: str) -> bool:
    return drop_subject(folder, subject, page="report.html")


@pytest.fixture
def own_store(tmp_path) -> TrackingTarget:
    """A local store of this test's own: its bytes are searched."""
    return TrackingTarget.local(tmp_path / "store")


def tables(folder: Path, *subjects: str) -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [CohortRow(s, "ok", "evaluate", qc="pass", metrics={"dice": 0.8, "scar_ml": 7.0}) for s in subjects]
    table = CohortTable(CohortSummary(True, 0.1, name="trial"), tuple(rows), COLUMNS)
    (folder / "cohort.csv").write_text(cohort_csv(table), encoding="utf-8", newline="")
    (folder / "cohort.json").write_text(cohort_json(table), encoding="utf-8")
    page = write_cohort_report(folder / "cohort.html", table)
    return folder / "cohort.csv", page


def record(target: TrackingTarget, make_record, folder: Path, cohort: str) -> None:
    """Two subjects, one of them twice, once without a model, and one whose id begins like the first's."""
    for subject, weight in (("P001", 0.5), ("P001", 0.6), ("P0012", 0.5)):
        record_subject(target, make_record(subject, weight=weight))
    record_subject(target, make_record("P001", weight=0.7, qc="fail"))
    table, page = tables(folder, "P001", "P0012")
    files = {"table_csv": table, "report_html": page, "cohort_json": folder / "cohort.json"}
    record_cohort(target, **files, metrics={"ok": 2.0}, cohort=cohort)


def named_in(folder: Path, subject: str) -> list[str]:
    """Files that hold the id; a database writes its cells without a gap."""
    pattern = re.compile(subject.encode() + b"(?!2)")
    return [p.name for p in folder.rglob("*") if p.is_file() and pattern.search(p.read_bytes())]


def test_a_subject_leaves_a_local_store_for_good(own_store, make_record, tmp_path, cohort):
    record(own_store, make_record, tmp_path / "results", cohort)
    found = find_in_mlflow(own_store, "P001", rewrite)
    assert list(found.counts.values()) == [3, 2, 2, 1]
    store = tmp_path / "store"
    assert "mlflow.db" in named_in(store, "P001")

    assert erase_from_mlflow(own_store, "P001", rewrite).command == ""
    assert find_in_mlflow(own_store, "P001", rewrite) == MlflowTraces()
    assert named_in(store, "P001") == []
    assert len(list(store.rglob("field.safetensors"))) == 1

    [other] = registry.find(own_store, SCAR_FIELD)
    assert other.subject == "P0012"
    assert registry.load(own_store, SCAR_FIELD, subject="P0012", destination=tmp_path / "loaded").is_dir()
    [table] = store.rglob("cohort.csv")
    assert len(table.read_text(encoding="utf-8").splitlines()) == 2
    assert "1 subject<" in next(table.parent.glob("report.html")).read_text(encoding="utf-8")
    assert b"P0012" in (table.parent / "cohort.json").read_bytes()
    assert erase_from_mlflow(own_store, "P001", rewrite).command == ""


@pytest.mark.parametrize("kept", [("P0012",), ()])
def test_what_cannot_be_drawn_again_leaves_the_store_too(own_store, tmp_path, cohort, kept):
    """The page of an earlier version, which has no `cohort.json` beside it, and all files of a cohort of one."""
    table, page = tables(tmp_path / "results", "P001", *kept)
    files = {"table_csv": table, "report_html": page} | ({} if kept else {"cohort_json": table.with_suffix(".json")})
    record_cohort(own_store, **files, metrics={"ok": 1.0}, cohort=cohort)
    erase_from_mlflow(own_store, "P001", rewrite)
    assert find_in_mlflow(own_store, "P001", rewrite) == MlflowTraces()
    assert named_in(tmp_path / "store", "P001") == []
    assert len(list((tmp_path / "store").rglob("cohort.csv"))) == len(kept)


def test_a_cohort_can_be_erased_from_alone(own_store, make_record, tmp_path):
    for cohort in ("one", "two"):
        record_subject(own_store, make_record(cohort=cohort, run_key=("a" if cohort == "one" else "b") * 64))
    one, two = (TrackingTarget(own_store.uri, name) for name in ("one", "two"))
    erase_from_mlflow(one, "P001", rewrite)
    assert find_in_mlflow(one, "P001", rewrite) == MlflowTraces()
    assert list(find_in_mlflow(two, "P001", rewrite).counts.values()) == [1, 1, 1, 0]
    assert [row.cohort for row in registry.find(own_store, SCAR_FIELD)] == ["two"]


def test_what_somebody_deleted_by_hand_is_found_and_erased(own_store, make_record, tmp_path):
    recorded = record_subject(own_store, make_record())
    client = connect(own_store)
    client.delete_run(recorded.run_id)
    client.delete_logged_model(recorded.model_id)
    found = find_in_mlflow(own_store, "P001", rewrite)
    assert (found.runs, found.models) == ((recorded.run_id,), (recorded.model_id,))
    erase_from_mlflow(own_store, "P001", rewrite)
    assert find_in_mlflow(own_store, "P001", rewrite) == MlflowTraces()
    assert named_in(tmp_path / "store", "P001") == []
    assert list((tmp_path / "store").rglob("field.safetensors")) == []


STEPS = (
    "delete_model_version_tag", "delete_model_version", "delete_logged_model_tag", "delete_logged_model",
    "update_run", "delete_tag", "delete_run",
)  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_an_interrupted_erasure_is_completed(step, own_store, make_record, tmp_path, cohort, monkeypatch):
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    record(own_store, make_record, tmp_path / "results", cohort)
    done, original = [], getattr(MlflowClient, step)

    def once(self, *arguments, **options):
        if done:
            raise MlflowException("the store is gone")
        done.append(1)
        return original(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, step, once)
        with pytest.raises(PlatformError):
            erase_from_mlflow(own_store, "P001", rewrite)
    assert done
    assert find_in_mlflow(own_store, "P001", rewrite) != MlflowTraces()
    erase_from_mlflow(own_store, "P001", rewrite)
    assert find_in_mlflow(own_store, "P001", rewrite) == MlflowTraces()
    assert named_in(tmp_path / "store", "P001") == []
    assert [row.subject for row in registry.find(own_store, SCAR_FIELD)] == ["P0012"]


def test_faults_are_one_line(tmp_path, dead_port):
    with pytest.raises(InputError, match="mlflow.db: expected an MLflow store, found no such file"):
        find_in_mlflow(TrackingTarget.local(tmp_path), "P001", rewrite)
    with pytest.raises(UnreachableError, match="connection refused"):
        find_in_mlflow(TrackingTarget(f"http://127.0.0.1:{dead_port}"), "P001", rewrite)
    with pytest.raises(InputError, match="subject id"):
        find_in_mlflow(TrackingTarget.local(tmp_path), "Jane Doe", rewrite)


def holding(file: Path, text: str) -> list[tuple[str, str]]:
    """Tables and columns of a database with that very text."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return [
            (table, column)
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for _, column, *_ in database.execute(f"PRAGMA table_info('{table}')").fetchall()
            if database.execute(f'SELECT 1 FROM "{table}" WHERE "{column}" = ? LIMIT 1', (text,)).fetchone()
        ]


@pytest.mark.slow
def test_a_server_keeps_nothing_that_its_interface_can_remove(server, make_record, tmp_path, cohort):  # noqa: F811
    record(server, make_record, tmp_path / "results", cohort)
    left = erase_from_mlflow(server, "P001", rewrite)
    assert find_in_mlflow(server, "P001", rewrite) == MlflowTraces()
    assert left.command.startswith("mlflow gc --run-ids ")
    assert (len(left.runs), len(left.models)) == (3, 2)
    assert named_in(tmp_path / "server-artifacts", "P001") == []
    assert [row.subject for row in registry.find(server, SCAR_FIELD)] == ["P0012"]

    assert holding(tmp_path / "server.db", "P001") == [("logged_models", "name")]
    run = connect(server).get_run(left.runs[0])
    assert (run.info.run_name, run.info.lifecycle_stage) == (erasure.ERASED, "deleted")
    assert set(run.data.tags) == {"mlflow.runName", erasure.TAG_ERASED}
    assert records.TAG_RUN_KEY not in run.data.tags

    words = [*left.command.split()[1:], "--backend-store-uri", f"sqlite:///{tmp_path}/server.db"]
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", *words, "--tracking-uri", server.uri], capture_output=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert holding(tmp_path / "server.db", "P001") == []
    assert [row.subject for row in registry.find(server, SCAR_FIELD)] == ["P0012"]


@pytest.fixture
def versioned(s3, bucket):  # noqa: F811
    s3.connection.client.put_bucket_versioning(
        Bucket=bucket.bucket, VersioningConfiguration={"Status": "Enabled"}
    )  # fmt: skip
    return bucket / "trial"


def all_bytes(s3, bucket) -> dict[str, list[bytes]]:  # noqa: F811
    client = s3.connection.client
    found: dict[str, list[bytes]] = {}
    for item in client.list_object_versions(Bucket=bucket).get("Versions", []):
        body = client.get_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])["Body"].read()
        found.setdefault(item["Key"], []).append(body)
    return found


def test_every_version_of_a_subject_leaves_the_store(s3, versioned, tmp_path):  # noqa: F811
    client, bucket_name = s3.connection.client, versioned.bucket
    table, page = tables(tmp_path, "P001", "P0012")
    for key in (
        "results/P001/scar.vtu",
        "results/P001/figures/a.png",
        "results/P0012/scar.vtu",
        "x/y/P001/status.json",
    ):
        for data in (b"old", b"new"):
            s3.write(versioned / key, data)
    client.delete_object(Bucket=bucket_name, Key="trial/x/y/P001/status.json")  # an older version is still there
    s3.write(versioned / "results/cohort.csv", table.read_bytes())
    s3.write(versioned / "results/cohort.html", page.read_bytes())
    s3.write(versioned / "results/cohort.json", (tmp_path / "cohort.json").read_bytes())
    table, page = tables(tmp_path, "P0012")
    s3.write(versioned / "results/cohort.html", page.read_bytes())  # the older version names it
    s3.write(versioned / "other/P001.txt", b"another file")
    found = find_in_store(s3, versioned, "P001", drop_subject, NAMES)
    assert found == {OBJECTS: 6, TABLES: 1}

    erase_from_store(s3, versioned, "P001", drop_subject, NAMES)
    assert find_in_store(s3, versioned, "P001", drop_subject, NAMES) == {}
    left = all_bytes(s3, bucket_name)
    assert left.keys() == {
        "trial/results/P0012/scar.vtu", "trial/results/cohort.csv", "trial/results/cohort.html", "trial/other/P001.txt",
        "trial/results/cohort.json",
    }  # fmt: skip
    assert len(left["trial/results/P0012/scar.vtu"]) == 2
    assert [b"P0012" in one for one in left["trial/results/cohort.csv"]] == [True]
    assert not any(mentions(one, "P001") for versions in left.values() for one in versions)


def test_a_store_without_versions_and_another_prefix(s3, bucket):  # noqa: F811
    for key in ("a/P001/x", "b/P001/x"):
        s3.write(bucket / key, b"data")
    erase_from_store(s3, bucket / "a", "P001", drop_subject, NAMES)
    assert find_in_store(s3, bucket / "a", "P001", drop_subject, NAMES) == {}
    assert find_in_store(s3, bucket, "P001", drop_subject, NAMES) == {OBJECTS: 1}


def test_a_store_that_keeps_an_object_is_said(s3, bucket, monkeypatch):  # noqa: F811
    s3.write(bucket / "P001/x", b"data")
    kept = {"Errors": [{"Key": "P001/x", "Code": "AccessDenied"}]}
    monkeypatch.setattr(s3.connection.client, "delete_objects", lambda **_: kept)
    with pytest.raises(PlatformError, match=r"1 objects could not be deleted \(AccessDenied\)"):
        erase_from_store(s3, bucket, "P001", drop_subject, NAMES)
