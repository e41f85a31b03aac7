"""Runs that are killed and started again end like runs that nobody disturbed."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import logging
import os
import random
import shutil
import signal
import time
from collections import Counter
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from cardioscar.files.folders import file_hashes
from cardioscar.report import cohort as cohort_page
from cardioscar.results.folder import FolderResults
from cardioscar.results.opening import open_results
from cardioscar.results.publication import Publication, gather, stamp_bytes
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.shard.status import Status, read_status
from cardioscar.stages import summarize_cohort
from cardioscar.stages.recording import Recording
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests.finished_run import SUBJECTS, Run, content, hidden
from tests.processes import kill_group, members, start, wait_until, wait_until_gone
from tests.stored import objects

summarize_cohort_of_scar = partial(summarize_cohort.run, family=RECONSTRUCT)

TIMES = {"seconds", "started"}


def same_result(one: Path, other: Path) -> None:
    """The published results of a subject agree in all but times."""
    a, b = content(one), content(other)
    assert a.keys() == b.keys()
    for name in ("scar.vtu", "field.safetensors"):
        assert a[name] == b[name]
    numbers = [json.loads(files["metrics.json"]) for files in (a, b)]
    for metrics in numbers:
        del metrics["fit"]["seconds"]
    assert numbers[0] == numbers[1]


def hashes_agree(result: Path) -> None:
    row = read_status(result)
    assert row is not None
    assert file_hashes(result).items() >= row.outputs.items()


def published_of(run: Run, row: Status) -> Publication:
    """What is published with a row of `evaluate`."""
    earlier = [run.artifact("infer"), run.artifact("train")]
    return gather(row, run.artifact("evaluate"), earlier, RECONSTRUCT.results)


@pytest.mark.slow
@pytest.mark.parametrize("stage", RECONSTRUCT.names)
def test_a_run_killed_in_a_stage_goes_on(
    finished: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture, stage: str
) -> None:
    run = finished.copy(tmp_path, before=stage)
    scratch, checkpoint = run.folder(stage).with_name(".P001.partial"), run.folder(stage).with_name(".P001.checkpoint")
    inside = checkpoint if stage == "train" else scratch
    for _ in range(5):  # a stage may be over before the signal arrives
        process = start(run, "--subjects=P001", "--tracking-uri=off")
        assert wait_until(inside.exists, process), process.communicate()[0]
        kill_group(process)
        if not run.folder(stage).exists():
            break
        run.folder(stage).rename(tmp_path / "too late")
    assert scratch.exists()
    assert inside.exists()
    assert not run.result().exists()
    for earlier in RECONSTRUCT.names[: RECONSTRUCT.names.index(stage)]:
        assert content(run.folder(earlier)) == content(finished.folder(earlier))

    with caplog.at_level(logging.INFO, "cardioscar"):
        again = run.again("P001")
    assert ("resumes at epoch" in caplog.text) == (stage == "train")
    assert [row.outcome for row in again.rows] == ["ok"]
    same_result(run.result(), finished.result())
    assert hidden(run.out) == []


def in_killed_child(action: object, module: object, name: str, calls: int) -> None:
    """Call in a forked process that kills itself at the given call of a function of a module."""
    original = getattr(module, name)
    pid = os.fork()
    if pid == 0:
        done = 0

        def counted(*arguments: object, **settings: object) -> object:
            nonlocal done
            done += 1
            if done == calls:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **settings)

        setattr(module, name, counted)
        try:
            action()  # type: ignore[operator]
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("copied", [1, 2, 4])
@pytest.mark.parametrize("published", [True, False])
def test_a_run_killed_while_it_publishes_goes_on(finished: Run, tmp_path: Path, published: bool, copied: int) -> None:
    """Killed at the first, second or fourth file: the published folder is the earlier one, or absent, never half."""
    run = finished.copy(tmp_path)
    row = read_status(run.folder("evaluate"))
    assert row is not None
    before = content(run.result())
    if published:
        (run.result() / "metrics.json").write_text("of an earlier run")
        before = content(run.result())
    else:
        for path in (*run.result().rglob("*.*"), run.result() / "figures", run.result()):
            path.unlink() if path.is_file() else path.rmdir()

    def publish() -> None:
        what = published_of(run, row)
        FolderResults(results, RECONSTRUCT.results).publish(what, "run-2")

    results = run.result().parent
    in_killed_child(publish, shutil, "copyfile", copied)
    assert ".P001.partial" in hidden(results)
    assert content(run.result()) == (before if published else {})

    publish()
    assert (run.result() / "run.json").read_bytes() == stamp_bytes("run-2", (run.result() / "status.json").read_bytes())
    same_result(run.result(), finished.result())
    hashes_agree(run.result())
    assert hidden(results) == []


@pytest.mark.parametrize(("published", "sent"), [(True, 2), (True, 3), (False, 1), (False, 4), (False, 8)])
def test_a_run_killed_while_it_publishes_to_a_store_goes_on(
    finished: Run, bucket: S3Place, published: bool, sent: int
) -> None:
    """Killed at one of the objects: whoever sees a row sees the whole result that it tells of."""
    from cardioscar.services.store import object_io as s3_object

    row, results = read_status(finished.folder("evaluate")), open_results(str(bucket / "results"), RECONSTRUCT.results)
    assert row is not None
    what = published_of(finished, row)
    if published:
        earlier = dataclasses.replace(row, started="of an earlier run")
        older = dataclasses.replace(what, row=earlier, files=what.files | {"metrics.json": what.files["field.json"]})
        results.publish(dataclasses.replace(older, hashes={}), "run-1")

    in_killed_child(lambda: results.publish(what, "run-2"), s3_object, "upload", sent)
    [seen] = results.results(["P001"])
    assert seen.row is None
    assert summarized(finished, bucket, "run-2") == "no result: its shard did not finish"

    results.publish(what, "run-2")
    found = objects(bucket / "results/P001")
    assert {name: found[name] for name in what.files} == {n: path.read_bytes() for n, path in what.files.items()}
    assert found.keys() == {*what.files, "run.json", "status.json"}
    assert found["run.json"] == stamp_bytes("run-2", found["status.json"])


def summarized(run: Run, bucket: S3Place, run_id: str) -> str:
    """What the cohort's table says of the first subject."""
    at = str(bucket / "results")
    summarize_cohort_of_scar(
        run.cohort, Recording(at, run_id=run_id, track=False), max_failed_fraction=1, subjects="P001"
    )
    [row] = csv.DictReader(io.StringIO(open_results(at, RECONSTRUCT.results).read("cohort.csv").decode(), newline=""))
    return row["error_message"]


