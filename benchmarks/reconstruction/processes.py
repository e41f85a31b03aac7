"""Trials in processes of their own, so that each one's peak memory is its own."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.reconstruction.trial import Trial, run

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_all(
    trials: Sequence[Trial],
    *,
    jobs: int = 1,
    limit_s: float = 1800.0,
    work: Callable[[Trial], dict[str, Any]] = run,
) -> Iterator[tuple[Trial, dict[str, Any]]]:
    """Run trials, each in a fresh process with one thread.

    The processes are forked from a server that has loaded the libraries and nothing else, so loading them is neither
    timed nor repeated.

    Args:
        trials: What to run.
        jobs: Trials at a time.
        limit_s: A trial that takes longer is ended.
        work: What is done in each process.

    Yields:
        Each trial with its outcome as it ends; `error` says in one line what went wrong.
    """
    for name in THREAD_LIMITS:
        os.environ[name] = "1"
    context = multiprocessing.get_context("forkserver")
    # the runner too: a process that had to import it would take the files as they are by then
    context.set_forkserver_preload([f"benchmarks.reconstruction.{name}" for name in ("trial", "processes", "__main__")])

    def one(trial: Trial) -> dict[str, Any]:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_answer, args=(work, trial, theirs), daemon=True)
        process.start()
        theirs.close()
        try:
            outcome: dict[str, Any] = ours.recv() if ours.poll(limit_s) else {"error": f"not done after {limit_s:g} s"}
        except EOFError:
            process.join()
            outcome = {"error": f"the process ended with exit code {process.exitcode}"}
        process.kill()
        process.join()
        return outcome

    pool = ThreadPoolExecutor(jobs)
    try:
        waiting = {pool.submit(one, trial): trial for trial in trials}
        for done in as_completed(waiting):
            yield waiting[done], done.result()
    finally:
        pool.shutdown(cancel_futures=True)  # whoever interrupts a run does not want the rest of it


def _answer(work: Callable[[Trial], dict[str, Any]], trial: Trial, to: Connection) -> None:
    try:
        outcome = work(trial)
    except Exception as error:  # noqa: BLE001 - one method's fault is a row, and the others go on
        traceback.print_exc()
        outcome = {"error": f"{type(error).__name__}: {error}"}
    to.send(outcome)
