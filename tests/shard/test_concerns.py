"""What is warned of a subject reaches its row: its own, in one clean line each, and whatever is logged elsewhere."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cardioscar.errors import InputError
from cardioscar.logs import about, configure
from cardioscar.shard.concerns import LONGEST, MOST, clean
from cardioscar.shard.loop import Work, run_shard
from cardioscar.shard.status import Status, parse_status, read_status
from tests.toy_stage import toy

log = logging.getLogger("cardioscar.imaging.anything")


@dataclass(frozen=True)
class Config:
    level: int = 1


def warning(*texts: str, error: Exception | None = None) -> Callable[[Work], None]:
    def work(job: Work) -> None:
        for text in texts:
            log.warning("%s", text)
        (job.out / "value.txt").write_text(job.subject)
        if error:
            raise error

    return work


def rows(out: Path, work: Callable[[Work], None], *subjects: str, **settings: object) -> list[Status]:
    return run_shard(toy("sum"), subjects or ("a",), out, Config(), work, **settings)  # type: ignore[arg-type]


@contextmanager
def as_configured(level: int, log_file: Path) -> Iterator[None]:
    logger = logging.getLogger("cardioscar")
    before = logger.level
    configure(level, str(log_file))
    try:
        yield
    finally:
        for handler in logger.handlers:
            handler.close()
        logger.handlers[:] = []
        logger.propagate = True
        logger.setLevel(before)


def test_a_row_holds_the_warnings_of_its_own_subject_once_each_in_order(tmp_path: Path) -> None:
    def work(job: Work) -> None:
        log.info("no concern")
        log.warning("a thin wall of %.1f mm", 1.25)
        if job.subject == "b":
            log.error("a hole in the wall")
        log.warning("a thin wall of 1.2 mm")
        logging.getLogger("elsewhere").warning("of another library")
        (job.out / "value.txt").write_text(job.subject)

    found = rows(tmp_path, work, "a", "b")
    assert [row.warnings for row in found] == [
        ["a thin wall of 1.2 mm"],
        ["a thin wall of 1.2 mm", "a hole in the wall"],
    ]
    assert [read_status(tmp_path / one) for one in "ab"] == found


def test_a_reused_row_keeps_its_warnings(tmp_path: Path) -> None:
    first = rows(tmp_path, warning("thin wall"))
    assert rows(tmp_path, warning("never run again")) == first
    assert first[0].warnings == ["thin wall"]


def test_a_failed_row_keeps_its_warnings_beside_the_error(tmp_path: Path) -> None:
    [row] = rows(tmp_path, warning("thin wall", error=InputError("lge", "a heart", "none")))
    assert (row.outcome, row.warnings) == ("failed", ["thin wall"])
    assert row.error is not None
    assert row.error.message == "lge: expected a heart, found none"
    assert read_status(tmp_path / "a") == row


def test_a_row_of_a_skipped_subject_has_none(tmp_path: Path) -> None:
    rows(tmp_path / "first", warning("thin wall", error=InputError("lge", "a heart", "none")))
    [row] = rows(tmp_path / "second", warning(), upstream={"first": tmp_path / "first"})
    assert (row.outcome, row.warnings) == ("skipped", [])


def test_what_the_work_has_warned_of_can_be_asked_for_meanwhile(tmp_path: Path) -> None:
    heard: list[list[str]] = []

    def work(job: Work) -> None:
        heard.append(job.warned())
        log.warning("thin wall")
        heard.append(job.warned())

    rows(tmp_path, work, "a", "b")
    assert heard == [[], ["thin wall"], [], ["thin wall"]]


def test_what_is_said_of_another_subject_waits_for_its_turn(tmp_path: Path) -> None:
    def work(job: Work) -> None:
        if job.subject == "a":
            for one in ("b", "-"):
                with about("sum", one):
                    log.warning("said ahead")
            with about("track", "a"):
                log.warning("of other work")
        log.warning("said in turn")

    first, second, third = rows(tmp_path, work, "a", "b", "c")
    assert first.warnings == third.warnings == ["said in turn"]
    assert second.warnings == ["said ahead", "said in turn"]


def test_another_thread_is_not_heard(tmp_path: Path) -> None:
    def work(job: Work) -> None:
        thread = threading.Thread(target=log.warning, args=("from elsewhere",))
        thread.start()
        thread.join()

    assert rows(tmp_path, work)[0].warnings == []


@pytest.mark.parametrize("level", [logging.DEBUG, logging.WARNING, logging.ERROR, logging.CRITICAL])
def test_how_much_is_logged_does_not_change_what_is_kept(tmp_path: Path, level: int) -> None:
    with as_configured(level, tmp_path / "run.log"):
        [row] = rows(tmp_path / "out", warning("thin wall"))
        logger = logging.getLogger("cardioscar")
        assert (logger.level, len(logger.handlers), logger.handlers[0].filters[1:]) == (level, 1, [])
    assert row.warnings == ["thin wall"]
    logged = (tmp_path / "run.log").read_text() if (tmp_path / "run.log").exists() else ""
    assert ("thin wall" in logged) == (level <= logging.WARNING)


def test_a_warning_is_logged_as_before(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows(tmp_path, warning("thin wall"))
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == ["thin wall"]


@pytest.mark.parametrize(
    "text",
    [
        "cannot read '/data/JANE_DOE/lge.nii'",
        "/data/JANE DOE/lge.nii: torn",
        "no file data/JANE_DOE/lge.nii",
        "no file JANE_DOE/lge.nii",
        "cohort/JANE DOE/lge.nii.gz: torn",
        r"C:\scans\JANE DOE\lge.nii: torn",
        "s3://scans/JANE_DOE/lge.nii is slow",
        "moved /data/JANE_DOE/a.nii to /data/JANE_DOE/b.nii",
        "'JANE DOE 1965.nii' is passed over",
        "first line is good\n~/JANE_DOE/lge.nii",
    ],
)
def test_a_warning_names_no_folder_and_nobody(tmp_path: Path, text: str) -> None:
    [row] = rows(tmp_path, warning(text))
    assert len(row.warnings) == 1
    assert "\n" not in row.warnings[0]
    for name in ("JANE", "DOE", "scans"):
        assert name not in row.warnings[0]


@pytest.mark.parametrize(
    "text", ["wall of 0.5 mm, 2 pixels/edge and/or holes", "mesh.vtu: 3 pieces", "12 of 300 pixels (4 %)", "1/2 of it"]
)
def test_a_plain_sentence_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


def test_the_names_that_users_gave_their_files_are_said_by_role(tmp_path: Path) -> None:
    source = tmp_path / "doe_jane_lge.nii.gz"
    source.write_bytes(b"scan")
    [row] = rows(tmp_path / "out", warning("doe_jane_lge.nii.gz: no contrast"), files=lambda _: {"lge": source})
    assert row.warnings == ["lge.nii.gz: no contrast"]


def test_number_and_length_are_limited(tmp_path: Path) -> None:
    [row] = rows(tmp_path, warning(*(f"slice {n}" for n in range(MOST + 5)), "x" * 2 * LONGEST))
    assert len(row.warnings) == MOST
    assert row.warnings[-2:] == [f"slice {MOST - 2}", "and 7 more warnings"]
    assert len(clean("x" * 2 * LONGEST)) == LONGEST


def test_warnings_of_an_earlier_stage_count_for_a_stage_that_reads_settings(tmp_path: Path) -> None:
    def second(*texts: str) -> bool:
        reused: list[bool] = []
        rows(tmp_path / "first", warning(*texts))
        run_shard(
            toy("second"), ["a"], tmp_path / "second", Config(), warning(),
            upstream={"first": tmp_path / "first"}, reads_settings=True, on_done=lambda row, was: reused.append(was),
        )  # fmt: skip
        return reused[0]

    assert not second()
    (tmp_path / "first" / "a" / "value.txt").unlink()  # the first stage works again, and warns this time
    assert not second("thin wall")
    assert second("never run again")


def test_a_row_of_an_earlier_version_is_read_without_warnings() -> None:
    old = b'{"subject": "a", "stage": "sum", "outcome": "ok", "error": null}'
    assert parse_status(old) == Status("a", "sum", "ok")
    assert parse_status(old[:-1] + b', "warnings": ["thin wall"]}') == Status("a", "sum", "ok", warnings=["thin wall"])
    assert parse_status(old[:-1] + b', "warnings": [1]}') is None
