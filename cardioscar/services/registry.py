"""Finding, showing and loading the recorded subject models.

A subject is looked up by a tag of the model versions, newest first. Numbers (`dice < 0.9`) and verdicts are
compared by the server among the metrics and tags of logged models, for versions know no numbers. Only models that
became a version are returned, but for maps that failed quality control, which became none: `failed_runs` lists these.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.config import file_sha256
from cardioscar.errors import InputError
from cardioscar.services import records
from cardioscar.services.failed_runs import failed_runs
from cardioscar.services.mlflow_client import TrackingTarget, answering, connect
from cardioscar.services.registry_rows import MetricFilter, ModelRow
from cardioscar.subject_id import check_subject_id

if TYPE_CHECKING:
    from cardioscar.services.mlflow_patience import PatientClient

__all__ = ["MetricFilter", "ModelRow", "find", "load", "show"]

_PAGE = 200


def find(
    target: TrackingTarget,
    *,
    subject: str | None = None,
    dice_below: float | None = None,
    conditions: Sequence[MetricFilter] = (),
    qc: records.Quality | None = None,
    newest_only: bool = True,
    limit: int = 100,
) -> list[ModelRow]:
    """List recorded models, newest version first.

    Args:
        target: Server or local store; its experiment, if given, restricts the search to that cohort.
        subject: Only this subject.
        dice_below: Only models with a metric `dice` below this value.
        conditions: Further conditions on metrics; all must hold.
        qc: Only this verdict of quality control. Maps that failed it are no models: with `fail` their runs are listed.
        newest_only: Judge each subject of a cohort by its newest version alone.
        limit: At most so many rows.

    Raises:
        InputError: If the subject id or a condition breaks its rule, or there is no local store.
        UnreachableError: If the server does not answer (within 30 s), stays busy (for a minute), or refuses.
        PlatformError: If MLflow is not installed, or the local store fails.
    """
    if subject is not None:
        check_subject_id(subject)
    if dice_below is not None:
        conditions = (MetricFilter("dice", "<", dice_below), *conditions)
    client = connect(target, create=False)
    with answering(target):
        experiments = _experiments(client, target)
        if not experiments:
            return []
        page = max(1, min(limit, _PAGE))
        if qc == "fail":
            runs = failed_runs(
                client, experiments, subject=subject, conditions=conditions, newest_only=newest_only, page=page
            )
            return [ModelRow(version=None, model_id=None, **facts) for facts in islice(runs, limit)]
        rows = (
            _meeting(client, experiments, subject, conditions, qc, newest_only, page=page)
            if conditions or qc
            else _versions(client, experiments, subject, newest_only)
        )
        return list(islice(rows, limit))


def show(target: TrackingTarget, subject_or_version: str | int) -> dict[str, Any]:
    """Describe one model in full: its row, and its run's parameters, artifacts and checksums.

    Args:
        target: Server or local store.
        subject_or_version: A subject id (its newest version), or a version number. Digits in a text mean a
            subject of that id if there is one.

    Returns:
        A JSON-ready mapping.

    Raises:
        InputError: If there is no such model, or the subject is in more than one cohort and the target names
            none.
        UnreachableError: If the server does not answer (within 30 s), stays busy (for a minute), or refuses.
        PlatformError: If MLflow is not installed, or the local store fails.
    """
    row = _only(target, subject_or_version)
    client = connect(target, create=False)
    with answering(target):
        run = client.get_run(row.run_id)
        tags = client.get_model_version(records.REGISTERED_MODEL, str(row.version)).tags
        return {
            "model": records.REGISTERED_MODEL,
            "version": row.version,
            "subject": row.subject,
            "cohort": row.cohort,
            "qc": row.qc,
            "reasons": row.reasons,
            "septum": row.septum,
            "created": row.created.isoformat(timespec="seconds"),
            "run_id": row.run_id,
            "model_id": row.model_id,
            "run_key": tags.get(records.TAG_RUN_KEY),
            "metrics": dict(sorted(row.metrics.items())),
            "params": dict(sorted(run.data.params.items())),
            "artifacts": sorted(item.path for item in client.list_artifacts(row.run_id)),
            "sha256": {
                records.FIELD_WEIGHTS: tags.get(records.TAG_WEIGHTS_SHA256),
                records.FIELD_DESCRIPTION: tags.get(records.TAG_DESCRIPTION_SHA256),
            },
        }


def load(target: TrackingTarget, *, subject: str | None = None, version: int | None = None, destination: Path) -> Path:
    """Download one subject's field, as `field.safetensors` and `field.json`, and check it.

    Args:
        target: Server or local store.
        subject: Subject whose newest version is wanted.
        version: Version number; give this or the subject.
        destination: Folder for the two files; made if need be. Files of the same names are replaced, and only
            after both downloads are found to be what was recorded.

    Returns:
        The folder.

    Raises:
        InputError: If there is no such model, a file is missing in the store, or its SHA-256 is not the
            recorded one; if the subject is in more than one cohort and the target names none.
        UnreachableError: If the server does not answer (within 30 s), stays busy (for a minute), or refuses.
        PlatformError: If MLflow is not installed, or the store or the destination fails.
    """
    if (subject is None) == (version is None):
        raise InputError("registry", "a subject or a version", "both" if subject else "neither")
    row = _only(target, version) if version is not None else _only(target, str(subject), digits_are_version=False)
    client = connect(target, create=False)
    with answering(target):
        tags = client.get_model_version(records.REGISTERED_MODEL, str(row.version)).tags
        location = client.get_logged_model(row.model_id).artifact_location
        stored = {item.path for item in client.list_logged_model_artifacts(row.model_id)}
        for name in (records.FIELD_WEIGHTS, records.FIELD_DESCRIPTION):
            if name not in stored:
                raise InputError(name, "a file in the artifact store", "none")
        destination.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".field-", dir=destination) as folder:
            files = [
                _download(target, location, name, tags.get(tag), Path(folder))
                for name, tag in (
                    (records.FIELD_WEIGHTS, records.TAG_WEIGHTS_SHA256),
                    (records.FIELD_DESCRIPTION, records.TAG_DESCRIPTION_SHA256),
                )
            ]
            for file in files:
                file.replace(destination / file.name)
    return destination


def _download(target: TrackingTarget, location: str, name: str, sha256: str | None, folder: Path) -> Path:
    from mlflow.artifacts import download_artifacts

    try:
        got = download_artifacts(f"{location.rstrip('/')}/{name}", dst_path=str(folder), tracking_uri=target.uri)
    except FileNotFoundError:
        raise InputError(name, "a file in the artifact store", "none") from None
    file = Path(got)
    if sha256 is None or file_sha256(file) != sha256:
        raise InputError(name, "the SHA-256 recorded in the registry", "another: the artifact was changed")
    return file


def _only(target: TrackingTarget, wanted: str | int, *, digits_are_version: bool = True) -> ModelRow:
    """Return the newest version of one subject, or one version; never guess between cohorts."""
    if isinstance(wanted, str):
        rows = find(target, subject=wanted)
        if len(rows) > 1:
            cohorts = ", ".join(sorted(row.cohort for row in rows))
            raise InputError("registry", "a cohort, for the subject is in several", cohorts)
        if rows:
            return rows[0]
        if not (digits_are_version and wanted.isdecimal()):
            raise InputError("registry", f"a model of subject {wanted}", "none")
    return _row_of_version(target, int(wanted))


def _row_of_version(target: TrackingTarget, version: int) -> ModelRow:
    client = connect(target, create=False)
    with answering(target):
        text = f"name = '{records.REGISTERED_MODEL}' AND version_number = {version}"
        found = list(client.search_model_versions(text, max_results=1))
        experiments = _experiments(client, target)
        rows = list(_rows(client, experiments, found)) if found and experiments else []
    if not rows:
        raise InputError("registry", f"version {version} of {records.REGISTERED_MODEL}", "none")
    return rows[0]


def _experiments(client: PatientClient, target: TrackingTarget) -> list[str]:
    if target.experiment is not None:
        experiment = client.get_experiment_by_name(target.experiment)
        return [experiment.experiment_id] if experiment else []
    pages = _pages(client.search_experiments, max_results=1000)
    return [experiment.experiment_id for page in pages for experiment in page]


def _pages(search: Any, *arguments: Any, **options: Any) -> Iterator[list[Any]]:
    token = None
    while True:
        page = search(*arguments, page_token=token, **options)
        yield list(page)
        token = page.token
        if not token:
            return


def _versions(
    client: PatientClient, experiments: list[str], subject: str | None, newest_only: bool
) -> Iterator[ModelRow]:
    """Go through the versions, newest first, by the tags of the registered model."""
    text = f"name = '{records.REGISTERED_MODEL}'"
    if subject is not None:
        text += f" AND tags.`{records.TAG_SUBJECT}` = '{subject}'"
    seen: set[tuple[str, str]] = set()
    for page in _pages(client.search_model_versions, text, max_results=_PAGE, order_by=["version_number DESC"]):
        wanted = []
        for version in page:
            key = (version.tags.get(records.TAG_COHORT, ""), version.tags.get(records.TAG_SUBJECT, ""))
            if not (newest_only and key in seen):
                wanted.append(version)
            seen.add(key)
        yield from _rows(client, experiments, wanted)


def _rows(client: PatientClient, experiments: list[str], versions: Sequence[Any]) -> Iterator[ModelRow]:
    """Join versions with their logged models' metrics, in one query for all."""
    ids = [v.tags[records.TAG_MODEL_ID] for v in versions if records.TAG_MODEL_ID in v.tags]
    if not ids:
        return
    text = f"model_id IN ({_quoted(ids)})"
    pages = _pages(client.search_logged_models, experiments, text, max_results=_PAGE)
    models = {model.model_id: model for page in pages for model in page}
    for version in versions:
        model = models.get(version.tags.get(records.TAG_MODEL_ID))
        if model is not None:  # none if it belongs to another cohort than asked for, or was deleted
            yield _row(model, int(version.version))


