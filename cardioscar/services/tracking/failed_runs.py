"""Subjects whose maps failed quality control: runs without a model, which the registry knows nothing of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cardioscar.services.tracking import records
from cardioscar.services.tracking.model_kind import ModelKind

if TYPE_CHECKING:
    from cardioscar.services.tracking.patience import PatientClient


def failed_runs(
    client: PatientClient,
    kind: ModelKind,
    experiments: Sequence[str],
    *,
    subject: str | None,
    conditions: Sequence[object],
    newest_only: bool,
    page: int,
) -> Iterator[dict[str, Any]]:
    """Go through the finished runs of maps that failed quality control, newest first.

    Args:
        client: MLflow.
        kind: Whose subjects.
        experiments: Ids of the cohorts' experiments.
        subject: Only this subject.
        conditions: Conditions on metrics, as MLflow's search writes them.
        newest_only: Only subjects whose newest run it is: one that was mended since is left out.
        page: Runs asked for at a time.

    Yields:
        The facts of a `ModelRow`; version and model id are missing.
    """
    ended = [f"tags.`{records.TAG_KIND}` = '{kind.run_kind}'", "attributes.status = 'FINISHED'"]
    ended += [f"tags.`{records.TAG_SUBJECT}` = '{subject}'"] if subject is not None else []
    failed = [f"tags.`{records.TAG_QC}` = 'fail'", *map(str, conditions)]
    for run in _runs(client, experiments, [*ended, *failed], page):
        if newest_only:
            own = [*ended, f"tags.`{records.TAG_SUBJECT}` = '{run.data.tags[records.TAG_SUBJECT]}'"]
            newest = next(_runs(client, [run.info.experiment_id], own, 1))
            if newest.info.run_id != run.info.run_id:
                continue
        yield _facts(kind, run.info, run.data.tags, run.data.metrics)


def _runs(client: PatientClient, experiments: Sequence[str], clauses: Sequence[str], page: int) -> Iterator[Any]:
    token = None
    while True:
        found = client.search_runs(
            list(experiments), " AND ".join(clauses), max_results=page, page_token=token,
            order_by=["attributes.start_time DESC", "attributes.end_time DESC"],
        )  # fmt: skip
        yield from found
        token = found.token
        if not token:
            return


def _facts(kind: ModelKind, info: Any, tags: Mapping[str, str], metrics: Mapping[str, float]) -> dict[str, Any]:
    return {
        "subject": tags.get(records.TAG_SUBJECT, ""),
        "cohort": tags.get(records.TAG_COHORT, ""),
        "qc": tags.get(records.TAG_QC, ""),
        "created": datetime.fromtimestamp(info.start_time / 1000, tz=UTC),
        "run_id": info.run_id,
        "metrics": dict(metrics),
        "reasons": tags.get(records.TAG_QC_REASONS, ""),
        "texts": {name: tags.get(f"cs.{name}", "") for name in kind.texts},
    }
