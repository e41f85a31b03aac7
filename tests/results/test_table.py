"""A cohort's table and page without one of its subjects are those of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from cardioscar.errors import InputError
from cardioscar.report.cohort import CohortRow, CohortSummary, cohort_csv, write_cohort_report
from cardioscar.results.table import drop_subject

ROWS = [
    CohortRow("P1", "ok", "evaluate", qc="pass", metrics={"dice": 0.81, "scar_ml": 7.5}, report="P1/report.html"),
    CohortRow("P10", "failed", "train", error_kind="input", error_message="=lge.nii: expected a scan, found none"),
    CohortRow("P2", "ok", "evaluate", qc="review", metrics={"dice": 0.5}, report="P2/report.html"),
]
SUMMARY = CohortSummary(
    accepted=False, max_failed_fraction=0.05, name="ward & <7>", created="2026-01-02T03:04:05+00:00"
)


def written(folder: Path, rows: list[CohortRow], summary: CohortSummary = SUMMARY) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "cohort.csv").write_text(cohort_csv(rows), encoding="utf-8", newline="")
    write_cohort_report(folder / "cohort.html", rows, summary)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_what_stays_is_as_if_the_subject_had_never_been(index: int, accepted: bool, tmp_path: Path) -> None:
    summary = CohortSummary(accepted, SUMMARY.max_failed_fraction, name=SUMMARY.name, created=SUMMARY.created)
    others = ROWS[:index] + ROWS[index + 1 :]
    folder = written(tmp_path / "all", ROWS, summary)
    assert drop_subject(folder, ROWS[index].subject)
    assert content(folder) == content(written(tmp_path / "others", others, summary))
    assert not drop_subject(folder, ROWS[index].subject)


def test_a_table_without_the_subject_is_not_touched(tmp_path: Path) -> None:
    folder = written(tmp_path / "all", ROWS)
    before = content(folder)
    assert not drop_subject(folder, "P3")
    assert content(folder) == before


def test_nothing_stays_of_a_cohort_of_one(tmp_path: Path) -> None:
    folder = written(tmp_path / "all", ROWS[:1])
    assert drop_subject(folder, "P1")
    assert content(folder) == {}


def test_a_page_that_cannot_be_drawn_again_is_removed(tmp_path: Path) -> None:
    folder = written(tmp_path / "all", ROWS)
    (folder / "cohort.html").write_text('<p class="eyebrow">cardioscar</p><p>P1 was here</p>')
    assert drop_subject(folder, "P1")
    assert content(folder).keys() == {"cohort.csv"}


def test_a_page_of_somebody_elses_stays(tmp_path: Path) -> None:
    folder = written(tmp_path / "all", ROWS)
    (folder / "cohort.html").write_text("<p>P1 was here</p>")
    assert drop_subject(folder, "P1")
    assert (folder / "cohort.html").read_text() == "<p>P1 was here</p>"
    assert not drop_subject(folder, "P1")


def test_another_file_of_that_name_is_said(tmp_path: Path) -> None:
    (tmp_path / "cohort.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"cohort\.csv: expected a UTF-8 table"):
        drop_subject(tmp_path, "P1")
