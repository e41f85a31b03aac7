"""The shard loop: whose fault it is, what is done again, and what a row says."""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from safetensors import SafetensorError

from cardioscar.errors import GeometryError, InputError, PlatformError
from cardioscar.files import folders as subject_folder
from cardioscar.files.folders import only_writer
from cardioscar.shard.loop import Work, run_shard
from cardioscar.shard.status import Failure, Status, read_status
from tests.finished_run import content
from tests.toy_stage import toy


@dataclass(frozen=True)
class Config:
    level: int = 1


def write(job: Work) -> None:
    (job.out / "value.txt").write_text(job.subject)


def failing(error: BaseException, *subjects: str) -> Callable[[Work], None]:
    """Work that fails for some subjects, after it has written half."""

    def work(job: Work) -> None:
        write(job)
        (job.out / "figures").mkdir()
        if job.subject in subjects:
            raise error

    return work


def test_rows_come_in_order_and_are_handed_over_one_by_one(tmp_path: Path) -> None:
    seen: list[tuple[str, bool, bool]] = []

    def on_done(row: Status, reused: bool) -> None:
        seen.append((row.subject, reused, (tmp_path / row.subject / "value.txt").is_file()))

    for reused in (False, True):
        rows = run_shard(toy("sum"), ["b2", "a1"], tmp_path, Config(), write, on_done=on_done)
        assert [row.subject for row in rows] == ["b2", "a1"]
        assert seen == [("b2", reused, True), ("a1", reused, True)]
        seen.clear()


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (InputError("a.nii", "a scan", "none"), Failure("input", "a.nii: expected a scan, found none", "sum")),
        (GeometryError("m.vtu", "mm", "m"), Failure("geometry", "m.vtu: expected mm, found m", "sum")),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "/data/JANE_DOE/lge.nii"),
            Failure("FileNotFoundError", "lge.nii: No such file or directory", "sum"),
        ),
    ],
)
def test_a_subjects_fault_is_a_row(tmp_path: Path, error: Exception, failure: Failure) -> None:
    rows = run_shard(toy("sum"), ["a", "b", "c"], tmp_path, Config(), failing(error, "b"))
    assert [(row.outcome, row.error) for row in rows] == [("ok", None), ("failed", failure), ("ok", None)]
    assert content(tmp_path / "b").keys() == {"status.json"}


@pytest.mark.parametrize(
    "text",
    [
        "cannot read '/data/JANE_DOE/lge.nii'",
        'cannot read "/data/JANE DOE 1965/lge.nii": torn',
        "/data/JANE DOE/lge.nii: torn",
        "no file data/JANE_DOE/lge.nii",
        r"C:\scans\JANE DOE\lge.nii: torn",
        "moved /data/JANE_DOE/a.nii to /data/JANE_DOE/b.nii",
        "first line is good\n/data/JANE_DOE/lge.nii",
        "no array JANE DOE in the mesh",
        "",
    ],
)
def test_an_unforeseen_error_is_said_by_kind_and_place_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    with caplog.at_level(logging.INFO):
        [row] = run_shard(toy("sum"), ["a"], tmp_path, Config(), failing(RuntimeError(text), "a"))
    assert row.error is not None
    assert row.error.kind == "RuntimeError"
    assert re.fullmatch(r"unforeseen RuntimeError at \w+\.py:\d+", row.error.message)
    for said in (row.error.message, caplog.text, *map(str, content(tmp_path).values())):
        assert "JANE" not in said
        assert "DOE" not in said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "b: out of memory in sum"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "b: out of memory in sum"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory."), "b: out of memory in sum"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/JANE"), "no space left on the device of output"),
        (OSError(errno.EIO, "Input/output error"), "cannot write to output"),
        (SafetensorError("I/O error: No space left on device (os error 28)"), "b: no space left on device in sum"),
        (PlatformError("mesh.vtu: could not be written (disk full)"), r"mesh\.vtu: could not be written"),
    ],
)
def test_the_machines_fault_ends_the_stage_and_keeps_what_is_finished(
    tmp_path: Path, error: Exception, said: str
) -> None:
    with pytest.raises(PlatformError, match=said):
        run_shard(toy("sum"), ["a", "b", "c"], tmp_path, Config(), failing(error, "b"))
    assert {p.name for p in tmp_path.iterdir()} == {"a"}
    assert read_status(tmp_path / "a") is not None


def test_inputs_are_hashed_by_artifact_and_file(tmp_path: Path) -> None:
    (tmp_path / "scan.nii").write_bytes(b"scan")
    run_shard(toy("first"), ["a"], tmp_path / "first", Config(), write)
    [row] = run_shard(toy("second"), ["a"], tmp_path / "second", Config(), write,
        upstream={"values": tmp_path / "first"}, files=lambda subject: {"scan": tmp_path / "scan.nii"},
        reads_settings=True,
    )  # fmt: skip
    assert row.inputs.keys() == {"values/value.txt", "values/status.json", "scan"}
    assert all(len(sha) == 64 for sha in row.inputs.values())


