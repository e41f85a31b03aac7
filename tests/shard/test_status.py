"""Rows survive the disk, and say when an earlier one stands for a new one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from cardioscar.shard.status import FILE, Failure, Status, read_status, write_status

ROW = Status(
    "P001", "train", "ok", seconds=1.5, started="2026-01-02T03:04:05+00:00", version="0.1.0", config_sha256="c",
    config={"steps": 5, "doubt_range": [0.2, 0.8]}, inputs={"sorted/sorted.npz": "a"}, outputs={"field.json": "b"},
)  # fmt: skip
FAILED = dataclasses.replace(ROW, outcome="failed", error=Failure("input", "scan: expected ✓, found ✗", "train"))


@pytest.mark.parametrize("row", [ROW, FAILED])
def test_a_row_is_read_as_it_was_written(tmp_path: Path, row: Status) -> None:
    write_status(tmp_path, row)
    assert read_status(tmp_path) == row


def test_the_file_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    write_status(tmp_path, FAILED)
    stored = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    assert stored.keys() >= {
        "subject", "stage", "outcome", "error", "seconds", "started", "version", "config_sha256", "inputs",
        "peak_memory_mib", "cuda_peak_memory_mib",
    }  # fmt: skip
    assert stored["error"].keys() == {"kind", "message", "stage"}


def test_there_is_no_row_where_there_is_no_folder(tmp_path: Path) -> None:
    assert read_status(tmp_path / "none") is None
    (tmp_path / "file").write_text("")
    assert read_status(tmp_path / "file") is None


def test_a_row_of_a_later_version_is_read(tmp_path: Path) -> None:
    write_status(tmp_path, ROW)
    stored = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    (tmp_path / FILE).write_text(json.dumps(stored | {"host": "unknown here"}), encoding="utf-8")
    assert read_status(tmp_path) == ROW


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b'{"error": {"kind": 3}}'])
def test_a_row_that_cannot_be_read_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / FILE).write_bytes(data)
    assert read_status(tmp_path) is None


def test_a_row_stands_for_the_same_question() -> None:
    asked = dataclasses.replace(
        ROW, started="later", seconds=9.0, peak_memory_mib=9.0, cuda_peak_memory_mib=9.0, outputs={}
    )
    assert ROW.answers(asked)


def test_a_row_of_an_earlier_version_has_no_memory_and_is_read(tmp_path: Path) -> None:
    write_status(tmp_path, ROW)
    stored = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    del stored["peak_memory_mib"], stored["cuda_peak_memory_mib"]
    (tmp_path / FILE).write_text(json.dumps(stored), encoding="utf-8")
    assert read_status(tmp_path) == ROW


@pytest.mark.parametrize(
    "change",
    [
        {"config_sha256": "d"},
        {"inputs": {"sorted/sorted.npz": "z"}},
        {"inputs": {}},
        {"version": "0.2.0"},
        {"outcome": "skipped", "error": FAILED.error},
    ],
)
def test_a_row_does_not_stand_for_another_question(change: dict[str, object]) -> None:
    assert not ROW.answers(dataclasses.replace(ROW, **change))


def test_a_failure_never_stands_for_a_new_attempt() -> None:
    assert not FAILED.answers(ROW)
    assert not FAILED.answers(FAILED)
