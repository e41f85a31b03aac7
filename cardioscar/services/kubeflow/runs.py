"""Runs and schedules on Kubeflow: each can be asked for twice, and is there once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cardioscar.errors import CardioscarError, ConfigError, UnreachableError
from cardioscar.services.kubeflow.client import AccessRefusedError, KubeflowApi, NoAnswerError, named
from cardioscar.services.kubeflow.parameters import PipelinePackage
from cardioscar.services.kubeflow.pipelines import Source
from cardioscar.services.kubeflow.task_names import is_summary

log = logging.getLogger(__name__)

ENDED = ("SUCCEEDED", "FAILED", "SKIPPED", "CANCELED")
NOT_DONE = ("FAILED", "CANCELED", "CANCELING")
"""States in which a run does not stand in the way of another of its name."""


class RunFailedError(CardioscarError):
    """A run has ended, and its results are not accepted."""

    kind = "run"


@dataclass(frozen=True)
class Schedule:
    """When a recurring run runs."""

    cron: str
    """Six fields, seconds first, UTC: `0 0 2 * * *` is two o'clock each night."""
    max_concurrency: int = 1
    """Runs of it at the same time."""
    catchup: bool = False
    """Make up for runs that were missed while it was paused."""

    def __post_init__(self) -> None:
        fields = self.cron.split()
        if len(fields) == 5:
            raise ConfigError("--recurring", "six fields, seconds first", f"five (did you mean '0 {self.cron}'?)")
        if len(fields) != 6 and not self.cron.startswith("@"):
            raise ConfigError("--recurring", "six fields, seconds first, such as '0 0 2 * * *'", f"{len(fields)}")
        if not 1 <= self.max_concurrency <= 10:
            raise ConfigError("--max-concurrency", "1 to 10, Kubeflow's limits", str(self.max_concurrency))


@dataclass(frozen=True)
class Pace:
    """How often a waiting caller asks, and how long it bears with a server that is gone."""

    first_s: float = 2.0
    most_s: float = 30.0
    factor: float = 1.5
    outage_s: float = 900.0
    """Longest time without any answer."""
    refused_s: float = 60.0
    """Longest time of refused access: a token may have run out, and be renewed."""


def submit(
    api: KubeflowApi, source: Source, parameters: Mapping[str, Any], *, run_name: str, experiment: str
) -> tuple[Any, bool]:
    """Start a run, once for each name.

    A run of this name in this experiment that waits, runs or has succeeded is taken up, and not started again; one that
    has failed or was cancelled does not stand in the way.

    Args:
        api: Connection.
        source: What to run.
        parameters: Values of its parameters.
        run_name: Name of the run.
        experiment: Kubeflow experiment; created if absent.

    Returns:
        The run, and whether it was started now.

    Raises:
        ConfigError: If a run of this name has other parameters or another pipeline.
        UnreachableError: If the server does not answer.
    """
    import kfp_server_api as models

    identity = _ensure_experiment(api, experiment)
    earlier = list(_runs(api, identity, run_name))
    for run in earlier:
        if run.state not in NOT_DONE:
            _check_same(f"run '{run_name}'", run, source, parameters)
            return run, False
    known = {run.run_id for run in earlier}
    body = models.V2beta1Run(
        experiment_id=identity,
        display_name=run_name,
        runtime_config=models.V2beta1RuntimeConfig(parameters=dict(parameters)),
        **source.body(),
    )

    def start() -> Any:
        return api.call("start the run", api.runs.run_service_create_run, run=body, repeat=False)

    def started() -> Any | None:
        # two runs of one cohort would write the same results
        return next((run for run in _runs(api, identity, run_name) if run.run_id not in known), None)

    return api.once(start, started), True


def schedule(
    api: KubeflowApi,
    source: Source,
    parameters: Mapping[str, Any],
    when: Schedule,
    *,
    name: str,
    experiment: str,
    replace: bool = False,
) -> tuple[Any, bool]:
    """Set up a recurring run, once for each name.

    Args:
        api: Connection.
        source: What to run.
        parameters: Values of its parameters.
        when: Its schedule.
        name: Name of the recurring run.
        experiment: Kubeflow experiment; created if absent.
        replace: Delete a recurring run of this name that differs. Kubeflow cannot change one.

    Returns:
        The recurring run, and whether it was set up now.

    Raises:
        ConfigError: If one of this name differs, and `replace` is not set.
        UnreachableError: If the server does not answer.
    """
    import kfp_server_api as models

    service = api.recurring
    identity = _ensure_experiment(api, experiment)
    for one in list(_recurring(api, identity, name)):
        try:
            _check_same(f"recurring run '{name}'", one, source, parameters)
            cron = one.trigger.cron_schedule.cron if one.trigger and one.trigger.cron_schedule else "another trigger"
            if cron != when.cron:
                raise ConfigError(f"recurring run '{name}'", f"its schedule '{cron}'", f"'{when.cron}'")
            return one, False
        except ConfigError as difference:
            if not replace:
                raise ConfigError(difference.where, f"{difference.rule} (or --replace)", difference.finding) from None
            api.call(
                "delete the earlier schedule",
                service.recurring_run_service_delete_recurring_run,
                one.recurring_run_id,
                repeat=False,
            )
    body = models.V2beta1RecurringRun(
        experiment_id=identity,
        display_name=name,
        runtime_config=models.V2beta1RuntimeConfig(parameters=dict(parameters)),
        max_concurrency=str(when.max_concurrency),
        no_catchup=not when.catchup,
        mode="ENABLE",
        trigger=models.V2beta1Trigger(cron_schedule=models.V2beta1CronSchedule(cron=when.cron)),
        **source.body(),
    )
    set_up = service.recurring_run_service_create_recurring_run

    def create() -> Any:
        return api.call("set up the schedule", set_up, body, repeat=False)

    return api.once(create, lambda: next(_recurring(api, identity, name), None)), True


