"""A worker that dies costs its own subject at most; the machine's fault and ctrl-c end the run at once."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from cardioscar.errors import PlatformError
from cardioscar.shard.status import read_status
from cardioscar.stages.run.cohort import run_cohort
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests.finished_run import OPTIONS, SUBJECTS, Run, content, hidden
from tests.processes import holder, start, wait_until, wait_until_gone

pytestmark = pytest.mark.slow


class Killer(threading.Thread):
    """Kills whichever process works on a subject in a stage, again and again."""

    def __init__(self, run: Run, stage: str, subject: str) -> None:
        super().__init__(daemon=True)
        self.lock = run.folder(stage, subject).with_name(f".{subject}.lock")
        self.killed, self.over = 0, False

    def run(self) -> None:
        while not self.over:
            worker = holder(self.lock) if self.lock.exists() else None
            if worker:
                os.kill(worker, signal.SIGKILL)
                self.killed += 1
                while holder(self.lock) == worker:
                    time.sleep(0.001)
            time.sleep(0.002)


def test_a_subject_that_kills_its_worker_is_tried_again_alone(
    finished: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Killed again it becomes a failed row in the stage where it died; who was in flight beside it is as ever."""
    run = finished.copy(tmp_path, before="evaluate")
    killer = Killer(run, "evaluate", "P002")
    killer.start()
    events: list[tuple[str, str, str]] = []
    with caplog.at_level(logging.ERROR, "cardioscar"):
        done = run.again(jobs=2, max_failed_fraction=0.5, on_event=events.append)
    killer.over = True
    killer.join()
    rows = dict(zip(SUBJECTS, done.rows, strict=True))
    assert {subject: row.outcome for subject, row in rows.items()} == {
        "P001": "ok",
        "P002": "failed",
        "P003": "ok",
    }
    assert done.reused == 0
    assert hidden(run.out) == []
    for subject in SUBJECTS:
        assert read_status(run.result(subject)) == rows[subject]
        if rows[subject].outcome == "ok":
            assert content(run.result(subject)).keys() == content(finished.result(subject)).keys()
    assert ("P001", "evaluate", "ok") in events
    assert killer.killed == 2
    failed = rows["P002"]
    assert failed.error is not None
    assert (failed.error.kind, failed.error.stage) == ("worker_died", "evaluate")
    assert failed.error.message == "its process was killed twice in evaluate (out of memory?)"
    assert content(run.result("P002")).keys() == {"run.json", "status.json"}
    assert read_status(run.folder("evaluate", "P002")) == failed
    assert events.count(("P002", "evaluate", "failed")) == 1
    assert (done.summary["ok"], done.summary["failed"]) == (2, 1)
    assert "killed twice in evaluate" in (run.out / "results" / "cohort.csv").read_text(encoding="utf-8")

    mended = run.again("P002")
    assert [row.outcome for row in mended.rows] == ["ok"]
    assert content(run.result("P002")).keys() == content(finished.result("P002")).keys()


def test_the_machines_fault_ends_the_run_and_nobody_else_is_begun(finished: Run, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir(parents=True)
    (tmp_path / "work" / "group_sort").write_text("a file in the way")
    with pytest.raises(PlatformError, match="cannot write to output 'group_sort'"):
        run_cohort(RECONSTRUCT, finished.cohort, tmp_path, OPTIONS, jobs=2)
    begun = sorted(p.name for p in (tmp_path / "work" / "preprocess").iterdir())
    assert begun == ["P001", "P002"]
    assert hidden(tmp_path) == []


@pytest.mark.parametrize(
    ("asked", "whom", "jobs", "code", "line"),
    [
        (signal.SIGINT, "group", 2, 130, "interrupted"),
        (signal.SIGTERM, "group", 2, 143, "ended by a SIGTERM"),
        (signal.SIGTERM, "parent", 2, 143, "ended by a SIGTERM"),
        (signal.SIGTERM, "parent", 1, 143, "ended by a SIGTERM"),
    ],
)
def test_a_run_that_is_asked_to_end_ends_at_once_and_goes_on_later(
    finished: Run, tmp_path: Path, asked: signal.Signals, whom: str, jobs: int, code: int, line: str
) -> None:
    run = finished.copy(tmp_path, before="train")
    process = start(run, f"--jobs={jobs}", "--tracking-uri=off", steps=1_000_000)
    assert wait_until(lambda: run.folder("train").with_name(".P001.checkpoint").exists(), process)
    (os.killpg if whom == "group" else os.kill)(process.pid, asked)
    said = process.communicate(timeout=120)[0]  # the fit that it leaves would take hours
    assert process.returncode == code, said
    assert said.splitlines()[-1] == f"cardioscar: {line}; run the same command again to go on"
    assert "Traceback" not in said
    assert "leaked" not in said
    assert wait_until_gone(process.pid)
    assert [row.outcome for row in run.again().rows] == ["ok"] * 3
    assert hidden(run.out) == []
