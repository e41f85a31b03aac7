"""A whole cohort on one machine: every subject through every stage, in a pool of processes, without Kubeflow."""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cardioscar.errors import CardioscarError, PlatformError, UnreachableError
from cardioscar.stages.status import Failure, Status

log = logging.getLogger(__name__)

STAGES = ("preprocess", "group_sort", "train", "infer", "evaluate")
Event = tuple[str, str, str]
"""Subject, stage, outcome."""


@dataclass(frozen=True)
class CohortRun:
    """What a run did.

    Attributes:
        summary: Numbers of the cohort, see `summarize_cohort`.
        rows: Last row of each subject.
        reused: Subjects for which nothing had to be done.
        seconds: Wall time of the parts in seconds.
    """

    summary: dict[str, Any]
    rows: list[Status]
    reused: int
    seconds: dict[str, float] = field(default_factory=dict)


def run_cohort(
    cohort: str | Path,
    out: str | Path,
    options: Mapping[str, Mapping[str, Any]],
    *,
    subjects: str = "",
    jobs: int = 0,
    tracking_uri: str = "",
    experiment: str = "cardioscar",
    max_failed_fraction: float = 0.1,
    on_event: Callable[[Event], None] = lambda event: None,
) -> CohortRun:
    """Run a cohort.

    Args:
        cohort: Folder of subject folders, of a `cohort.csv`, or of one subject.
        out: Output folder: `work/<stage>/<subject>`, `results/<subject>`, `results/cohort.html`.
        options: Settings of each stage by its name.
        subjects: Comma-separated ids; empty for all.
        jobs: Processes; 0 takes one for each core, at most one for each subject.
        tracking_uri: MLflow server or local store; empty tracks nothing.
        experiment: Name of the cohort's experiment.
        max_failed_fraction: Largest share of failed subjects with which the run counts as done.
        on_event: Called as subjects finish stages.

    Returns:
        What was done.

    Raises:
        PlatformError: If the machine fails.
        UnreachableError: If the tracking server does not answer; all results are on disk.
        CohortRejected: If too many subjects failed; the report is written.
    """
    from cardioscar.stages import evaluate, summarize_cohort
    from cardioscar.stages.list_subjects import select

    out = Path(out)
    began = time.perf_counter()
    ids = [entry.subject for entry in select(str(cohort), subjects)]
    try:
        (out / "work").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlatformError(f"cannot write to output '{out.name}': {error.strerror}") from error
    jobs = min(jobs or len(os.sched_getaffinity(0)), len(ids))
    events: dict[str, list[Event]] = {}

    def note(event: Event) -> None:
        events.setdefault(event[0], []).append(event)
        on_event(event)

    if jobs == 1:
        rows = {subject: run_subject(str(cohort), subject, str(out), options, note) for subject in ids}
    else:
        rows = _in_pool(ids, str(cohort), str(out), options, jobs, note)
    seconds = {"reconstruct": time.perf_counter() - began}

    unreachable = None
    clock = time.perf_counter()
    if tracking_uri:
        work = out / "work"
        try:
            evaluate.record(
                [rows[i] for i in ids], groups=work / "preprocess", fields=work / "train", scars=work / "infer",
                output=work / "evaluate", uri=tracking_uri, experiment=experiment,
                on_done=lambda subject, reused: note((subject, "track", "reused" if reused else "ok")),
            )  # fmt: skip
        except UnreachableError as error:
            # the cohort's report comes first: tracking can be repeated, and this run will say so at its end
            unreachable = error
    seconds["track"] = time.perf_counter() - clock
    clock = time.perf_counter()
    summary = summarize_cohort.run(
        cohort, out / "results", "", max_failed_fraction, tracking_uri, experiment, subjects,
        track=bool(tracking_uri) and unreachable is None,
    )  # fmt: skip
    seconds["summarize"] = time.perf_counter() - clock
    if unreachable:
        raise unreachable
    reused = sum(all(outcome == "reused" for *_, outcome in events.get(i, [("", "", "")])) for i in ids)
    return CohortRun(summary, [rows[i] for i in ids], reused, seconds)


