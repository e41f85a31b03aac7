"""Questions to the registry: which models meet some conditions, asked so that the server answers with little.

What a page of logged models costs is the metrics on them. In an experiment that cardioscar made (`TAG_INDEXED`) a model
bears the few numbers that models are usually looked up by, and a tag that tells the newest of a subject from the older
ones: one question then answers. All numbers are on the run, where conditions on the others are asked. In experiments of
another origin, and of earlier versions, a model bears all its numbers, and the newest is asked for.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cardioscar.services.tracking import records
from cardioscar.services.tracking.client import TrackingTarget
from cardioscar.services.tracking.model_kind import ModelKind
from cardioscar.services.tracking.permissions import once_granted
from cardioscar.services.tracking.registry_rows import MetricFilter, ModelRow

if TYPE_CHECKING:
    from mlflow.entities import Experiment

    from cardioscar.services.tracking.patience import PatientClient

PAGE = 200
"""Models that a question asks for at once at most."""


def experiments_of(client: PatientClient, target: TrackingTarget) -> list[Experiment]:
    """The experiment of the target's cohort, or every experiment; empty where there is none."""
    if target.experiment is not None:
        experiment = once_granted(lambda: client.get_experiment_by_name(target.experiment))
        return [experiment] if experiment else []
    return [experiment for page in _pages(client.search_experiments, max_results=1000) for experiment in page]


def versions(
    client: PatientClient, kind: ModelKind, experiments: Sequence[Experiment], subject: str | None, newest_only: bool
) -> Iterator[ModelRow]:
    """Go through the versions, newest first, by the tags of the registered model."""
    text = f"name = '{kind.name}'"
    if subject is not None:
        text += f" AND tags.`{records.TAG_SUBJECT}` = '{subject}'"
    seen: set[tuple[str, str]] = set()
    for page in _pages(client.search_model_versions, text, max_results=PAGE, order_by=["version_number DESC"]):
        wanted = []
        for version in page:
            key = (version.tags.get(records.TAG_COHORT, ""), version.tags.get(records.TAG_SUBJECT, ""))
            if not (newest_only and key in seen):
                wanted.append(version)
            seen.add(key)
        yield from rows_of(client, kind, experiments, wanted)


def rows_of(
    client: PatientClient, kind: ModelKind, experiments: Sequence[Experiment], found: Sequence[Any]
) -> Iterator[ModelRow]:
    """Join versions with their logged models' metrics, in one query for all."""
    models = _models(client, experiments, [version.tags.get(records.TAG_MODEL_ID, "") for version in found])
    for version in found:
        model = models.get(version.tags.get(records.TAG_MODEL_ID))
        if model is not None:  # none if it belongs to another cohort than asked for, or was deleted
            yield _row(kind, model, int(version.version))


def meeting(
    client: PatientClient,
    kind: ModelKind,
    experiments: Sequence[Experiment],
    subject: str | None,
    conditions: Sequence[MetricFilter],
    qc: records.Quality | None,
    *,
    newest_only: bool,
    page: int,
) -> Iterator[ModelRow]:
    """Go through the models that meet the conditions, newest first."""
    clauses = [str(condition) for condition in conditions]
    if qc is not None:
        clauses.append(f"tags.`{records.TAG_QC}` = '{qc}'")
    if subject is not None:
        clauses.append(f"tags.`{records.TAG_SUBJECT}` = '{subject}'")
    indexed = [one for one in experiments if records.TAG_INDEXED in one.tags]
    others = [one for one in experiments if records.TAG_INDEXED not in one.tags]
    found = []
    if indexed:
        tagged = [*clauses, *([f"tags.`{records.TAG_NEWEST}` = '{records.YES}'"] if newest_only else [])]
        on_models = all(condition.metric in kind.key_metrics for condition in conditions)
        ask = _by_models if on_models else _by_runs
        found.append(ask(client, kind, indexed, " AND ".join(tagged), page))
    if others:
        plain = _by_models(client, kind, others, " AND ".join(clauses), page, judge=newest_only)
        found.append(plain)
    # an interrupted attempt may have left two that call themselves the newest: the first is
    seen: set[tuple[str, str]] = set()
    for row in heapq.merge(*found, key=lambda row: row.created, reverse=True):
        if not newest_only or (row.cohort, row.subject) not in seen:
            yield row
        seen.add((row.cohort, row.subject))