def _meeting(
    client: PatientClient,
    experiments: list[str],
    subject: str | None,
    conditions: Sequence[MetricFilter],
    qc: records.Quality | None,
    newest_only: bool,
    page: int,
) -> Iterator[ModelRow]:
    """Go through the models that meet the conditions, newest first."""
    clauses = [str(condition) for condition in conditions]
    if qc is not None:
        clauses.append(f"tags.`{records.TAG_QC}` = '{qc}'")
    if subject is not None:
        clauses.append(f"tags.`{records.TAG_SUBJECT}` = '{subject}'")
    order = [{"field_name": "creation_timestamp", "ascending": False}]
    text = " AND ".join(clauses)
    for found in _pages(client.search_logged_models, experiments, text, max_results=page, order_by=order):
        # A model without a version is an interrupted or refused one.
        models = [model for model in found if records.TAG_VERSION in model.tags]
        if newest_only:
            subjects = sorted({model.tags[records.TAG_SUBJECT] for model in models})
            newest = _newest(client, experiments, subjects)
            models = [model for model in models if model.model_id in newest]
        for model in sorted(models, key=_version, reverse=True):
            yield _row(model, _version(model))


def _newest(client: PatientClient, experiments: list[str], subjects: Sequence[str]) -> set[str]:
    """Return the logged model of the newest version of each subject in each cohort."""
    newest: dict[tuple[str, str], tuple[int, str]] = {}
    if not subjects:
        return set()
    text = f"tags.`{records.TAG_SUBJECT}` IN ({_quoted(subjects)})"
    for page in _pages(client.search_logged_models, experiments, text, max_results=_PAGE):
        for model in page:
            if records.TAG_VERSION in model.tags:
                key = (model.experiment_id, model.tags[records.TAG_SUBJECT])
                newest[key] = max(newest.get(key, (0, "")), (_version(model), model.model_id))
    return {model_id for _, model_id in newest.values()}


def _version(model: Any) -> int:
    return int(model.tags[records.TAG_VERSION])


def _quoted(values: Sequence[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _row(model: Any, version: int) -> ModelRow:
    latest = sorted(model.metrics or [], key=lambda metric: (metric.timestamp, metric.step))
    return ModelRow(
        subject=model.tags.get(records.TAG_SUBJECT, ""),
        cohort=model.tags.get(records.TAG_COHORT, ""),
        version=version,
        qc=model.tags.get(records.TAG_QC, ""),
        created=datetime.fromtimestamp(model.creation_timestamp / 1000, tz=UTC),
        run_id=model.source_run_id or "",
        model_id=model.model_id,
        metrics={metric.key: metric.value for metric in latest},
        reasons=model.tags.get(records.TAG_QC_REASONS, ""),
        septum=model.tags.get(records.TAG_SEPTUM, ""),
    )