def run_subject(
    cohort: str,
    subject: str,
    out: str,
    options: Mapping[str, Mapping[str, Any]],
    note: Callable[[Event], None],
) -> Status:
    """Take one subject through all stages (a shard of one) and publish its results; returns its last row."""
    from cardioscar.stages import evaluate, group_sort, infer, preprocess, train

    work = {stage: Path(out) / "work" / stage for stage in STAGES}
    began = time.time()

    def done(row: Status) -> None:
        from datetime import datetime

        fresh = datetime.fromisoformat(row.started).timestamp() >= int(began) if row.started else True
        note((subject, row.stage, row.outcome if fresh or row.outcome != "ok" else "reused"))

    ids, hooks = [subject], {"on_done": done}
    preprocess.run(cohort, ids, str(work["preprocess"]), options.get("preprocess"), **hooks)
    group_sort.run(work["preprocess"], ids, work["group_sort"], options.get("group_sort"), **hooks)
    train.run(work["group_sort"], ids, work["train"], options.get("train"), **hooks)
    infer.run(
        work["preprocess"],
        work["group_sort"],
        work["train"],
        ids,
        work["infer"],
        options.get("infer"),
        **hooks,
    )
    [row] = evaluate.run(
        cohort, work["preprocess"], work["group_sort"], work["train"], work["infer"], ids, work["evaluate"],
        options.get("evaluate"), results_uri=Path(out) / "results", track=False, **hooks,
    )  # fmt: skip
    return row


_events: Any = None


def _start_worker(events: Any, threads: int, log_file: str, level: int) -> None:
    global _events
    _events = events
    # before torch is imported: two subjects must not fight for the same cores
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    from cardioscar.stages.logs import configure

    configure(level, log_file)


def _work(cohort: str, subject: str, out: str, options: Mapping[str, Mapping[str, Any]]) -> Status:
    return run_subject(cohort, subject, out, options, _events.put)


def _in_pool(
    ids: Sequence[str],
    cohort: str,
    out: str,
    options: Mapping[str, Mapping[str, Any]],
    jobs: int,
    note: Callable[[Event], None],
) -> dict[str, Status]:
    """Run subjects in worker processes. A worker that dies takes its pool with it, so those who were in flight run again
    alone, one at a time: the one that kills its worker again becomes a failed row."""
    rows: dict[str, Status] = {}
    suspects = _pool(list(ids), cohort, out, options, jobs, note, rows)
    for subject in suspects:
        if _pool([subject], cohort, out, options, 1, note, rows):
            failure = Failure("worker_died", "its process was killed twice (out of memory?)", "unknown")
            rows[subject] = _dead(out, subject, failure)
            note((subject, "evaluate", "failed"))
    return rows


def _pool(
    ids: list[str],
    cohort: str,
    out: str,
    options: Mapping[str, Mapping[str, Any]],
    jobs: int,
    note: Callable[[Event], None],
    rows: dict[str, Status],
) -> list[str]:
    context = multiprocessing.get_context("spawn")  # fork copies torch's and VTK's threads in an undefined state
    events = context.SimpleQueue()
    threads = max(1, len(os.sched_getaffinity(0)) // jobs)
    settings = (events, threads, str(Path(out) / "run.log"), logging.getLogger("cardioscar").level)
    lost = []
    with ProcessPoolExecutor(jobs, context, _start_worker, settings) as pool:
        futures: dict[Future[Status], str] = {pool.submit(_work, cohort, i, out, options): i for i in ids}
        pending = set(futures)
        while pending:
            finished, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
            while not events.empty():
                note(events.get())
            for future in finished:
                try:
                    rows[futures[future]] = future.result()
                except BrokenProcessPool:
                    lost.append(futures[future])
                except CardioscarError:
                    for other in pending:
                        other.cancel()
                    raise
        while not events.empty():
            note(events.get())
    return lost


def _dead(out: str, subject: str, failure: Failure) -> Status:
    from cardioscar.stages.status import write_status
    from cardioscar.stages.subjects import publish_folder

    row = Status(subject, failure.stage, "failed", error=failure)
    scratch = Path(out) / "results" / f".{subject}.partial"
    scratch.mkdir(parents=True, exist_ok=True)
    write_status(scratch, row)
    publish_folder(scratch, Path(out) / "results" / subject)
    return row
