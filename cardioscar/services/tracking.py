"""Recording subjects and cohorts in MLflow, so that doing it again adds nothing.

An experiment per cohort; in it a run per subject, and for an accepted subject (quality control `pass` or
`review`) a logged model holding the field and one version of the registered model `cardioscar-scar3d`. A
subject that failed quality control leaves a run and no model.

Work is found again by its run key. The order of writing is artifacts, metrics, model ready, version, end of
run. Only a finished run counts as recorded, so what was interrupted is completed at the next attempt, in the
same run. Among several runs with one key the oldest finished one is taken, or else the oldest. Looking and
creating are two steps: two simultaneous callers could create two runs, so only one stage (`evaluate`) records
a subject.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.config import config_sha256, file_sha256
from cardioscar.errors import InputError
from cardioscar.services import records
from cardioscar.services.mlflow_client import TrackingTarget, answering, check_experiment, connect
from cardioscar.services.records import RecordedModel, SubjectRecord

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run

logger = logging.getLogger(__name__)


def record_subject(target: TrackingTarget, record: SubjectRecord) -> RecordedModel:
    """Record one subject: a run, and if accepted a model version. Idempotent in `record.run_key`.

    A run id in the environment variable `MLFLOW_RUN_ID` (injected by Kubeflow Pipelines) becomes the parent.

    Args:
        target: Server or local store.
        record: What to record. The files it names are read, never changed.

    Returns:
        Where it was recorded, and whether it had been before.

    Raises:
        UnreachableError: If the server does not answer (within 30 s), or refuses.
        PlatformError: If MLflow is not installed, or the local store fails.
        InputError: If the experiment of that name was deleted in MLflow.
    """
    client = connect(target)
    with answering(target):
        experiment_id = _experiment_id(client, target, record.cohort)
        run = _find_run(client, experiment_id, record.run_key)
        if run is not None and run.info.status == "FINISHED":
            return _recorded(run, reused=True)
        if run is None:
            run = _create_run(client, experiment_id, record)
        withheld = [name for name, v in records.recordable_params(record.params).items() if v == records.WITHHELD]
        if withheld:
            logger.warning("%s: parameters with paths are not recorded: %s", record.subject, ", ".join(withheld))
        _log_artifacts(client, run, record.artifacts)
        model = _log_model(client, run, record) if record.accepted else None
        _log_numbers(client, run, record.metrics, record.params, model_id=model.model_id if model else None)
        if model is not None:
            version = _register(client, run, model, record)
            client.set_tag(run.info.run_id, records.TAG_MODEL_ID, model.model_id)
            client.set_tag(run.info.run_id, records.TAG_VERSION, str(version))
        client.set_terminated(run.info.run_id, status="FINISHED", end_time=_now_ms())
        return _recorded(client.get_run(run.info.run_id), reused=False)


def record_cohort(
    target: TrackingTarget,
    *,
    table_csv: Path,
    report_html: Path,
    metrics: Mapping[str, float],
    cohort: str | None = None,
    started_ms: int | None = None,
) -> str:
    """Record a cohort's table and report in one run. Idempotent in the content of the table and the metrics.

    A report that changed while the table did not replaces the earlier one in the same run.

    Args:
        target: Server or local store; its experiment is the cohort unless `cohort` is given.
        table_csv: One row per subject; recorded as `cohort.csv`.
        report_html: Recorded as `report.html`.
        metrics: Flat numbers of the whole cohort.
        cohort: Name of the cohort.
        started_ms: Start of the work, in milliseconds since 1970; now if None.

    Returns:
        Id of the run.

    Raises:
        UnreachableError: If the server does not answer (within 30 s), or refuses.
        PlatformError: If MLflow is not installed, or the local store fails.
        InputError: If there is no name for the cohort, or a file is missing.
    """
    name = cohort or target.experiment
    if name is None:
        raise InputError("cohort name", "a name", "none")
    check_experiment(name)
    for label, path in (("cohort.csv", table_csv), ("report.html", report_html)):
        if not path.is_file():
            raise InputError(label, "an existing file", "none")
    numbers = records.recordable_metrics({records.check_metric_name(key): value for key, value in metrics.items()})
    key = config_sha256({"cohort": name, "table": file_sha256(table_csv), "metrics": numbers})
    report_sha256 = file_sha256(report_html)

    client = connect(target)
    with answering(target):
        experiment_id = _experiment_id(client, target, name)
        run = _find_run(client, experiment_id, key)
        if run is None:
            tags = {records.TAG_RUN_KEY: key, records.TAG_COHORT: name, records.TAG_KIND: "cohort"}
            run = client.create_run(
                experiment_id, start_time=started_ms or _now_ms(), tags=tags | _parent_tag(), run_name=name
            )
        unchanged = run.data.tags.get(records.TAG_REPORT_SHA256) == report_sha256
        if run.info.status == "FINISHED" and unchanged:
            return str(run.info.run_id)
        _log_artifacts(client, run, {"cohort.csv": table_csv, "report.html": report_html})
        _log_numbers(client, run, numbers, {}, model_id=None)
        client.set_tag(run.info.run_id, records.TAG_REPORT_SHA256, report_sha256)
        client.set_terminated(run.info.run_id, status="FINISHED", end_time=_now_ms())
        return str(run.info.run_id)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _experiment_id(client: MlflowClient, target: TrackingTarget, cohort: str) -> str:
    from mlflow.exceptions import MlflowException

    name = target.experiment or cohort
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        # MLflow would put the artifacts of a local store into the current folder.
        location = None
        if target.database is not None:
            location = (target.database.parent / "mlartifacts" / name).as_uri()
        try:
            return str(client.create_experiment(name, artifact_location=location))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            experiment = client.get_experiment_by_name(name)  # made by another process meanwhile
    if experiment is None or experiment.lifecycle_stage != "active":
        raise InputError("cohort name", "an active experiment", "one that was deleted in MLflow: restore it")
    return str(experiment.experiment_id)


def _find_run(client: MlflowClient, experiment_id: str, key: str) -> Run | None:
    found = client.search_runs(
        [experiment_id], f"tags.`{records.TAG_RUN_KEY}` = '{key}'", order_by=["attributes.start_time ASC"]
    )
    oldest_first = sorted(found, key=lambda run: (run.info.start_time, run.info.run_id))
    return next((run for run in oldest_first if run.info.status == "FINISHED"), next(iter(oldest_first), None))


def _create_run(client: MlflowClient, experiment_id: str, record: SubjectRecord) -> Run:
    tags = _subject_tags(record) | {records.TAG_KIND: "subject"} | _parent_tag()
    return client.create_run(experiment_id, start_time=record.started_ms, tags=tags, run_name=record.subject)


def _subject_tags(record: SubjectRecord) -> dict[str, str]:
    return {
        records.TAG_SUBJECT: record.subject,
        records.TAG_COHORT: record.cohort,
        records.TAG_RUN_KEY: record.run_key,
        records.TAG_QC: record.qc,
    }


def _parent_tag() -> dict[str, str]:
    parent = os.environ.get("MLFLOW_RUN_ID", "")
    return {records.TAG_PARENT: parent} if re.fullmatch(r"[0-9A-Za-z_-]{8,64}", parent) else {}


def _log_artifacts(client: MlflowClient, run: Run, artifacts: Mapping[str, Path]) -> None:
    # Copied under their recorded names: MLflow takes a file's own name, which may identify somebody.
    with tempfile.TemporaryDirectory(prefix="cardioscar-") as folder:
        _stage(artifacts, Path(folder))
        client.log_artifacts(run.info.run_id, folder)


def _stage(files: Mapping[str, Path], folder: Path) -> None:
    for name, source in files.items():
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, copy)


def _log_model(client: MlflowClient, run: Run, record: SubjectRecord) -> LoggedModel:
    """Create, or find again, the run's logged model, and upload the field into it."""
    found = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    model: Any = min(found, key=lambda m: (m.creation_timestamp, m.model_id), default=None)
    if model is None:
        model = client.create_logged_model(
            run.info.experiment_id,
            name=record.subject,
            source_run_id=run.info.run_id,
            tags=_subject_tags(record) | _checksums(record),
            model_type="scar3d-field",
        )
    else:
        client.set_logged_model_tags(model.model_id, _checksums(record))
    files = {records.FIELD_WEIGHTS: record.field_weights, records.FIELD_DESCRIPTION: record.field_description}
    with tempfile.TemporaryDirectory(prefix="cardioscar-") as folder:
        _stage(files, Path(folder))
        client.log_model_artifacts(model.model_id, folder)
    return model