def test_settings_of_earlier_stages_count_only_for_a_stage_that_reads_them(tmp_path: Path) -> None:
    def second(level: int, **settings: bool) -> bool:
        reused: list[bool] = []
        run_shard(toy("first"), ["a"], tmp_path / "first", Config(level), write)
        run_shard(toy("second"), ["a"], tmp_path / f"second{settings}", Config(), write,
            upstream={"values": tmp_path / "first"}, on_done=lambda row, was: reused.append(was), **settings,
        )  # fmt: skip
        return reused[0]

    assert [second(1), second(2)] == [False, True]
    assert [second(1, reads_settings=True), second(2, reads_settings=True)] == [False, False]


def test_a_checkpoint_outlives_the_machines_fault_and_goes_when_the_subject_is_done(tmp_path: Path) -> None:
    found: list[bytes | None] = []

    def work(job: Work) -> None:
        found.append(job.checkpoint.read_bytes() if job.checkpoint.exists() else None)
        job.checkpoint.write_bytes(b"half way")
        job.checkpoint.with_name(f"{job.checkpoint.name}.partial").write_bytes(b"torn")
        write(job)
        if len(found) == 1:
            raise MemoryError

    with pytest.raises(PlatformError):
        run_shard(toy("fit"), ["a"], tmp_path, Config(), work)
    (tmp_path / ".ab.checkpoint").write_bytes(b"of another subject")
    run_shard(toy("fit"), ["a"], tmp_path, Config(), work)
    assert found == [None, b"half way"]
    assert {p.name for p in tmp_path.iterdir()} == {"a", ".ab.checkpoint"}


def test_a_checkpoint_that_a_kill_left_beside_a_finished_subject_goes(tmp_path: Path) -> None:
    run_shard(toy("fit"), ["a"], tmp_path, Config(), write)
    (tmp_path / ".a.checkpoint").write_bytes(b"left")
    run_shard(toy("fit"), ["a"], tmp_path, Config(), write)
    assert {p.name for p in tmp_path.iterdir()} == {"a"}


def test_two_processes_do_not_work_on_one_subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject_folder, "_LOCK_PATIENCE_S", 0.1)
    with only_writer(tmp_path, "b"), pytest.raises(PlatformError, match=r"another process is working on 'b'"):
        run_shard(toy("sum"), ["a", "b"], tmp_path, Config(), write)
    assert {p.name for p in tmp_path.iterdir()} == {"a"}


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere", "/dev/null/x"])
def test_an_output_that_cannot_be_made_ends_the_stage(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PlatformError, match=r"^cannot write to output '[a-z]+': "):
        run_shard(toy("sum"), ["a"], tmp_path / place, Config(), write)


def test_each_line_of_the_log_says_stage_and_subject(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from cardioscar.logs import configure

    def work(job: Work) -> None:
        logging.getLogger("cardioscar.imaging").info("deep inside")
        failing(InputError("scan", "a heart", "none"), "b")(job)

    configure(stderr=True)
    try:
        for _ in range(2):
            run_shard(toy("sum"), ["a", "b"], tmp_path, Config(), work)
    finally:
        logging.getLogger("cardioscar").handlers[:] = []
        logging.getLogger("cardioscar").propagate = True
    lines = [line.split(maxsplit=4)[2:] for line in capsys.readouterr().err.splitlines()]
    assert [" ".join(line).replace("0.0 s", "- s") for line in lines] == [
        "sum a: deep inside",
        "sum a: ok in - s",
        "sum b: deep inside",
        "sum b: failed: scan: expected a heart, found none",
        "sum a: unchanged: reused",
        "sum b: deep inside",
        "sum b: failed: scan: expected a heart, found none",
    ]


def test_a_row_says_what_its_own_subject_took_in_memory(tmp_path: Path) -> None:
    def work(job: Work) -> None:
        write(job)
        if job.subject == "large":
            assert len(bytes(range(256)) * 2**20) == 2**28

    small, large, after = run_shard(toy("sum"), ["small", "large", "after"], tmp_path, Config(), work)
    assert small.peak_memory_mib > 10
    assert large.peak_memory_mib > small.peak_memory_mib + 200
    assert read_status(tmp_path / "large") == large
    assert after.cuda_peak_memory_mib is None


def test_the_log_of_a_subject_has_its_facts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        run_shard(toy("sum"), ["a", "b"], tmp_path, Config(), failing(InputError("x", "y", "z"), "b"))
    facts = {record.outcome: record for record in caplog.records if hasattr(record, "outcome")}
    assert facts["ok"].seconds >= 0
    assert facts["ok"].peak_memory_mib > 0
    assert facts["failed"].kind == "input"
