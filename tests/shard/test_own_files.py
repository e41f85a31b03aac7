"""What in a folder is ours is said by what we wrote there, never by a name."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar.errors import InputError
from cardioscar.results.own_table import check_data, check_page, check_table
from cardioscar.shard.own_files import keep, strangers, strangers_in
from cardioscar.shard.status import Failure, Status, write_status
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests.finished_run import content

ROW = Status("P001", "evaluate", "ok", outputs={"metrics.json": "0" * 64, "figures/a.png": "0" * 64})
REFUSED = "expected nothing, or what cardioscar has written for the subject, found "


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of results as we write it."""
    folder = tmp_path / "P001"
    (folder / "figures").mkdir(parents=True)
    for name in ("metrics.json", "figures/a.png", "scar.vtu", "run.json"):
        (folder / name).write_text("ours")
    write_status(folder, ROW)
    return folder


def found(folder: Path) -> list[str]:
    return strangers_in(folder, RECONSTRUCT.results)


def test_nothing_and_ours_alone_have_no_strangers(own: Path, tmp_path: Path) -> None:
    (tmp_path / "P002" / "figures").mkdir(parents=True)
    assert [found(folder) for folder in (own, tmp_path / "P002", tmp_path / "P003")] == [[], [], []]


def test_what_the_row_does_not_name_is_a_strangers(own: Path) -> None:
    for name in ("notes.txt", "figures/b.png", ".hidden", "figures/deep/er.csv", "mesh.vtu"):
        (own / name).parent.mkdir(exist_ok=True)
        (own / name).write_text("mine")
    assert found(own) == [".hidden", "figures/b.png", "figures/deep/er.csv", "mesh.vtu", "notes.txt"]


def test_a_link_is_never_ours(own: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "lge.nii.gz").write_text("an image")
    (own / "images").symlink_to(tmp_path / "elsewhere")
    (own / "scar.vtu").unlink()
    (own / "scar.vtu").symlink_to(tmp_path / "elsewhere" / "lge.nii.gz")
    (own / "dead").symlink_to("nowhere")
    assert found(own) == ["dead", "images", "scar.vtu"]


def test_a_failed_subject_has_no_map_of_ours(own: Path) -> None:
    failed = dataclasses.replace(ROW, outcome="failed", error=Failure("input", "a", "infer"), outputs={})
    write_status(own, failed)
    assert found(own) == ["figures/a.png", "metrics.json", "scar.vtu"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "status.json").unlink(), "figures/a.png"),
        (lambda folder: write_status(folder, dataclasses.replace(ROW, subject="P002")), "status.json of another subj"),
        (lambda folder: write_status(folder, dataclasses.replace(ROW, stage="train")), "status.json of another stage"),
        (lambda folder: (folder / "status.json").write_text(json.dumps({"state": "done"})), "status.json"),
        (lambda folder: (folder / "status.json").write_text("") or (folder / "mine.csv").write_text(""), "mine.csv"),
        (lambda folder: (folder / "status.json").rename(folder / "a") and (folder / "status.json").symlink_to("a"),
         "status.json, which is a link"),
        (lambda folder: folder.rename(folder.with_name("b")) and folder.symlink_to("b"), "a link"),
        (lambda folder: folder.rename(folder.with_name("b")) and folder.write_text(""), "a file"),
    ],
)  # fmt: skip
def test_a_folder_without_our_row_is_refused(own: Path, change: Callable[[Path], object], message: str) -> None:
    change(own)
    with pytest.raises(InputError, match=f"P001: {REFUSED}{message}"):
        found(own)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"subject": "P001"}', b"\xff"])
def test_a_torn_row_beside_our_names_is_ours(own: Path, text: bytes) -> None:
    (own / "status.json").write_bytes(text)
    assert found(own) == []


def test_an_empty_row_of_another_kind_is_refused_by_what_it_says() -> None:
    with pytest.raises(InputError, match="status.json"):
        strangers("P001", ["status.json"], b'{"version": "1", "tool": "x"}', subject="P001", own=RECONSTRUCT.results)


def test_strangers_are_copied_and_nothing_of_ours_with_them(own: Path, tmp_path: Path) -> None:
    (own / "deep").mkdir()
    (own / "deep" / "notes.txt").write_text("mine")
    (own / "to it").symlink_to("deep/notes.txt")
    os.utime(own / "deep" / "notes.txt", (1, 1))
    new = tmp_path / "new"
    new.mkdir()
    keep(found(own), own, new)
    assert content(new) == {"deep/notes.txt": b"mine", "to it": b"mine"}
    assert (new / "deep" / "notes.txt").stat().st_mtime == 1
    assert (new / "to it").readlink() == Path("deep/notes.txt")


@pytest.mark.parametrize("name", ["report.html", "report.html/mine.txt", "figures/b.png"])
def test_neither_takes_the_others_place(own: Path, tmp_path: Path, name: str) -> None:
    (own / name).parent.mkdir(exist_ok=True)
    (own / name).write_text("mine")
    new = tmp_path / "new"
    (new / "figures").mkdir(parents=True)
    for ours in ("report.html", "figures/b.png"):
        (new / ours).write_text("ours")
    with pytest.raises(InputError, match=f"P001: expected no file of others named {name}, found one; move it away"):
        keep(found(own), own, new)
    assert (own / name).read_text() == "mine"


def test_what_is_no_file_is_refused(own: Path, tmp_path: Path) -> None:
    os.mkfifo(own / "pipe.fifo")
    with pytest.raises(InputError, match="which is none; move it away"):
        keep(found(own), own, tmp_path)


@pytest.mark.parametrize(
    "data", [b"subject,mesh,labels\nP001,a,b\n", b"outcome,subject\n", b"\n", b"\xff\xfe", b"subject,outcome\n"]
)
def test_another_table_is_not_replaced(data: bytes) -> None:
    with pytest.raises(InputError, match="cohort.csv: expected a table that a run has written"):
        check_table(data)


def test_our_tables_and_pages_are_known(tmp_path: Path) -> None:
    from cardioscar.report.cohort import write_cohort_report
    from cardioscar.report.cohort_columns import CohortColumns
    from cardioscar.report.cohort_table import CohortRow, CohortSummary, CohortTable, cohort_csv, cohort_json

    table = CohortTable(
        CohortSummary(accepted=False, max_failed_fraction=0.1), (CohortRow("P001", "failed"),), CohortColumns()
    )
    write_cohort_report(tmp_path / "cohort.html", table)
    check_table(cohort_csv(table).encode())
    whole = cohort_json(table).encode()
    for ours in (whole, whole[: len(whole) // 2], whole.replace(b"cohort 2", b"cohort 3"), None):
        check_data(ours)
    check_page((tmp_path / "cohort.html").read_bytes())
    check_table(None)
    check_page(None)
    with pytest.raises(InputError, match="cohort.html"):
        check_page(b"<html>mine</html>")
    for others in (b"{}", b'{"rows": []}', b"mine"):
        with pytest.raises(
            InputError, match=r"cohort\.json: expected a file that a run has written, or none, found ano"
        ):
            check_data(others)
