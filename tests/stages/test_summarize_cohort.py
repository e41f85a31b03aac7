"""The table, the page and the one verdict; a subject that is missed is not forgotten."""

from __future__ import annotations

import csv
import dataclasses
import json
import resource
import shutil
import socket
from pathlib import Path

import pytest

from cardioscar.config import file_sha256
from cardioscar.errors import ConfigError, InputError, PlatformError, UnreachableError
from cardioscar.shard.status import Failure, read_status, write_status
from cardioscar.stages import summarize_cohort
from cardioscar.stages.recording import Recording
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from cardioscar.stages.summarize_cohort import CohortRejected
from tests.finished_run import SUBJECTS, Run, hidden


@pytest.fixture
def run(finished: Run, tmp_path: Path) -> Run:
    return finished.copy(tmp_path)


def summarize(run: Run, **settings: object) -> dict[str, object]:
    recording = Recording(
        str(run.out / "results"), str(settings.pop("tracking", "")), str(settings.pop("experiment", "cardioscar"))
    )
    return summarize_cohort.run(run.cohort, recording, family=RECONSTRUCT, **settings)


def table(run: Run) -> dict[str, dict[str, str]]:
    with (run.out / "results" / "cohort.csv").open(newline="", encoding="utf-8") as stream:
        return {row["subject"]: row for row in csv.DictReader(stream)}


def fail(run: Run, subject: str) -> None:
    row = read_status(run.result(subject))
    assert row is not None
    shutil.rmtree(run.result(subject))
    run.result(subject).mkdir()
    failure = Failure("geometry", "mesh.vtu: expected millimetres, found metres", "preprocess")
    write_status(run.result(subject), dataclasses.replace(row, outcome="skipped", error=failure, outputs={}))


def test_the_summary_counts_and_averages(run: Run) -> None:
    summary = summarize(run, experiment="ward 7")
    counts = {name: summary[name] for name in ("cohort", "subjects", "ok", "failed", "failed_fraction", "verdict")}
    assert counts == {
        "cohort": "ward 7", "subjects": 3, "ok": 3, "failed": 0, "failed_fraction": 0, "verdict": "accepted",
    }  # fmt: skip
    found = [json.loads((run.result(subject) / "metrics.json").read_text(encoding="utf-8")) for subject in SUBJECTS]
    dices = [metrics["truth"]["cardioscar"]["dice"] for metrics in found]
    assert summary["mean_dice"] == pytest.approx(sum(dices) / 3)
    assert summary["review"] == sum(metrics["qc"]["verdict"] == "review" for metrics in found)


def test_the_table_has_a_row_for_each_subject(run: Run) -> None:
    fail(run, "P002")
    summarize(run, max_failed_fraction=1)
    rows = table(run)
    assert list(rows) == list(SUBJECTS)
    assert [rows[subject]["outcome"] for subject in SUBJECTS] == ["ok", "failed", "ok"]
    assert "mesh.vtu: expected millimetres, found metres" in rows["P002"].values()
    assert "preprocess" in rows["P002"].values()


def test_the_page_links_to_the_reports(run: Run) -> None:
    summarize(run)
    page = (run.out / "results" / "cohort.html").read_text(encoding="utf-8")
    for subject in SUBJECTS:
        assert f"{subject}/report.html" in page
        assert (run.out / "results" / subject / "report.html").is_file()


@pytest.mark.parametrize(
    ("failed", "limit", "accepted"), [(0, 0, True), (1, 0.3, False), (1, 0.34, True), (3, 1, True)]
)
def test_the_verdict_is_taken_by_the_share_that_failed(run: Run, failed: int, limit: float, accepted: bool) -> None:
    for subject in SUBJECTS[:failed]:
        fail(run, subject)
    if accepted:
        assert summarize(run, max_failed_fraction=limit)["verdict"] == "accepted"
    else:
        with pytest.raises(CohortRejected, match=rf"^{failed} of 3 subjects failed"):
            summarize(run, max_failed_fraction=limit)
    assert len(table(run)) == 3


