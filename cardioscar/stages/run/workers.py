"""Worker processes for the subjects of a run: one that dies costs nobody else's work, and none outlives the run."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cardioscar import __version__
from cardioscar.files.folders import fresh_folder, only_writer, platform_faults
from cardioscar.logs import about, configure
from cardioscar.results.opening import open_results
from cardioscar.results.publication import gather
from cardioscar.services.pushgateway import URL_VARIABLE
from cardioscar.shard.own_files import keep, strangers_in
from cardioscar.shard.status import Failure, Status, write_status
from cardioscar.stages.run.subject import Event, OnEvent, Plan, run_subject

log = logging.getLogger(__name__)


def run_in_workers(ids: Sequence[str], plan: Plan, jobs: int, note: OnEvent) -> dict[str, Status]:
    """Run subjects in worker processes.

    A worker that is killed (by the kernel, for want of memory, or by a crash in a library) takes its pool with it, so
    those who were in flight run again alone, one at a time: one who kills the worker again becomes a failed row.

    Args:
        ids: Subjects.
        plan: What they have in common.
        jobs: Number of workers.
        note: Called with what happens to the subjects.

    Returns:
        Last row of each subject.

    Raises:
        PlatformError: If the machine fails. Subjects in flight end first; those who wait are not begun.
    """
    rows: dict[str, Status] = {}
    reached = dict.fromkeys(ids, "")

    def heard(event: Event) -> None:
        reached[event[0]] = event[1]
        note(event)

    waiting = deque(ids)
    while waiting:
        for subject in _pool(waiting, plan, jobs, heard, rows):
            reached[subject] = ""
            if _pool(deque([subject]), plan, 1, heard, rows):
                rows[subject] = _dead(subject, reached[subject], plan)
                note((subject, plan.workflow.names[-1], "failed"))
    return rows


def _pool(waiting: deque[str], plan: Plan, jobs: int, note: OnEvent, rows: dict[str, Status]) -> list[str]:
    """Work until nobody waits or a worker dies; returns those who were in flight then.

    A subject is handed over when a worker is free for it, so that few are in flight.
    """
    context = multiprocessing.get_context("spawn")  # fork copies torch's and VTK's threads in an undefined state
    events = context.SimpleQueue()
    threads = max(1, len(os.sched_getaffinity(0)) // jobs)
    settings = (events, threads, str(Path(plan.out) / "run.log"), logging.getLogger("cardioscar").level)
    others = set(multiprocessing.active_children())
    flying: dict[Future[Status], str] = {}
    lost: list[str] = []
    with ProcessPoolExecutor(jobs, context, _start_worker, settings) as pool:
        try:
            while flying or (waiting and not lost):
                while waiting and not lost and len(flying) < jobs:
                    future = pool.submit(_work, plan.of(waiting[0]), waiting[0])
                    flying[future] = waiting.popleft()
                finished = wait(flying, timeout=0.2, return_when=FIRST_COMPLETED).done
                while not events.empty():
                    note(events.get())
                for future in finished:
                    subject = flying.pop(future)
                    try:
                        rows[subject] = future.result()
                    except BrokenProcessPool:
                        lost.append(subject)
        except BrokenProcessPool:  # while it was idle: the one to be handed over still waits
            return [*lost, *flying.values()]
        except KeyboardInterrupt:
            # whatever stage they are in: folders are whole or absent, and a fit has its checkpoint
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
            raise
        while not events.empty():
            note(events.get())
    return lost


_events: Any = None


def _start_worker(events: Any, threads: int, log_file: str, level: int) -> None:
    global _events
    _events = events
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    # ctrl-c reaches the whole process group; the parent decides
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # before torch is imported: two subjects must not fight for the same cores
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    # a worker runs shards of one, each of which would be a group of its own on the gateway
    os.environ.pop(URL_VARIABLE, None)
    configure(level, log_file)


def _end_with_parent() -> None:
    """End this process when its parent is gone, killed ones included: nobody would collect what it makes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(plan: Plan, subject: str) -> Status:
    return run_subject(plan, subject, _events.put)


def _dead(subject: str, reached: str, plan: Plan) -> Status:
    """Write the row of a subject whose worker died, for the stage after the last that it finished."""
    names = plan.workflow.names
    stage = names[min(names.index(reached) + 1, len(names) - 1)] if reached else names[0]
    failure = Failure("worker_died", f"its process was killed twice in {stage} (out of memory?)", stage)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    row = Status(subject, stage, "failed", error=failure, started=started, version=__version__)
    artifact = Path(plan.out) / "work" / stage
    with about(stage, subject):
        log.error("failed: %s", failure.message)
        with platform_faults(artifact):
            artifact.mkdir(parents=True, exist_ok=True)
            final = artifact / subject
            with only_writer(artifact, subject), fresh_folder(final) as scratch:
                write_status(scratch, row)
                keep(strangers_in(final, plan.workflow[stage].own), final, scratch)
        own, recording = plan.workflow.results, plan.recording
        open_results(recording.results, own).publish(gather(row, artifact, [], own), recording.run_id)
    return row
