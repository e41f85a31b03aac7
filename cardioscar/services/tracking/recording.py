"""Recording subjects and cohorts in MLflow, so that doing it again adds nothing.

An experiment per cohort; in it a run per subject, and for an accepted subject (quality control `pass` or
`review`) a logged model and one version of the registered model of its kind. A subject that failed quality control, or
whose kind has no models, leaves a run alone.

Work is found again by its run key. The order of writing is artifacts, metrics, model ready, version, end of
run. Only a finished run counts as recorded, so what was interrupted is completed at the next attempt, in the
same run. Among several runs with one key the oldest finished one is taken, or else the oldest. Looking and
creating are two steps: two simultaneous callers could create two runs, so only one stage (`evaluate`) records
a subject.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cardioscar.config import config_sha256, file_sha256
from cardioscar.errors import InputError
from cardioscar.services.tracking import records
from cardioscar.services.tracking.client import TrackingTarget, answering, check_experiment, connect
from cardioscar.services.tracking.descriptions import (
    TAG_VIEW,
    CohortWords,
    cohort_note,
    subject_links,
    subject_note,
    view_key,
    view_state,
)
from cardioscar.services.tracking.model_kind import ModelKind
from cardioscar.services.tracking.models import delete_other_models, log_model, register, subject_tags, supersede
from cardioscar.services.tracking.permissions import check_model, once_granted
from cardioscar.services.tracking.records import RecordedModel, SubjectRecord
from cardioscar.services.tracking.runs import (
    delete_runs,
    deleted_experiment,
    experiment_place,
    log_artifacts,
    log_numbers,
    open_run,
    runs_of,
    set_tags,
)

if TYPE_CHECKING:
    from mlflow.entities import Run

    from cardioscar.services.tracking.patience import PatientClient

logger = logging.getLogger(__name__)


def ask_server(target: TrackingTarget, kind: ModelKind | None) -> None:
    """Find out whether a server can be recorded to, before hours of work; a local store shows it when it is made.

    An experiment that is there, and the registered model, are given a tag, which takes the right to record in them.

    Args:
        target: Server or local store.
        kind: What is going to be recorded of subjects; None for nothing.

    Raises:
        UnreachableError: If the server does not answer, or refuses the user.
        PlatformError: If MLflow is not installed.
        InputError: If the experiment was deleted in MLflow.
    """
    if target.database is not None:
        return
    client = connect(target)
    with answering(target):
        name = target.experiment
        found = once_granted(lambda: client.get_experiment_by_name(name)) if name else None
        if found is not None and found.lifecycle_stage != "active":
            raise deleted_experiment()
        if found is not None:
            once_granted(lambda: client.set_experiment_tag(found.experiment_id, records.TAG_ASKED, records.YES))
        if kind is not None and kind.files:
            check_model(client, kind.name)


def record_subject(target: TrackingTarget, record: SubjectRecord) -> RecordedModel:
    """Record one subject: a run, and if accepted a version of its kind's model. Idempotent in `record.run_key`.

    A run id in the environment variable `MLFLOW_RUN_ID` (injected by Kubeflow Pipelines) becomes the parent.

    Args:
        target: Server or local store.
        record: What to record. The files it names are read, never changed.

    Returns:
        Where it was recorded, and whether it had been before.

    Raises:
        UnreachableError: If the server does not answer (within 30 s), stays busy (for a minute), or refuses.
        PlatformError: If MLflow is not installed, or the local store fails.
        InputError: If the experiment of that name was deleted in MLflow.
    """
    client = connect(target)
    with answering(target):
        place = experiment_place(client, target, record.cohort)
        experiment = place.id
        said = {records.TAG_NOTE: subject_note(record, {})}  # and where all is, once there is something
        tags = subject_tags(record) | {records.TAG_KIND: record.kind.run_kind} | said
        run, doubles, new = open_run(
            client, experiment, record.run_key, start_time=record.started_ms, tags=tags, run_name=record.subject
        )
        if run.info.status == "FINISHED":
            delete_runs(client, doubles)
            return _recorded(run, reused=True)
        withheld = [name for name, v in records.recordable_params(record.params).items() if v == records.WITHHELD]
        if withheld:
            logger.warning("%s: parameters with paths are not recorded: %s", record.subject, ", ".join(withheld))
        log_artifacts(client, run, record.artifacts)
        model = log_model(client, run, record, new=new) if record.has_model else None
        of_model = record.kind.key_metrics if place.indexed else None
        log_numbers(
            client, run, record.metrics, record.params, model_id=model.model_id if model else None, of_model=of_model
        )
        version = None
        if model is not None:
            version = register(client, run, model, record, new=new, indexed=place.indexed)
            newest = {records.TAG_NEWEST: records.YES} if place.indexed else {}
            of_version = {records.TAG_MODEL_ID: model.model_id, records.TAG_VERSION: str(version)}
            set_tags(client, run, of_version | newest)
            if place.indexed:
                supersede(client, record.kind, experiment, record.subject)
        links = subject_links(record, experiment, run.info.run_id, version)
        set_tags(client, run, {records.TAG_NOTE: subject_note(record, links)})
        client.set_terminated(run.info.run_id, status="FINISHED", end_time=_now_ms())
        if client.doubtful or doubles:
            delete_runs(client, runs_of(client, experiment, record.run_key))
            if model is not None:
                delete_other_models(client, record.kind, run, model, version)
        return RecordedModel(run.info.run_id, model.model_id if model else None, version, reused=False)


def record_cohort(
    target: TrackingTarget,
    *,
    table_csv: Path,
    report_html: Path,
    metrics: Mapping[str, float],
    cohort_json: Path | None = None,
    cohort: str | None = None,
    started_ms: int | None = None,
    words: CohortWords | None = None,
) -> str:
    """Record a cohort's table and report in one run. Idempotent in the content of the table and the metrics.

    A report that changed while the table did not replaces the earlier one in the same run.

    Args:
        target: Server or local store; its experiment is the cohort unless `cohort` is given.
        table_csv: One row per subject; recorded as `cohort.csv`.
        report_html: Recorded as `report.html`.
        metrics: Flat numbers of the whole cohort.
        cohort_json: What both are drawn from; recorded as `cohort.json`, so that a subject can be taken out of them.
        cohort: Name of the cohort.
        started_ms: Start of the work, in milliseconds since 1970; now if None.
        words: What MLflow's pages say of it: descriptions of run and experiment, and a table with its columns.

    Returns:
        Id of the run.

    Raises:
        UnreachableError: If the server does not answer (within 30 s), stays busy (for a minute), or refuses.
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
        experiment = experiment_place(client, target, name).id
        tags = {records.TAG_RUN_KEY: key, records.TAG_COHORT: name, records.TAG_KIND: "cohort"}
        run, doubles, _ = open_run(
            client, experiment, key, start_time=started_ms or _now_ms(), tags=tags, run_name=name
        )
        if words is not None:
            _describe(client, experiment, run, words)
        unchanged = run.data.tags.get(records.TAG_REPORT_SHA256) == report_sha256
        if run.info.status == "FINISHED" and unchanged:
            delete_runs(client, doubles)
            return str(run.info.run_id)
        files = {"cohort.csv": table_csv, "report.html": report_html}
        log_artifacts(client, run, files | ({"cohort.json": cohort_json} if cohort_json else {}))
        log_numbers(client, run, numbers, {}, model_id=None)
        client.set_tag(run.info.run_id, records.TAG_REPORT_SHA256, report_sha256)
        client.set_terminated(run.info.run_id, status="FINISHED", end_time=_now_ms())
        if client.doubtful or doubles:
            delete_runs(client, runs_of(client, experiment, key))
        return str(run.info.run_id)


def _describe(client: PatientClient, experiment: str, run: Run, words: CohortWords) -> None:
    """Descriptions and the table's columns; an experiment's own description is somebody's, unless we wrote it."""
    client.set_tag(run.info.run_id, records.TAG_NOTE, cohort_note(words, experiment, run.info.run_id))
    if words.columns:
        client.set_experiment_tag(experiment, TAG_VIEW + view_key(words), view_state(words))
    before = client.get_experiment(experiment).tags
    ours = before.get(records.TAG_DESCRIBED)
    if before.get(records.TAG_NOTE) in (None, "", ours):
        text = cohort_note(replace(words, to_look_at={}, failed={}), experiment, run.info.run_id)
        for name in (records.TAG_DESCRIBED, records.TAG_NOTE):
            client.set_experiment_tag(experiment, name, text)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _recorded(run: Run, *, reused: bool) -> RecordedModel:
    version = run.data.tags.get(records.TAG_VERSION)
    return RecordedModel(
        run_id=run.info.run_id,
        model_id=run.data.tags.get(records.TAG_MODEL_ID),
        version=int(version) if version else None,
        reused=reused,
    )
