"""The command line over a cohort and results in an object store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar.services.store.s3_uri import S3Place
from tests.commands.conftest import Said
from tests.stored import bucket, emulated_endpoint, objects, put, put_folder, s3_endpoint

__all__ = ["bucket", "emulated_endpoint", "s3_endpoint"]

Cardioscar = Callable[..., Said]
QUICK = ("--steps", 15, "--samples", 3, "--no-figures", "--device", "cpu", "-j", 1, "--tracking-uri", "off")


@pytest.fixture
def stored(bucket: S3Place, cohort: Path) -> S3Place:
    return put_folder(cohort, bucket / "cohorts/trial")


def test_a_run_tells_where_its_results_lie(
    stored: S3Place, bucket: S3Place, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    results = bucket / "results/trial"
    said = cardioscar("run", stored, "--output", tmp_path / "out", "--results", results, *QUICK)
    assert said.code == 1  # one of the two is corrupt
    assert "P002 failed in preprocess: labels.nii.gz: expected a complete file" in said.out
    assert f"cohort report  {results}/cohort.html\n" in said.out
    assert f"first subject  {results}/P001/report.html\n" in said.out
    assert {"cohort.csv", "cohort.html", "P001/report.html", "P002/status.json"} <= objects(results).keys()
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["run.log", "work"]


def test_results_among_the_subjects_are_refused(stored: S3Place, cardioscar: Cardioscar, tmp_path: Path) -> None:
    words = ("run", stored, "-o", tmp_path / "out", "--subjects", "P001", "--results", stored / "results", *QUICK)
    said = cardioscar(*words)
    assert said.code == 2
    assert said.err.startswith("cardioscar: results: expected a folder outside the cohort's, found one that would be")
    put(stored / "cohort.csv", b"subject,labels\nP001,P001/labels.nii.gz\n")  # a manifest names the subjects
    assert cardioscar(*words).code == 0


def test_a_cohort_in_the_store_may_have_its_results_here(
    stored: S3Place, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    said = cardioscar("run", stored, "-o", tmp_path / "out", "--subjects", "P001", *QUICK)
    assert said.code == 0
    assert (tmp_path / "out" / "results" / "P001" / "report.html").is_file()


def test_single_stages_take_the_store(stored: S3Place, bucket: S3Place, cardioscar: Cardioscar, tmp_path: Path) -> None:
    assert json.loads(cardioscar("list-subjects", stored, "--shard-size", 1).out) == [["P001"], ["P002"]]
    groups, order, fields, scars, reports = (tmp_path / name for name in ("g", "s", "f", "m", "r"))
    results = bucket / "results"
    answers = [
        cardioscar("preprocess", stored, "-o", groups),
        cardioscar("group-sort", groups, "-o", order),
        cardioscar("train", order, "-o", fields, "--steps", 15, "--device", "cpu"),
        cardioscar("infer", groups, order, fields, "-o", scars, "--samples", 3, "--device", "cpu"),
        cardioscar(
            "evaluate", stored, groups, order, fields, scars, "-o", reports, "--no-figures", "--results", results,
            "--run-id", "one",
        ),
    ]  # fmt: skip
    assert [said.code for said in answers] == [0] * 5
    summary = cardioscar("summarize-cohort", stored, results, "--max-failed-fraction", 0.5, "--run-id", "one", "--json")
    assert json.loads(summary.out)["ok"] == 1
    other = cardioscar("summarize-cohort", stored, results, "--max-failed-fraction", 0.5, "--run-id", "two")
    assert (other.code, other.err.splitlines()[-1][:42]) == (1, "cardioscar: 2 of 2 subjects failed (100%),")


@pytest.mark.parametrize(
    "words",
    [
        ("run", "cohort", "-o", "s3://bucket/out"),
        ("preprocess", "s3://bucket/cohort", "-o", "s3://bucket/groups"),
        ("train", "s3://bucket/sorted", "-o", "fields"),
    ],
)
def test_the_stages_work_on_this_machine(
    words: tuple[str, ...], cardioscar: Cardioscar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = cardioscar(*words)
    assert said.code == 2
    rule = (
        "expected a folder of this machine (only cohort and results may lie in an object store), found an address s3://"
    )
    assert said.err.endswith(f"{rule}\n")
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("run", "-o", "out"), ("preprocess", "-o", "groups"), ("list-subjects",)])
def test_a_store_that_does_not_answer_is_code_4(
    words: tuple[str, ...], stored: S3Place, cardioscar: Cardioscar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setattr("cardioscar.services.store.client._FIRST_PATIENCE_S", 0.1)
    said = cardioscar(words[0], stored, *words[1:])
    assert said.code == 4
    assert said.err == f"cardioscar: bucket '{stored.bucket}' at 127.0.0.1:9: connection refused\n"
    assert list(tmp_path.iterdir()) == []


def test_results_that_cannot_be_reached_are_code_4_and_show_no_old_table(
    cohort: Path, bucket: S3Place, cardioscar: Cardioscar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setattr("cardioscar.services.store.client._FIRST_PATIENCE_S", 0.1)
    words = ("run", cohort, "-o", tmp_path / "out", "--subjects", "P001", "--results", bucket / "results", *QUICK)
    said = cardioscar(*words)
    assert (said.code, said.out) == (4, "")
    assert said.err.splitlines()[-1] == f"cardioscar: bucket '{bucket.bucket}' at 127.0.0.1:9: connection refused"
    assert not (tmp_path / "out" / "work").exists()  # it was asked first