def judge(run: Run, subject: str, verdict: str, *reasons: str) -> None:
    """Give a published map another verdict."""
    metrics = json.loads((run.result(subject) / "metrics.json").read_text(encoding="utf-8"))
    rewrite(run, subject, metrics | {"qc": {"verdict": verdict, "reasons": list(reasons)}})


def test_a_map_that_failed_quality_control_counts_as_failed(run: Run) -> None:
    judge(run, "P001", "fail", "5 of 9 slices do not fit the mesh")
    judge(run, "P002", "review", "the scar seen is small")
    judge(run, "P003", "pass")
    summary = summarize(run, max_failed_fraction=0.34)
    assert [summary[name] for name in ("ok", "failed", "review", "qc_failed")] == [3, 0, 1, 1]
    assert summary["failed_fraction"] == pytest.approx(1 / 3)
    assert [row["qc"] for row in table(run).values()] == ["fail", "review", "pass"]
    page = (run.out / "results" / "cohort.html").read_text(encoding="utf-8")
    assert "of the subjects failed (finished ones that failed quality control count: 1); up to" in page

    fail(run, "P003")
    said = r"^2 of 3 subjects failed, 1 of them in quality control \(67%\), more than max_failed_fraction 34%$"
    with pytest.raises(CohortRejected, match=said):
        summarize(run, max_failed_fraction=0.34)


def test_a_row_says_where_the_septum_comes_from(run: Run) -> None:
    metrics = json.loads((run.result("P002") / "metrics.json").read_text(encoding="utf-8"))
    rewrite(run, "P002", metrics | {"septum": {"source": "guessed", "scanner_frame": False}})
    del metrics["septum"]  # as an earlier version left it
    rewrite(run, "P003", metrics)
    summarize(run)
    assert [row["septum"] for row in table(run).values()] == ["given", "guessed", ""]


@pytest.mark.parametrize("harm", ["no folder", "no row", "a torn row", "no metrics"])
def test_a_subject_whose_results_are_missing_is_lost(run: Run, harm: str) -> None:
    folder = run.result("P003")
    if harm == "no folder":
        shutil.rmtree(folder)
    elif harm == "no row":
        (folder / "status.json").unlink()
    elif harm == "a torn row":
        (folder / "status.json").write_text('{"subj')
    else:
        (folder / "metrics.json").unlink()
    summary = summarize(run, max_failed_fraction=0.5)
    assert (summary["ok"], summary["failed"]) == (2, 1)
    assert "lost" in table(run)["P003"].values()
    with pytest.raises(CohortRejected):
        summarize(run, max_failed_fraction=0.3)


def test_results_of_other_subjects_do_not_count_and_keep_their_rows(run: Run) -> None:
    fail(run, "P002")
    summary = summarize(run, subjects="P001,P003", max_failed_fraction=0)
    assert (summary["subjects"], summary["failed"], summary["earlier"]) == (2, 0, 1)
    rows = table(run)
    assert [(name, row["outcome"], row["of_run"]) for name, row in rows.items()] == [
        ("P001", "ok", "this"), ("P002", "failed", "earlier"), ("P003", "ok", "this"),
    ]  # fmt: skip
    assert "mesh.vtu: expected millimetres, found metres" in rows["P002"].values()


def test_reasons_of_the_verdict_are_in_table_and_page(run: Run) -> None:
    path = run.result("P002") / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    metrics["qc"] = {"verdict": "review", "reasons": ["slice 3 is not where it should be", "=the scar seen is small"]}
    rewrite(run, "P002", metrics)
    summarize(run)
    assert table(run)["P002"]["reasons"] == "slice 3 is not where it should be; =the scar seen is small"
    page = (run.out / "results" / "cohort.html").read_text(encoding="utf-8")
    assert "slice 3 is not where it should be; =the scar seen is small" in page
    assert "Reasons for the verdict" in page


