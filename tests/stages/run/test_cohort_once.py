"""A cohort is listed once a run: neither its stages nor its workers ask again which subjects there are."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from cardioscar.cohort import rows as cohort_rows
from cardioscar.cohort.layout import CohortLayout
from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.selection import select
from cardioscar.cohort.source import CohortSource
from cardioscar.errors import InputError
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.stages.run.cohort import run_cohort
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests.cohort.test_reading import touch
from tests.stored import put, put_folder, requests

SUBJECTS = 30


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    for number in range(SUBJECTS):
        touch(tmp_path / "cohort" / f"P{number:03d}", "labels.nii.gz", "truth.vtu")
        (tmp_path / "cohort" / f"P{number:03d}" / "labels.nii.gz").write_bytes(b"no image")
    return tmp_path / "cohort"


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each folder that is listed, and each manifest that is read."""
    seen: list[str] = []
    scandir, manifest = os.scandir, cohort_rows.read_manifest

    def note(path: Any = ".") -> Any:
        seen.append(Path(path).name if isinstance(path, str | Path) else "")
        return scandir(path)

    def read(path: Path, layout: CohortLayout) -> Any:
        seen.append(path.name)
        return manifest(path, layout)

    monkeypatch.setattr(cohort_rows.os, "scandir", note)
    monkeypatch.setattr(cohort_rows, "read_manifest", read)
    return seen


def as_manifest(cohort: Path) -> Path:
    rows = [f"{path.name},{path.name}/labels.nii.gz" for path in sorted(cohort.iterdir())]
    (cohort / "cohort.csv").write_text("\n".join(["subject,labels", *rows]))
    return cohort


@pytest.mark.parametrize("manifest", [False, True])
def test_all_subjects_take_one_listing(cohort: Path, listings: list[str], manifest: bool) -> None:
    if manifest:
        as_manifest(cohort)
    source = open_cohort(cohort, SCAR3D_LAYOUT)
    for entry in select(source):
        for roles in (["labels"], ["truth"]):
            with pickle.loads(pickle.dumps(source.of([entry.subject]))).files([entry.subject], roles) as [files]:
                assert files.checked()["labels"].parent.name == entry.subject
    assert [name for name in listings if name in ("cohort", "cohort.csv")] == ["cohort.csv" if manifest else "cohort"]


def test_a_run_looks_into_the_cohort_once(cohort: Path, tmp_path: Path, listings: list[str]) -> None:
    # all are refused as images; what the stages asked for until then is what counts
    run = run_cohort(RECONSTRUCT, cohort, tmp_path / "out", {}, jobs=1, max_failed_fraction=1.0)
    assert {row.outcome for row in run.rows} <= {"failed", "skipped"}
    assert len(run.rows) == SUBJECTS
    assert listings.count("cohort") == 1


def test_workers_are_sent_their_own_subject_alone(cohort: Path) -> None:
    source = open_cohort(cohort, SCAR3D_LAYOUT)
    assert len(pickle.dumps(source.of(["P003"]))) < 2000
    with source.of(["P003"]).files(["P003", "P004"], ["labels"]) as entries:
        assert [entry.subject for entry in entries] == ["P003"]


def test_files_are_those_of_now(cohort: Path) -> None:
    source = open_cohort(cohort, SCAR3D_LAYOUT)
    select(source)
    touch(cohort / "P001", "lge.nii.gz")
    touch(cohort / "P999", "labels.nii.gz")
    with source.files(["P001", "P999"], ["lge"]) as [entry]:  # who comes later is of the next run
        assert "lge" in entry.checked()


def test_a_refused_name_keeps_its_row_when_it_travels(cohort: Path) -> None:
    touch(cohort / "Jane Doe", "labels.nii.gz")
    source = open_cohort(cohort, SCAR3D_LAYOUT)
    [refused] = [entry.subject for entry in source.listed() if entry.problem]
    some: CohortSource = pickle.loads(pickle.dumps(source.of([refused])))
    with some.files([refused], SCAR3D_LAYOUT.endings) as [entry]:
        assert isinstance(entry.problem, InputError)
        assert "white space" in str(entry.problem)


@pytest.mark.parametrize("manifest", [False, True])
def test_a_prefix_is_listed_once(cohort: Path, bucket: S3Place, manifest: bool) -> None:
    at = bucket / "cohorts/ward-7"
    put_folder(as_manifest(cohort) if manifest else cohort, at)
    source = open_cohort(str(at), SCAR3D_LAYOUT)
    with requests() as seen:
        ids = [entry.subject for entry in select(source)]
    assert len(seen) == (2 if manifest else 1)
    assert len(ids) == SUBJECTS
    with requests() as seen:
        for subject in ids[:3]:
            travelled = pickle.loads(pickle.dumps(source.of([subject])))
            with travelled.files([subject], ["labels"]) as [entry]:
                assert entry.checked()["labels"].read_bytes() == (cohort / subject / "labels.nii.gz").read_bytes()
    # nothing but the subject's own objects: neither the cohort's prefix nor its manifest
    assert {key.removeprefix(at.under).partition("/")[0] for _, key in seen} == set(ids[:3])
    if not manifest:
        assert [operation for operation, _ in seen] == ["GetObject"] * 3


def test_a_pod_asks_for_its_own_subjects_alone(bucket: S3Place) -> None:
    at = bucket / "cohorts"
    for subject in ("P001", "P002", "P003"):
        put(at / subject / "labels.nii.gz")
    with requests() as seen, open_cohort(str(at), SCAR3D_LAYOUT).files(["P002"], ["labels"]) as [entry]:
        assert entry.checked()
    assert {key for operation, key in seen if operation == "ListObjectsV2"} <= {f"{at.under}P002/", at.prefix}
