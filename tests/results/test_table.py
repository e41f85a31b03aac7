"""A cohort's table and page without one of its subjects are those of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from cardioscar.errors import InputError
from cardioscar.report.cohort import write_cohort_report
from cardioscar.report.cohort_table import CohortRow, CohortSummary, CohortTable
from cardioscar.results.table import COHORT_FILES, drop_subject, write_csv, write_data
from cardioscar.stages.scar3d.columns import COLUMNS

ROWS = [
    CohortRow("P1", "ok", "evaluate", qc="pass", metrics={"dice": 0.81, "scar_ml": 7.5}, report="P1/report.html"),
    CohortRow("P10", "failed", "train", error_kind="input", error_message="=lge.nii: expected a scan, found none"),
    CohortRow(
        "P2",
        "ok",
        "evaluate",
        qc="review",
        reasons=("a; b", "c"),
        metrics={"dice": 0.5},
        report="P2/report.html",
        earlier=True,
    ),
]
SUMMARY = CohortSummary(
    accepted=False, max_failed_fraction=0.05, name="ward & <7>", created="2026-01-02T03:04:05+00:00"
)


def written(folder: Path, rows: list[CohortRow], summary: CohortSummary = SUMMARY) -> Path:
    folder.mkdir(exist_ok=True)
    table = CohortTable(summary, tuple(rows), COLUMNS)
    write_data(folder, table)
    write_csv(folder, table)
    write_cohort_report(folder / "cohort.html", table)
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


@pytest.mark.parametrize("data", [None, b'{"format": "cardioscar cohort 1", "rows": "P1', b'{"mine": "P1"}'])
def test_a_page_that_cannot_be_drawn_again_is_removed(data: bytes | None, tmp_path: Path) -> None:
    """Of an earlier version, which wrote no `cohort.json`; beside one that is torn; beside somebody else's."""
    folder = written(tmp_path / "all", ROWS)
    others = content(written(tmp_path / "others", ROWS[1:]))
    (folder / "cohort.json").unlink() if data is None else (folder / "cohort.json").write_bytes(data)
    assert drop_subject(folder, "P1")
    mine = {} if data is None or b"mine" not in data else {"cohort.json": data}
    assert content(folder) == {"cohort.csv": others["cohort.csv"]} | mine
    assert not drop_subject(folder, "P1")


@pytest.mark.parametrize("name", COHORT_FILES)
def test_each_file_is_known_by_itself(name: str, tmp_path: Path) -> None:
    """Older versions of objects are looked at one by one; what is not there is not made."""
    (tmp_path / name).write_bytes(content(written(tmp_path / "all", ROWS))[name])
    assert drop_subject(tmp_path, "P1")
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} <= {name}


def test_a_manifest_beside_loses_its_row_alone(tmp_path: Path) -> None:
    folder = written(tmp_path / "all", ROWS)
    (folder / "cohort.csv").write_text("subject,labels\nP1,a.nii\nP2,b.nii\n")
    assert drop_subject(folder, "P1")
    assert (folder / "cohort.csv").read_bytes() == b"subject,labels\r\nP2,b.nii\r\n"


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
