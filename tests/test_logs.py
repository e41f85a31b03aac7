"""Every line says the stage and the subject, whichever module wrote it."""

from __future__ import annotations

import json
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cardioscar.errors import ConfigError
from cardioscar.logs import about, configure

LINE = re.compile(r"\d\d:\d\d:\d\d (INFO|WARNING|ERROR) +([\w-]+) +([\w-]+): \S.*")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    logger = logging.getLogger("cardioscar")
    before, root = (logger.handlers[:], logger.propagate, logger.level), logging.getLogger().handlers[:]
    logger.handlers[:] = []
    yield
    configure()
    logging.captureWarnings(False)
    logging.getLogger().handlers[:] = root
    logger.handlers[:], logger.propagate, _ = before
    logger.setLevel(before[2])


def test_lines_carry_the_stage_and_the_subject(tmp_path: Path) -> None:
    configure(log_file=str(tmp_path / "run.log"))
    deep = logging.getLogger("cardioscar.scar3d.field.fit")
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


def test_json_lines_carry_what_a_log_store_searches_by(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARDIOSCAR_LOG_FORMAT", "json")
    monkeypatch.setenv("CARDIOSCAR_RUN_ID", "run-7f3a")
    configure(log_file=str(tmp_path / "run.log"), stderr=True)
    logger = logging.getLogger("cardioscar.shard.loop")
    with about("train", "P001"):
        logger.info("ok in %.1f s", 1.5, extra={"outcome": "ok", "seconds": 1.5, "peak_memory_mib": 300.0})
        logger.error("failed: %s", 'first "line"\nsecond', extra={"outcome": "failed", "kind": "input"})
    logger.warning("outside")
    text = (tmp_path / "run.log").read_text(encoding="utf-8")
    assert capsys.readouterr().err == text
    done, failed, outside = (json.loads(line) for line in text.splitlines())
    when = datetime.fromisoformat(done.pop("time"))
    assert when.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - when) < timedelta(minutes=1)
    assert done == {
        "level": "info", "stage": "train", "subject": "P001", "message": "ok in 1.5 s", "run_id": "run-7f3a",
        "outcome": "ok", "seconds": 1.5, "peak_memory_mib": 300.0,
    }  # fmt: skip
    assert (failed["level"], failed["kind"], failed["message"]) == ("error", "input", r'failed: first "line"\nsecond')
    assert (outside["stage"], outside["subject"]) == (None, None)


HOSTILE = "a\n12:00:00 INFO    evaluate   P777: ok\x1b[2J\r\x00\x07\u202e\u2028\u0085b"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_record_writes_a_line_of_its_own_or_steers_a_terminal(
    log_format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(log_file=str(tmp_path / "run.log"), stderr=True, log_format=log_format)
    logger = logging.getLogger("cardioscar.stages.x")
    with about("train", HOSTILE):
        logger.error("of %s", HOSTILE)
        logger.error(HOSTILE)
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            logger.exception("unforeseen")
        logging.getLogger("mlflow.store").warning(HOSTILE)
    for text in ((tmp_path / "run.log").read_text(encoding="utf-8"), capsys.readouterr().err):
        assert not any(line.startswith("12:00:00") for line in text.splitlines())
        assert [c for c in text if not c.isprintable() and c != "\n"] == []
        assert "P777" in text


def test_what_readers_of_files_log_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    configure(stderr=True)
    with about("preprocess", "P001"):
        logging.getLogger("pydicom").warning("Invalid value for PN: 'Jane Doe'")
        logging.getLogger("another.library").error("cannot read %s", "/data/Jane Doe/lge.nii")
        logging.getLogger("botocore.retries").warning("no answer from the store")
    said = capsys.readouterr().err
    assert "Jane" not in said
    assert re.search(r"WARNING preprocess P001: pydicom says something at test_logs.py:\d+", said)
    assert "no answer from the store" in said


@pytest.mark.filterwarnings("always")
def test_warnings_are_said_by_their_kind_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    configure(stderr=True)
    logging.captureWarnings(False)  # as in a fresh process: the frame around this test has put its own hook
    logging.captureWarnings(True)
    warnings.warn("Invalid value for VR UI: 'Jane Doe'", UserWarning, stacklevel=1)
    said = capsys.readouterr().err
    assert "Jane" not in said
    assert re.search(r"UserWarning at test_logs.py:\d+$", said.strip())


def test_the_option_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARDIOSCAR_LOG_FORMAT", "json")
    configure(log_file=str(tmp_path / "run.log"), log_format="text")
    logging.getLogger("cardioscar").warning("plain")
    assert LINE.fullmatch((tmp_path / "run.log").read_text(encoding="utf-8").strip())


def test_a_run_id_that_is_none_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARDIOSCAR_RUN_ID", "Jane Doe's run")
    configure(log_file=str(tmp_path / "run.log"), log_format="json")
    logging.getLogger("cardioscar").warning("plain")
    assert "run_id" not in json.loads((tmp_path / "run.log").read_text(encoding="utf-8"))


def test_another_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARDIOSCAR_LOG_FORMAT", "xml")
    with pytest.raises(ConfigError, match="CARDIOSCAR_LOG_FORMAT: expected text or json, found 'xml'"):
        configure()
