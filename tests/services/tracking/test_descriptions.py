"""Descriptions on MLflow's pages: what they say, where their links lead, and that an erasure takes a subject out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cardioscar.services.tracking import records
from cardioscar.services.tracking.client import TrackingTarget, connect
from cardioscar.services.tracking.descriptions import (
    CohortWords,
    cohort_note,
    note_without,
    view_state,
    without_dead_links,
)
from cardioscar.services.tracking.erasure import erase_from_mlflow
from cardioscar.services.tracking.recording import record_cohort

WORDS = CohortWords(
    "reconstruct",
    "Cohort accepted: 3 subjects",
    ("scar_ml", "dice"),
    {"P001": "review: a thin wall", "P002": "fail: no scar"},
    {"P003": "preprocess: labels.nii.gz is cut off"},
)


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[TrackingTarget, str, dict[str, Any]]:
    target = TrackingTarget.local(tmp_path / "store", "acute")
    files: dict[str, Any] = {"table_csv": tmp_path / "t.csv", "report_html": tmp_path / "r.html"}
    files["table_csv"].write_text("subject,dice\nP001,0.8\n")
    files["report_html"].write_text("<a href='#top'>top</a><a class=x href=\"P001/report.html\">P001</a>")
    return target, record_cohort(target, **files, metrics={"ok": 1.0}, words=WORDS), files


def test_a_cohort_says_its_verdict_where_all_is_and_what_to_look_at(
    recorded: tuple[TrackingTarget, str, dict[str, Any]],
) -> None:
    target, run_id, files = recorded
    client = connect(target)
    run = client.get_run(run_id)
    experiment = client.get_experiment(run.info.experiment_id)
    note = run.data.tags["mlflow.note.content"]
    assert note == cohort_note(WORDS, experiment.experiment_id, run_id)
    head, links, *subjects = [line for line in note.splitlines() if line]
    assert head == "**Cohort accepted: 3 subjects**"
    table = f"#/experiments/{experiment.experiment_id}/runs?viewStateShareKey=cardioscar-reconstruct"
    assert links == (
        f"[table of the subjects]({table}) · "
        f"[cohort report](#/experiments/{experiment.experiment_id}/runs/{run_id}/artifacts/report.html)"
    )
    assert [line.split("]")[0] for line in subjects] == ["- [P001", "- [P002", subjects[2]]
    assert subjects[0].endswith("cs.subject%60%20%3D%20%27P001%27): review: a thin wall")
    assert subjects[2] == "- P003 failed: preprocess: labels.nii.gz is cut off"
    view = json.loads(experiment.tags["mlflow.sharedViewState.cardioscar-reconstruct"])
    assert view == json.loads(view_state(WORDS))
    assert view["selectedColumns"] == ["tags.`cs.qc`", "tags.`cs.qc_reasons`", "metrics.`scar_ml`", "metrics.`dice`"]
    assert "P001" not in experiment.tags["mlflow.note.content"]
    # somebody's own description stays, ours is brought up to date
    record_cohort(target, **files, metrics={"ok": 2.0}, words=WORDS)
    assert "runs/" + run_id not in client.get_experiment(experiment.experiment_id).tags["mlflow.note.content"]
    client.set_experiment_tag(experiment.experiment_id, "mlflow.note.content", "ours")
    record_cohort(target, **files, metrics={"ok": 3.0}, words=WORDS)
    assert client.get_experiment(experiment.experiment_id).tags["mlflow.note.content"] == "ours"


def test_a_recorded_page_keeps_the_words_of_links_that_lead_nowhere(
    recorded: tuple[TrackingTarget, str, dict[str, Any]], tmp_path: Path
) -> None:
    target, run_id, files = recorded
    stored = Path(connect(target).download_artifacts(run_id, "report.html", dst_path=str(tmp_path))).read_text()
    assert stored == "<a href='#top'>top</a><span>P001</span>"
    assert "P001/report.html" in files["report_html"].read_text()  # the page itself is as it was


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ('<a href="../cohort.html">all <b>subjects</b></a>', "<span>all <b>subjects</b></span>"),
        ('<a href="https://x.org/a">x</a>', '<a href="https://x.org/a">x</a>'),
        ('<a id="a" href="#b">b</a> <a href="scar.vtu" download>map</a>', '<a id="a" href="#b">b</a> <span>map</span>'),
        ('<a href="data:text/plain,x">x</a>', '<a href="data:text/plain,x">x</a>'),
        ('<link href="x.css"><a href="">x</a>', '<link href="x.css"><a href="">x</a>'),
    ],
)
def test_only_links_to_other_files_go(html: str, plain: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(html, encoding="utf-8")
    without_dead_links(page)
    assert page.read_text(encoding="utf-8") == plain


def test_a_long_list_says_how_many_more_there_are() -> None:
    note = cohort_note(CohortWords("segment", "v", (), {f"P{n:04d}": "review: " + "x" * 90 for n in range(200)}), "1")
    assert len(note) <= records.LONGEST_TAG
    shown = note.count("\n- [P")
    assert note.endswith(f"\n- … and {200 - shown} more in cohort.csv")
    assert shown > 15


def test_an_erased_subject_is_in_no_description(recorded: tuple[TrackingTarget, str, dict[str, Any]]) -> None:
    target, run_id, _ = recorded

    def rewrite(folder: Path, subject: str) -> bool:
        table = folder / "cohort.csv"
        said = subject in table.read_text()
        table.write_text("subject,dice\n")
        return said

    assert "P001" in connect(target).get_run(run_id).data.tags["mlflow.note.content"]
    erase_from_mlflow(target, "P001", rewrite)
    note = connect(target).get_run(run_id).data.tags["mlflow.note.content"]
    assert "P001" not in note
    assert "P002" in note
    assert note_without(note, "P003").count("\n- ") == 1
