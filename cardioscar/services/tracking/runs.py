"""Runs in MLflow, found again by their key and written so that a repetition changes nothing."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.errors import InputError
from cardioscar.files.private_folder import private_folder
from cardioscar.services.tracking import records
from cardioscar.services.tracking.client import TrackingTarget
from cardioscar.services.tracking.descriptions import without_dead_links
from cardioscar.services.tracking.permissions import EXISTS, once_granted

if TYPE_CHECKING:
    from mlflow.entities import Run

    from cardioscar.services.tracking.patience import PatientClient


@dataclass(frozen=True)
class ExperimentPlace:
    """An experiment."""

    id: str
    indexed: bool
    """Whether it is one of `records.TAG_INDEXED`."""


def experiment_place(client: PatientClient, target: TrackingTarget, cohort: str) -> ExperimentPlace:
    """Find or create the experiment of a cohort.

    Raises:
        InputError: If it was deleted.
    """
    from mlflow.exceptions import MlflowException

    name = target.experiment or cohort
    experiment = once_granted(lambda: client.get_experiment_by_name(name))
    if experiment is None:
        # MLflow would put the artifacts of a local store into the current folder.
        location = None
        if target.database is not None:
            location = (target.database.parent / "mlartifacts" / name).as_uri()
        tags = {records.TAG_INDEXED: records.YES}
        try:
            return ExperimentPlace(str(client.create_experiment(name, artifact_location=location, tags=tags)), True)
        except MlflowException as error:
            if error.error_code != EXISTS:
                raise
            # made by another process meanwhile
            experiment = once_granted(lambda: client.get_experiment_by_name(name))
    if experiment is None or experiment.lifecycle_stage != "active":
        raise deleted_experiment()
    return ExperimentPlace(str(experiment.experiment_id), records.TAG_INDEXED in experiment.tags)


def deleted_experiment() -> InputError:
    """What to say of an experiment that nothing can be added to."""
    return InputError("cohort name", "an active experiment", "one that was deleted in MLflow: restore it")


def runs_of(client: PatientClient, experiment_id: str, key: str) -> list[Run]:
    """The runs of one key: the one that counts comes first."""
    found = client.search_runs(
        [experiment_id], f"tags.`{records.TAG_RUN_KEY}` = '{key}'", order_by=["attributes.start_time ASC"]
    )

    def order(run: Run) -> tuple[bool, bool, int, str]:
        has_model = bool(run.outputs and run.outputs.model_outputs)
        return run.info.status != "FINISHED", not has_model, run.info.start_time, run.info.run_id

    return sorted(found, key=order)


def open_run(
    client: PatientClient, experiment_id: str, key: str, *, tags: dict[str, str], **options: Any
) -> tuple[Run, list[Run], bool]:
    """Find or create the run of a key; returns it, others of the same key, and whether it is new."""
    others: list[Run] = []
    new = False

    def find() -> Run | None:
        nonlocal others
        found = runs_of(client, experiment_id, key)
        others = found[1:]
        return next(iter(found), None)

    def create() -> Run:
        nonlocal new
        run = client.create_run(experiment_id, tags=tags | _parent_tag(), **options)
        new = True
        return run

    run = client.once(find, create)
    return run, others, new


def delete_runs(client: PatientClient, runs: Sequence[Run]) -> None:
    """Delete what attempts without an answer left behind; a run that was finished is somebody's work."""
    for run in runs:
        if run.info.status != "FINISHED":
            client.delete_run(run.info.run_id)


def _parent_tag() -> dict[str, str]:
    parent = os.environ.get("MLFLOW_RUN_ID", "")
    return {records.TAG_PARENT: parent} if re.fullmatch(r"[0-9A-Za-z_-]{8,64}", parent) else {}


def log_artifacts(client: PatientClient, run: Run, artifacts: Mapping[str, Path]) -> None:
    """Upload files and folders under their recorded names."""
    # Copied first: MLflow takes a file's own name, which may identify somebody.
    with private_folder() as folder:
        stage(artifacts, folder)
        for page in folder.rglob("*.html"):
            without_dead_links(page)
        client.log_artifacts(run.info.run_id, str(folder))


def stage(files: Mapping[str, Path], folder: Path) -> None:
    """Copy files and folders into a folder under other names."""
    for name, source in files.items():
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, copy)


def log_numbers(
    client: PatientClient,
    run: Run,
    metrics: Mapping[str, float],
    params: Mapping[str, str | int | float | bool | None],
    *,
    model_id: str | None,
    of_model: Collection[str] | None = None,
) -> None:
    """Log metrics and parameters that the run does not have yet.

    Args:
        client: The client.
        run: The run.
        metrics: Numbers by name.
        params: Parameters by name.
        model_id: The run's logged model, if there is one.
        of_model: Metrics that become the model's too; None for all.
    """
    from mlflow.entities import Metric, Param

    # The run's start as timestamp: a metric that was logged before is the same metric, not a second one.
    at_ms = run.info.start_time
    numbers = [
        Metric(name, value, at_ms, 0, model_id=model_id if of_model is None or name in of_model else None)
        for name, value in records.recordable_metrics(metrics).items()
    ]
    texts = [Param(k, v) for k, v in records.recordable_params(params).items() if k not in run.data.params]
    # at most 1,000 metrics and 100 parameters in a call
    while numbers or texts:
        client.log_batch(run.info.run_id, metrics=numbers[:500], params=texts[:100])
        numbers, texts = numbers[500:], texts[100:]


def set_tags(client: PatientClient, run: Run, tags: Mapping[str, str]) -> None:
    """Set several tags in one call."""
    from mlflow.entities import RunTag

    client.log_batch(run.info.run_id, tags=[RunTag(name, value) for name, value in tags.items()])