@pytest.mark.parametrize(
    ("module", "point"),
    [(summarize_cohort, "write_data"), (summarize_cohort, "write_csv"), (cohort_page, "write_cohort_report")],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_run_killed_while_it_writes_the_cohorts_report_goes_on(
    finished: Run, tmp_path: Path, module: ModuleType, point: str
) -> None:
    run = finished.copy(tmp_path)
    results = run.result().parent
    written = {name: (results / name).read_bytes() for name in ("cohort.csv", "cohort.html", "cohort.json")}
    for name in written:
        (results / name).unlink()

    def summarize() -> None:
        summarize_cohort_of_scar(run.cohort, Recording(str(results), track=False))

    in_killed_child(summarize, module, point, 1)
    assert not (results / "cohort.html").exists()
    summarize()
    assert {name: (results / name).read_bytes() for name in written} == written
    assert sorted(p.name for p in results.iterdir()) == [*SUBJECTS, *written]


@pytest.mark.slow
def test_workers_do_not_outlive_a_run_that_was_killed(finished: Run, tmp_path: Path) -> None:
    """Only the parent is killed: its workers end by themselves, and the next run is not locked out."""
    run = finished.copy(tmp_path, before="train")
    process = start(run, "--jobs=2", "--tracking-uri=off")
    working = [run.folder("train", subject).with_name(f".{subject}.partial") for subject in SUBJECTS]
    assert wait_until(lambda: sum(path.exists() for path in working) == 2, process), process.communicate()[0]
    assert len(members(process.pid)) >= 3
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    again = run.again(SUBJECTS[0])
    assert [row.outcome for row in again.rows] == ["ok"]
    assert wait_until_gone(process.pid), "a worker works on for nobody"
    same_result(run.result(), finished.result())


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_with_each_result_once(finished: Run, tmp_path: Path) -> None:
    """Six kills at moments of chance, from the first stage to the records in MLflow, of one process and of several."""
    pytest.importorskip("mlflow")
    from cardioscar.services.tracking.client import TrackingTarget, connect

    run = Run(finished.copy(tmp_path).cohort, tmp_path / "new")
    target = TrackingTarget.local(run.out)
    client = connect(target)  # makes the store's tables, which takes a while
    log, chance = run.out / "run.log", random.Random(3)
    killed_after = []
    for number in range(6):
        lines = log.read_bytes().count(b"\n") if log.exists() else 0
        wanted = lines + chance.randint(2, 22)
        process = start(run, f"--jobs={1 + number % 2}", "--experiment=chance")
        while process.poll() is None and (log.read_bytes().count(b"\n") if log.exists() else 0) < wanted:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.1))
        kill_group(process)
        if process.returncode == -signal.SIGKILL:
            killed_after.append(log.read_text(encoding="utf-8").splitlines()[-1].split()[2])
    assert len(killed_after) >= 3, f"the moments were too late: {killed_after}"

    run.again(recording=Recording(tracking=target.uri, experiment="chance"))
    assert sorted(p.name for p in run.result().parent.iterdir()) == [
        *SUBJECTS,
        "cohort.csv",
        "cohort.html",
        "cohort.json",
    ]
    for subject in SUBJECTS:
        same_result(run.result(subject), finished.result(subject))
        hashes_agree(run.result(subject))
    assert hidden(run.out) == []

    versions = Counter(v.tags["cs.subject"] for v in client.search_model_versions("name = 'cardioscar-scar3d'"))
    assert versions == dict.fromkeys(SUBJECTS, 1)
    [experiment] = [e for e in client.search_experiments() if e.name == "chance"]
    runs = client.search_runs([experiment.experiment_id])
    recorded = Counter(r.data.tags["cs.subject"] for r in runs if r.data.tags["cs.kind"] == "subject")
    assert recorded == dict.fromkeys(SUBJECTS, 1)
    assert {r.info.status for r in runs} == {"FINISHED"}
