"""A whole cohort on one machine: every subject through every stage, in a pool of processes, without Kubeflow."""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.source import CohortSource
from cardioscar.errors import ConfigError
from cardioscar.files.folders import platform_faults
from cardioscar.results.opening import open_results
from cardioscar.shard.own_files import strangers_in
from cardioscar.shard.run_lock import run_lock
from cardioscar.shard.status import Status
from cardioscar.stages.networks import registry_at
from cardioscar.stages.recording import UNPUBLISHED, Recording
from cardioscar.stages.run.subject import Event, OnEvent, Plan, run_subject
from cardioscar.workflow import Workflow

log = logging.getLogger(__name__)


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
    workflow: Workflow,
    cohort: str | Path | CohortSource,
    out: str | Path,
    options: Mapping[str, Mapping[str, Any]],
    *,
    subjects: str = "",
    jobs: int = 0,
    recording: Recording = UNPUBLISHED,
    max_failed_fraction: float = 0.1,
    on_event: OnEvent = lambda event: None,
) -> CohortRun:
    """Run a cohort.

    Args:
        workflow: The stages of the family whose cohort it is.
        cohort: Folder or `s3://` prefix of subject folders, of a `cohort.csv`, or of one subject; or one that is open.
            It is listed once.
        out: Output folder: `work/<stage>/<subject>`, and the results unless they go elsewhere.
        options: Settings of each stage by its name.
        subjects: Comma-separated ids; empty for all.
        jobs: Worker processes; 0 takes one for each core, at most one for each subject. 1 works in this process, which
            a subject that crashes its process takes along; one subject alone does too.
        recording: Where results go, by default to `results` in the output folder, and where the run is recorded; an
            empty address tracks nothing here. The run gives itself a name.
        max_failed_fraction: Largest share of failed subjects with which the run counts as done; maps that fail quality
            control count.
        on_event: Called as subjects finish stages.

    Returns:
        What was done.

    Raises:
        InputError: If there is no such cohort, subject or setting, or files of others are where results or the stages'
            artifacts are to lie (before any work).
        PlatformError: If the machine fails, or another run is at work in the same output; what is finished stays.
        NotRecordedError: If the tracking server does not answer any more; all results and the report are published.
        StoreFailedError: If MLflow or its local store fails; all results and the report are published.
        UnreachableError: If the object store does not answer; what is finished stays in the output folder.
        CohortRejected: If too many subjects failed; the report is written.
    """
    from cardioscar.cohort.selection import select
    from cardioscar.stages.ask_services import ask_services

    recording = replace(
        recording, results=recording.results or str(Path(out) / "results"), run_id=uuid.uuid4().hex,
        track=recording.track and bool(recording.tracking),
    )  # fmt: skip
    with registry_at(recording.tracking):
        _check(workflow, options, jobs, recording, max_failed_fraction)
    out = Path(out)
    # a run that goes on after an interruption finds every subject anew, and so vouches for all of them
    source = open_cohort(cohort, workflow.layout)
    plan = Plan(workflow, source, str(out), options, recording)
    ids = [entry.subject for entry in select(source, subjects)]
    with registry_at(recording.tracking):
        for stage in workflow:
            stage.check_cohort(options.get(stage.name, {}), source, ids)
    source.ask()
    ask_services(recording, workflow.model)
    published = open_results(recording.results, workflow.results)
    published.check(ids)
    with platform_faults(out):
        for stage, subject in product(workflow, ids):
            strangers_in(out / "work" / stage.name / subject, stage.own)
    with platform_faults(out):
        (out / "work").mkdir(parents=True, exist_ok=True)
    with run_lock(out, ids), published.in_use():
        events: dict[str, list[Event]] = {subject: [] for subject in ids}

        def note(event: Event) -> None:
            events[event[0]].append(event)
            on_event(event)

        clock = time.perf_counter()
        rows = _work(ids, plan, jobs, note)
        seconds = {workflow.name: time.perf_counter() - clock}
        summary = _conclude(plan, rows, subjects, max_failed_fraction, note, seconds)
    reused = sum(all(outcome == "reused" for *_, outcome in of_subject) for of_subject in events.values())
    return CohortRun(summary, rows, reused, seconds)


def _check(
    workflow: Workflow,
    options: Mapping[str, Mapping[str, Any]],
    jobs: int,
    recording: Recording,
    max_failed_fraction: float,
) -> None:
    """Refuse at once what would be refused after hours."""
    from cardioscar.stages.summarize_cohort import check_fraction

    workflow.check_options(options)
    if jobs < 0:
        raise ConfigError("jobs", "0 or more processes", str(jobs))
    check_fraction(max_failed_fraction)
    for stage in workflow:
        stage.check_machine(options.get(stage.name, {}))
    if recording.tracking_uri:
        _ = recording.target


def _work(ids: list[str], plan: Plan, jobs: int, note: OnEvent) -> list[Status]:
    if jobs == 1 or len(ids) == 1:
        return [run_subject(plan.of(subject), subject, note) for subject in ids]
    from cardioscar.stages.run.workers import run_in_workers

    rows = run_in_workers(ids, plan, min(jobs or len(os.sched_getaffinity(0)), len(ids)), note)
    return [rows[subject] for subject in ids]


def _conclude(
    plan: Plan,
    rows: list[Status],
    subjects: str,
    max_failed_fraction: float,
    note: OnEvent,
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Write the cohort's report, then record the subjects and it: what MLflow does costs nothing that is done."""
    from cardioscar.stages import summarize_cohort

    clock = time.perf_counter()

    def record() -> None:
        work = Path(plan.out) / "work"
        plan.workflow.publisher.record(
            rows,
            [work / stage for stage in plan.workflow.names],
            plan.recording,
            on_done=lambda subject, reused: note((subject, "track", "reused" if reused else "ok")),
        )
        seconds["track"] = time.perf_counter() - clock

    summary = summarize_cohort.run(
        plan.cohort, plan.recording, "", max_failed_fraction, subjects,
        record_first=record if plan.workflow.model else None, family=plan.workflow
    )  # fmt: skip
    seconds["summarize"] = time.perf_counter() - clock - seconds.get("track", 0.0)
    return summary