def wait(
    api: KubeflowApi,
    run_id: str,
    timeout_s: float,
    *,
    pace: Pace | None = None,
    on_state: Callable[[str], None] = log.info,
) -> None:
    """Wait for the end of a run, across outages of the server.

    Args:
        api: Connection.
        run_id: The run.
        timeout_s: Longest wait.
        pace: How often to ask.
        on_state: Told each new state, and each outage once.

    Raises:
        RunFailedError: If the run failed (its cohort was rejected, or a task broke) or was cancelled.
        UnreachableError: If it has not ended in time, or the server has gone for long; the run goes on.
    """
    pace = pace or Pace()
    start = heard = time.monotonic()
    pause_s, state, troubled = pace.first_s, "", False
    while True:
        trouble: UnreachableError | None = None
        try:
            run = api.call("ask for the run", api.runs.run_service_get_run, run_id, repeat=False)
        except (NoAnswerError, AccessRefusedError) as error:
            trouble = error
        now = time.monotonic()
        if trouble is None:
            heard, troubled = now, False
            if run.state != state:
                state, pause_s = str(run.state), pace.first_s
                on_state(state)
            if state in ENDED:
                return _verdict(api, run)
        else:
            if not troubled:
                on_state(f"{trouble}; waiting")
            troubled = True
            bear_s = pace.refused_s if isinstance(trouble, AccessRefusedError) else pace.outage_s
            if now - heard >= bear_s:
                raise trouble
        left_s = start + timeout_s - now
        if left_s <= 0:
            raise UnreachableError(
                f"run {run_id}: {state or 'no answer'} after {timeout_s:g} s; it goes on: {_link(api, run_id)}"
            )
        time.sleep(min(pause_s, left_s))
        pause_s = min(pause_s * pace.factor, pace.most_s)


def _verdict(api: KubeflowApi, run: Any) -> None:
    if run.state in ("SUCCEEDED", "SKIPPED"):
        return
    if run.state == "CANCELED":
        raise RunFailedError(f"run {run.run_id} was cancelled: {_link(api, run.run_id)}")
    tasks = [task for task in (run.run_details.task_details or () if run.run_details else ()) if task.state == "FAILED"]
    names = sorted({str(task.display_name) for task in tasks if task.display_name})
    if any(is_summary(name) for name in names):
        reason = "the cohort was rejected (see cohort.html in the results)"
    else:
        reason = f"failed in {', '.join(names[:4])}" if names else "failed"
    raise RunFailedError(f"run {run.run_id}: {reason}: {_link(api, run.run_id)}")


def _link(api: KubeflowApi, run_id: str) -> str:
    return api.target.link(f"runs/details/{run_id}")


def _check_same(where: str, there: Any, source: Source, parameters: Mapping[str, Any]) -> None:
    """A thing of the same name must be the same thing."""
    stored = dict(there.runtime_config.parameters or {}) if there.runtime_config else {}
    for name in sorted({*stored, *parameters}):
        if stored.get(name) != parameters.get(name):
            shown = (str(stored.get(name, "its default"))[:60], str(parameters.get(name, "its default"))[:60])
            raise ConfigError(where, f"its {name} '{shown[0]}', or another name", f"'{shown[1]}'")
    reference = there.pipeline_version_reference
    if source.version_id and reference and reference.pipeline_version_id:
        same = reference.pipeline_version_id == source.version_id
    elif not source.version_id and there.pipeline_spec:
        same = PipelinePackage.of(there.pipeline_spec, where=where).content == source.package.content
    else:
        same = bool(source.version_id) == bool(reference and reference.pipeline_version_id)
    if not same:
        raise ConfigError(where, "its pipeline and version, or another name", source.label)


def _ensure_experiment(api: KubeflowApi, name: str) -> str:
    import kfp_server_api as models

    service, namespace = api.experiments, api.target.namespace

    def find() -> str:
        found = api.pages(
            "find the experiment",
            service.experiment_service_list_experiments,
            "experiments",
            namespace=namespace,
            filter=named(name),
        )
        return next((str(one.experiment_id) for one in found if one.display_name == name), "")

    def create() -> None:
        body = models.V2beta1Experiment(display_name=name, namespace=namespace)
        api.call("create the experiment", service.experiment_service_create_experiment, body, repeat=False)

    return api.ensure(f"creating experiment '{name}'", find, create)


def _runs(api: KubeflowApi, experiment_id: str, name: str) -> Iterator[Any]:
    found = api.pages(
        "look for runs of this name",
        api.runs.run_service_list_runs,
        "runs",
        experiment_id=experiment_id,
        sort_by="created_at desc",
        filter=named(name),
    )
    return (run for run in found if run.display_name == name)


def _recurring(api: KubeflowApi, experiment_id: str, name: str) -> Iterator[Any]:
    found = api.pages(
        "look for recurring runs of this name",
        api.recurring.recurring_run_service_list_recurring_runs,
        "recurring_runs",
        experiment_id=experiment_id,
        filter=named(name),
    )
    return (one for one in found if one.display_name == name)