def rewrite(run: Run, subject: str, metrics: object) -> None:
    """Replace a subject's numbers, and its row, which names them by their hash."""
    folder, row = run.result(subject), read_status(run.result(subject))
    assert row is not None
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    hashes = row.outputs | {"metrics.json": file_sha256(folder / "metrics.json")}
    write_status(folder, dataclasses.replace(row, outputs=hashes))


@pytest.mark.parametrize("metrics", [{}, [], {"scar": 3}, "no scar", "a text for a number", "another verdict"])
def test_numbers_of_another_form_are_one_subjects_row(run: Run, metrics: object) -> None:
    whole = json.loads((run.result("P002") / "metrics.json").read_text(encoding="utf-8"))
    if metrics == "no scar":
        del whole["scar"]
    elif metrics == "a text for a number":
        whole["scar"]["volume_ml"] = "many"
    elif metrics == "another verdict":
        whole["qc"]["verdict"] = "fine"
    rewrite(run, "P002", whole if isinstance(metrics, str) else metrics)
    summary = summarize(run, max_failed_fraction=0.5)
    assert (summary["ok"], summary["failed"]) == (2, 1)
    assert table(run)["P002"]["error_kind"] == "damaged"
    assert table(run)["P002"]["error_message"].startswith("its metrics.json is ")


def test_numbers_that_were_changed_are_not_taken(run: Run) -> None:
    path = run.result("P002") / "metrics.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"volume_ml": ', '"volume_ml": 9'), encoding="utf-8")
    summarize(run, max_failed_fraction=0.5)
    row = table(run)["P002"]
    assert (row["outcome"], row["scar_ml"]) == ("failed", "")
    assert row["error_message"] == "its metrics.json is not the one that its status.json names"


@pytest.mark.parametrize("change", [{"outputs": []}, {"outcome": "fine"}, {"outputs": {"metrics.json": 3}}])
def test_a_row_of_another_form_is_none(run: Run, change: dict[str, object]) -> None:
    path = run.result("P002") / "status.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    summarize(run, max_failed_fraction=0.5)
    assert table(run)["P002"]["error_message"] == "no result: its shard did not finish"


def test_the_same_results_give_the_same_pages(run: Run, tmp_path: Path) -> None:
    elsewhere = tmp_path / "artifact" / "report.html"
    summarize(run, report_html=elsewhere)
    names = ("cohort.csv", "cohort.html", "cohort.json")
    first = [(run.out / "results" / name).read_bytes() for name in names]
    summarize(run)
    assert [(run.out / "results" / name).read_bytes() for name in names] == first
    assert elsewhere.read_bytes() == first[1]


@pytest.mark.parametrize("limit", [-0.1, 1.1, float("nan")])
def test_a_limit_that_is_no_share_is_refused(run: Run, limit: float) -> None:
    with pytest.raises(ConfigError, match="max_failed_fraction: expected a share from 0 to 1"):
        summarize(run, max_failed_fraction=limit)


def test_a_subject_that_is_not_in_the_cohort_is_refused(run: Run) -> None:
    with pytest.raises(InputError, match="P007"):
        summarize(run, subjects="P007")


def test_a_full_disk_is_the_machines_fault(run: Run) -> None:
    for name in ("cohort.csv", "cohort.html", "cohort.json"):
        (run.out / "results" / name).unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (10, 2_000):  # too small for the table, and for the page
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(PlatformError, match=r"could not be written|cannot write to output"):
                summarize(run)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not (run.out / "results" / "cohort.html").exists()
    summarize(run)
    assert hidden(run.out / "results") == []
    assert not list((run.out / "results").glob("*.partial"))


def test_a_dead_server_is_said_after_the_report(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{probe.getsockname()[1]}"
    (run.out / "results" / "cohort.html").unlink()
    with pytest.raises(UnreachableError):
        summarize(run, tracking=uri)
    assert (run.out / "results" / "cohort.html").is_file()
    fail(run, "P001")
    with pytest.raises(CohortRejected):
        summarize(run, tracking=uri)
    assert "not recorded" in caplog.text
