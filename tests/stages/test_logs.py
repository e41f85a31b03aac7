"""Every line says the stage and the subject, whichever module wrote it."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardioscar.stages.logs import about, configure

LINE = re.compile(r"\d\d:\d\d:\d\d (INFO|WARNING|ERROR) +([\w-]+) +([\w-]+): \S.*")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    logger = logging.getLogger("cardioscar")
    before = (logger.handlers[:], logger.propagate, logger.level)
    logger.handlers[:] = []
    yield
    configure()
    logger.handlers[:], logger.propagate, _ = before
    logger.setLevel(before[2])


def test_lines_carry_the_stage_and_the_subject(tmp_path: Path) -> None:
    configure(log_file=str(tmp_path / "run.log"))
    deep = logging.getLogger("cardioscar.scar3d.fit")
    deep.info("outside")
    with about("train", "P001"):
        deep.info("at work")
        with about("track", "cohort"):
            deep.warning("within")
        deep.error("failed: %s", "why")
        deep.debug("not written")
    lines = (tmp_path / "run.log").read_text(encoding="utf-8").splitlines()
    assert [LINE.fullmatch(line).groups() for line in lines] == [
        ("INFO", "-", "-"),
        ("INFO", "train", "P001"),
        ("WARNING", "track", "cohort"),
        ("ERROR", "train", "P001"),
    ]


def test_threads_do_not_share_a_subject(tmp_path: Path) -> None:
    configure(log_file=str(tmp_path / "run.log"))
    with about("train", "P001"):
        other = threading.Thread(target=logging.getLogger("cardioscar").info, args=("from elsewhere",))
        other.start()
        other.join()
    assert "P001" not in (tmp_path / "run.log").read_text(encoding="utf-8")


def test_a_second_call_replaces_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(log_file=str(tmp_path / "first.log"))
    logging.getLogger("cardioscar").info("one")
    configure(log_file=str(tmp_path / "second.log"), stderr=True)
    logging.getLogger("cardioscar").info("two")
    assert (tmp_path / "first.log").read_text(encoding="utf-8").count("\n") == 1
    assert (tmp_path / "second.log").read_text(encoding="utf-8").count("\n") == 1
    assert capsys.readouterr().err.count("two") == 1


def test_a_log_that_cannot_be_written_does_not_stop_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(log_file="/dev/full")
    logging.getLogger("cardioscar").info("nowhere to go")
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
