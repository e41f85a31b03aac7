"""Records and registry on the MLflow image with PostgreSQL and artifacts in S3."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cardioscar.errors import InputError
from cardioscar.services.tracking import registry
from cardioscar.services.tracking.client import TrackingTarget
from cardioscar.services.tracking.recording import record_cohort, record_subject
from cardioscar.services.tracking.records import SubjectRecord
from cardioscar.stages.scar3d.workflow import SCAR_FIELD
from tests.integration.counts import Counts

pytestmark = pytest.mark.integration


@pytest.fixture
def make_record(tmp_path):
    """Makes the record of a subject with a field of some bytes."""

    def make(
        subject: str, *, cohort: str = "trial", dice: float = 0.95, qc: str = "pass", work: str = "1"
    ) -> SubjectRecord:
        folder = tmp_path / subject
        folder.mkdir(exist_ok=True)
        (folder / "field.safetensors").write_bytes(hashlib.sha256(subject.encode()).digest() * 4000)
        (folder / "field.json").write_text("{}", encoding="utf-8")
        (folder / "report.html").write_text(f"<p>{subject}</p>", encoding="utf-8")
        return SubjectRecord(
            kind=SCAR_FIELD,
            subject=subject,
            cohort=cohort,
            run_key=hashlib.sha256(f"{cohort}{subject}{work}".encode()).hexdigest(),
            qc=qc,
            started_ms=int(time.time() * 1000),
            files={"field.safetensors": folder / "field.safetensors", "field.json": folder / "field.json"},
            metrics={"dice": dice},
            params={"method": "fourier"},
            artifacts={"report.html": folder / "report.html"},
        )

    return make


def test_a_subject_is_recorded_found_shown_and_loaded(mlflow_server, make_record, tmp_path, counts: Counts):
    target = TrackingTarget(mlflow_server.url, "one-subject")
    clock = time.perf_counter()
    first = record_subject(target, make_record("P001"))
    counts.add("tracking", "record a subject", seconds=time.perf_counter() - clock)
    assert not first.reused
    again = record_subject(target, make_record("P001"))
    assert (again.reused, again.version, again.run_id) == (True, first.version, first.run_id)
    low = record_subject(target, make_record("P002", dice=0.4, qc="review"))
    record_subject(target, make_record("P003", qc="fail"))

    assert [row.version for row in registry.find(target, SCAR_FIELD)] == [low.version, first.version]
    clock = time.perf_counter()
    assert [row.subject for row in registry.find(target, SCAR_FIELD, dice_below=0.5)] == ["P002"]
    counts.add("tracking", "find Dice below 0.5", seconds=time.perf_counter() - clock)
    shown = registry.show(target, SCAR_FIELD, "P001")
    assert (shown["metrics"], shown["artifacts"]) == ({"dice": 0.95}, ["report.html"])
    folder = registry.load(target, SCAR_FIELD, subject="P001", destination=tmp_path / "loaded")
    assert (folder / "field.safetensors").read_bytes() == (tmp_path / "P001" / "field.safetensors").read_bytes()
    with pytest.raises(InputError, match="P003"):
        registry.load(target, SCAR_FIELD, subject="P003", destination=tmp_path / "none")


def test_artifacts_lie_in_the_object_store(mlflow_server, make_record, ceph):
    record_subject(TrackingTarget(mlflow_server.url, "in-the-store"), make_record("P001"))
    listed = ceph.client().list_objects_v2(Bucket=mlflow_server.bucket, Prefix="artifacts/")["Contents"]
    names = {item["Key"].rpartition("/")[2] for item in listed}
    assert {"report.html", "field.safetensors", "field.json"} <= names


def test_sixteen_clients_at_once_get_a_version_each(mlflow_server, make_record, counts: Counts):
    target = TrackingTarget(mlflow_server.url, "sixteen")
    subjects = [f"P{number:03d}" for number in range(32)]
    made = [make_record(subject) for subject in subjects]
    record_subject(target, made[0])  # the experiment exists, as after any first subject
    clock = time.perf_counter()
    with ThreadPoolExecutor(16) as pool:
        recorded = list(pool.map(lambda record: record_subject(target, record), made[1:]))
    counts.add("tracking", "31 subjects, 16 clients", subjects_per_s=31 / (time.perf_counter() - clock))
    assert len({model.version for model in recorded}) == 31
    assert sorted(row.subject for row in registry.find(target, SCAR_FIELD)) == subjects


def test_a_cohort_is_recorded_once(mlflow_server, tmp_path):
    target = TrackingTarget(mlflow_server.url, "whole-cohort")
    (tmp_path / "cohort.csv").write_text("subject\nP001\n", encoding="utf-8")
    (tmp_path / "report.html").write_text("<p>all</p>", encoding="utf-8")
    files = {"table_csv": tmp_path / "cohort.csv", "report_html": tmp_path / "report.html"}
    run = record_cohort(target, **files, metrics={"subjects": 1.0})
    assert record_cohort(target, **files, metrics={"subjects": 1.0}) == run