def every_metric(client: PatientClient, experiments: Sequence[Experiment], rows: Sequence[ModelRow]) -> list[ModelRow]:
    """The rows with all numbers of their runs."""
    found: dict[str, Mapping[str, float]] = {}
    for start in range(0, len(rows), PAGE):
        text = f"attributes.run_id IN ({_quoted([row.run_id for row in rows[start : start + PAGE]])})"
        for page in _pages(client.search_runs, [one.experiment_id for one in experiments], text, max_results=PAGE):
            found |= {run.info.run_id: run.data.metrics for run in page}
    return [replace(row, metrics=found.get(row.run_id, row.metrics)) for row in rows]


def _by_models(
    client: PatientClient,
    kind: ModelKind,
    experiments: Sequence[Experiment],
    text: str,
    page: int,
    *,
    judge: bool = False,
) -> Iterator[ModelRow]:
    text = f"{text} AND model_type = '{kind.model_type}'"
    ids = [one.experiment_id for one in experiments]
    order = [{"field_name": "creation_timestamp", "ascending": False}]
    for found in _pages(client.search_logged_models, ids, text, max_results=page, order_by=order):
        # A model without a version is an interrupted or refused one.
        models = [model for model in found if records.TAG_VERSION in model.tags]
        if judge:
            newest = _newest(client, kind, ids, sorted({model.tags[records.TAG_SUBJECT] for model in models}))
            models = [model for model in models if model.model_id in newest]
        for model in models:
            yield _row(kind, model, _version(model))


def _by_runs(
    client: PatientClient, kind: ModelKind, experiments: Sequence[Experiment], text: str, page: int
) -> Iterator[ModelRow]:
    ids = [one.experiment_id for one in experiments]
    for runs in _pages(
        client.search_runs, ids, f"{text} AND tags.`{records.TAG_KIND}` = '{kind.run_kind}'", max_results=page,
        order_by=["attributes.start_time DESC"],
    ):  # fmt: skip
        models = _models(client, experiments, [run.data.tags.get(records.TAG_MODEL_ID, "") for run in runs])
        for run in runs:
            model = models.get(run.data.tags.get(records.TAG_MODEL_ID))
            if model is not None and records.TAG_VERSION in model.tags:
                yield replace(_row(kind, model, _version(model)), metrics=dict(run.data.metrics))


def _models(client: PatientClient, experiments: Sequence[Experiment], ids: Sequence[str]) -> dict[str, Any]:
    """Logged models by their ids."""
    wanted = [one for one in ids if one]
    if not wanted:
        return {}
    where = [one.experiment_id for one in experiments]
    pages = _pages(client.search_logged_models, where, f"model_id IN ({_quoted(wanted)})", max_results=PAGE)
    return {model.model_id: model for page in pages for model in page}


def _newest(client: PatientClient, kind: ModelKind, experiments: Sequence[str], subjects: Sequence[str]) -> set[str]:
    """Return the logged model of the newest version of each subject in each cohort."""
    newest: dict[tuple[str, str], tuple[int, str]] = {}
    if not subjects:
        return set()
    text = f"tags.`{records.TAG_SUBJECT}` IN ({_quoted(subjects)}) AND model_type = '{kind.model_type}'"
    for page in _pages(client.search_logged_models, experiments, text, max_results=PAGE):
        for model in page:
            if records.TAG_VERSION in model.tags:
                key = (model.experiment_id, model.tags[records.TAG_SUBJECT])
                newest[key] = max(newest.get(key, (0, "")), (_version(model), model.model_id))
    return {model_id for _, model_id in newest.values()}


def _pages(search: Any, *arguments: Any, **options: Any) -> Iterator[list[Any]]:
    token = None
    while True:
        page = search(*arguments, page_token=token, **options)
        yield list(page)
        token = page.token
        if not token:
            return


def _version(model: Any) -> int:
    return int(model.tags[records.TAG_VERSION])


def _quoted(values: Sequence[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _row(kind: ModelKind, model: Any, version: int) -> ModelRow:
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
        texts={name: model.tags.get(f"cs.{name}", "") for name in kind.texts},
    )
