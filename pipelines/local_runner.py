"""Run a compiled pipeline on this machine with `kfp.local`, each task a subprocess or a container."""

import builtins
import contextlib
import dataclasses
import itertools
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kfp import components, local
from kfp.local import subprocess_task_handler

from components.data_processing.list_subjects import list_subjects
from pipelines.ir import IR, find
from pipelines.local_containers import Containers

WORKERS = 2
"""Iterations of a loop that `kfp.local` runs at once; it takes no other number."""

LISTING: str = list_subjects.python_func.__name__
"""The task that deals the subjects into shards."""

_ITERATION = re.compile(r"-iteration-(\d+)")
_PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")


class TaskFailedError(RuntimeError):
    """A task of the pipeline ended with an error.

    Attributes:
        record: The task.
    """

    def __init__(self, record: "TaskRecord") -> None:
        super().__init__(f"{record.name}: {record.reason}")
        self.record = record


@dataclasses.dataclass
class TaskRecord:
    """One task of a run.

    Attributes:
        name: Name of the component's function.
        iteration: Iteration of the loop that the task belongs to, counted from 0; None outside loops.
        log: File with everything that the task printed.
        parameters: Input parameters.
        output_file: Where the task left its output parameters.
        artifacts: Path of each output artifact.
        seconds: Wall time; None while the task runs.
        exit_code: Exit code of the process; None while the task runs.
    """

    name: str
    iteration: int | None
    log: Path
    parameters: dict[str, Any]
    output_file: Path
    artifacts: dict[str, Path]
    seconds: float | None = None
    exit_code: int | None = None

    @property
    def reason(self) -> str:
        """Last line of the log: the message of the error where there was one."""
        lines = [line for line in self.log.read_text(encoding="utf-8").splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"exit code {self.exit_code}, no output"

    @property
    def outputs(self) -> dict[str, Any]:
        """Output parameters of a finished task."""
        written = json.loads(self.output_file.read_text(encoding="utf-8")) if self.output_file.is_file() else {}
        return dict(written.get("parameterValues", {}))


def run_pipeline(
    ir: IR,
    arguments: Mapping[str, Any],
    *,
    root: Path,
    containers: Containers | None = None,
    on_start: Callable[[TaskRecord], None] = lambda record: None,
    on_end: Callable[[TaskRecord], None] = lambda record: None,
) -> list[TaskRecord]:
    """Run a compiled pipeline here and now.

    Settings for Kubernetes (resources, selectors, secrets) have no effect, and nothing is retried.

    Args:
        ir: Compiled pipeline.
        arguments: Its parameters.
        root: Working directory of the tasks; receives `artifacts` and `logs`.
        containers: How to run each task in a container of its image; None runs subprocesses of this Python.
        on_start: Called when a task starts, from the thread that runs it.
        on_end: Called when a task has ended, from the thread that runs it.

    Returns:
        The tasks in the order in which they started.

    Raises:
        TaskFailedError: If a task ends with an error; tasks that depend on it have not run.
    """
    logs = root / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    records: list[TaskRecord] = []
    lock = threading.Lock()

    def run_task(command: list[str], start: Callable[[TaskRecord, dict[str, str]], int]) -> int:
        record = _describe(command, logs)
        with lock:
            shards = next((len(r.outputs.get("Output", [])) for r in records if r.name == LISTING), 1)
            records.append(record)
        on_start(record)
        started = time.monotonic()
        record.exit_code = start(record, _threads(min(shards, WORKERS)))
        record.seconds = time.monotonic() - started
        on_end(record)
        return record.exit_code

    def run_process(full_command: list[str], env_vars: Mapping[str, str] | None = None) -> int:
        def start(record: TaskRecord, threads: dict[str, str]) -> int:
            environment = {**os.environ, **threads, **(env_vars or {})}
            with record.log.open("w", encoding="utf-8") as log:
                return subprocess.run(  # noqa: S603 (the command is the pipeline's own)
                    full_command, stdout=log, stderr=subprocess.STDOUT, cwd=root, env=environment, check=False
                ).returncode

        return run_task(full_command, start)

    def run_container(client: Any, image: str, command: list[str], volumes: Any, **options: Any) -> int:
        def start(record: TaskRecord, threads: dict[str, str]) -> int:
            assert containers is not None  # only then is this function used
            given = {**threads, **(options.get("environment") or {})}
            return containers.run(client, _resolved(image, record.parameters), command, volumes, given, record.log)

        return run_task(command, start)

    artifacts = root / "artifacts"
    runner: local.DockerRunner | local.SubprocessRunner
    if containers:
        # kfp makes folders as this user, and containers write into them as theirs
        artifacts.mkdir(mode=0o777, exist_ok=True)
        artifacts.chmod(0o777)
        from kfp.local import docker_task_handler  # needs the package docker

        runner, starter = local.DockerRunner(), _started_by(docker_task_handler, "run_docker_container", run_container)
    else:
        runner = local.SubprocessRunner(use_venv=False)
        starter = _started_by(subprocess_task_handler, "run_local_subprocess", run_process)
    local.init(runner, pipeline_root=str(artifacts), raise_on_error=True)
    run = components.load_component_from_text(_without_retries(ir).dump())
    with _quiet(logs / "kfp.log"), starter:
        try:
            run(**arguments)
        except RuntimeError as error:  # kfp's only way to say that a task failed
            failed = next((r for r in records if r.exit_code), None)
            if failed is None:
                raise
            raise TaskFailedError(failed) from error
    return records


def _describe(command: list[str], logs: Path) -> TaskRecord:
    call = dict(itertools.pairwise(command))
    name, executor_input = call["--function_to_execute"], json.loads(call["--executor_input"])
    output_file = Path(executor_input["outputs"]["outputFile"])
    found = _ITERATION.search(str(output_file))
    iteration = int(found[1]) if found else None
    artifacts = executor_input["outputs"].get("artifacts", {})
    return TaskRecord(
        name=name,
        iteration=iteration,
        log=logs / (f"{name}.log" if iteration is None else f"{name}-{iteration}.log"),
        parameters=executor_input.get("inputs", {}).get("parameterValues", {}),
        output_file=output_file,
        artifacts={key: Path(value["artifacts"][0]["uri"]) for key, value in artifacts.items()},
    )


def _resolved(image: str, parameters: Mapping[str, Any]) -> str:
    """Put parameters into an image's name: kfp 2.17 does so for commands alone."""
    return _PLACEHOLDER.sub(lambda found: str(parameters[found[1]]), image)


def _threads(workers: int) -> dict[str, str]:
    """Share the cores among the tasks that run at once, unless the caller has set the number of threads."""
    count = str(max(1, len(os.sched_getaffinity(0)) // workers)) if hasattr(os, "sched_getaffinity") else "1"
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {name: os.environ.get(name, count) for name in names}


def _without_retries(ir: IR) -> IR:
    """Drop retries: on one machine they only delay the message."""
    copy = IR.parse(ir.dump())
    for tasks in find(copy.pipeline, "tasks"):
        for task in tasks.values():
            task.pop("retryPolicy", None)
    return copy


@contextlib.contextmanager
def _started_by(module: Any, name: str, start: Callable[..., int]) -> Iterator[None]:
    """Let our own function start the tasks.

    kfp itself mixes the output of tasks that run at once, and takes a container that is gone before it asks for its
    exit code for one that ended well.
    """
    original = getattr(module, name)
    setattr(module, name, start)
    try:
        yield
    finally:
        setattr(module, name, original)


@contextlib.contextmanager
def _quiet(log: Path) -> Iterator[None]:
    """Send what kfp itself prints to a file, and undo what it does to `print` and to the root logger.

    kfp swaps both for each task, and tasks of a loop that run at once restore each other's swap.
    """
    logger, printer = logging.getLogger(), builtins.print
    level, handlers = logger.level, logger.handlers[:]
    try:
        with (
            log.open("w", encoding="utf-8") as stream,
            contextlib.redirect_stdout(stream),
            warnings.catch_warnings(),
        ):
            warnings.filterwarnings("ignore", message=r".*no effect in the current local runner")
            warnings.filterwarnings("ignore", message=r"You may be attemping to run a task")
            yield
    finally:
        builtins.print = printer
        logger.handlers[:] = handlers
        logger.setLevel(level)
        sys.stdout.flush()