def _checksums(record: SubjectRecord) -> dict[str, str]:
    return {
        records.TAG_WEIGHTS_SHA256: file_sha256(record.field_weights),
        records.TAG_DESCRIPTION_SHA256: file_sha256(record.field_description),
    }


def _log_numbers(
    client: MlflowClient,
    run: Run,
    metrics: Mapping[str, float],
    params: Mapping[str, str | int | float | bool | None],
    *,
    model_id: str | None,
) -> None:
    from mlflow.entities import Metric, Param

    # The run's start as timestamp: a metric that was logged before is the same metric, not a second one.
    at_ms = run.info.start_time
    numbers = [
        Metric(name, value, at_ms, 0, model_id=model_id) for name, value in records.recordable_metrics(metrics).items()
    ]
    texts = [Param(k, v) for k, v in records.recordable_params(params).items() if k not in run.data.params]
    for start in range(0, max(len(numbers), 1), 500):
        client.log_batch(run.info.run_id, metrics=numbers[start : start + 500])
    for start in range(0, len(texts), 100):
        client.log_batch(run.info.run_id, params=texts[start : start + 100])


def _register(client: MlflowClient, run: Run, model: LoggedModel, record: SubjectRecord) -> int:
    """Mark the model ready and make its version, unless an interrupted attempt came that far."""
    from mlflow.entities import LoggedModelOutput
    from mlflow.exceptions import MlflowException

    outputs = run.outputs.model_outputs if run.outputs else []
    if model.model_id not in {output.model_id for output in outputs}:
        client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step=0)])
    client.finalize_logged_model(model.model_id, "READY")

    version = _version_of(client, run.info.run_id)
    if version is None:
        try:
            client.create_registered_model(records.REGISTERED_MODEL)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        # The artifacts' own address and not models:/id, which a local store resolves at the wrong place.
        created = client.create_model_version(
            records.REGISTERED_MODEL,
            source=model.artifact_location,
            run_id=run.info.run_id,
            model_id=model.model_id,
            tags=_subject_tags(record) | _checksums(record) | {records.TAG_MODEL_ID: model.model_id},
            await_creation_for=0,
        )
        version = int(created.version)
    link = json.dumps([{"name": records.REGISTERED_MODEL, "version": version}])
    client.set_logged_model_tags(model.model_id, {records.TAG_VERSION: str(version), records.TAG_MODEL_VERSIONS: link})
    return version


def _version_of(client: MlflowClient, run_id: str) -> int | None:
    found = client.search_model_versions(f"name = '{records.REGISTERED_MODEL}' AND run_id = '{run_id}'")
    return min((int(version.version) for version in found), default=None)


def _recorded(run: Run, *, reused: bool) -> RecordedModel:
    version = run.data.tags.get(records.TAG_VERSION)
    return RecordedModel(
        run_id=run.info.run_id,
        model_id=run.data.tags.get(records.TAG_MODEL_ID),
        version=int(version) if version else None,
        reused=reused,
    )
