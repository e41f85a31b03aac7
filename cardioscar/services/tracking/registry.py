"""Finding, showing and loading the recorded subject models.

A look-up is for the models of one family. A subject is looked up by a tag of the model versions, newest first. Numbers
(`dice < 0.9`) and verdicts are compared by the server, see `registry_search`. Only models that became a version are
returned, but for maps that failed quality control, which became none: `failed_runs` lists these.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from cardioscar.config import file_sha256
from cardioscar.errors import InputError
from cardioscar.identity.subject_id import check_subject_id
from cardioscar.services.tracking import records
from cardioscar.services.tracking.client import TrackingTarget, answering, connect
from cardioscar.services.tracking.failed_runs import failed_runs
from cardioscar.services.tracking.loaded_model import SCRATCH, check_replaceable
from cardioscar.services.tracking.model_kind import ModelKind
from cardioscar.services.tracking.registry_rows import MetricFilter, ModelRow
from cardioscar.services.tracking.registry_search import (
    PAGE,
    every_metric,
    experiments_of,
    meeting,
    rows_of,
    versions,
)

__all__ = ["MetricFilter", "ModelRow", "find", "load", "show"]


def find(
    target: TrackingTarget,
    kind: ModelKind,
    *,
    subject: str | None = None,
    dice_below: float | None = None,
    conditions: Sequence[MetricFilter] = (),
    qc: records.Quality | None = None,
    newest_only: bool = True,
    limit: int = 100,
    all_metrics: bool = False,
) -> list[ModelRow]:
    """List recorded models, newest version first.

    Args:
        target: Server or local store; its experiment, if given, restricts the search to that cohort.
        kind: The family whose models are meant.
        subject: Only this subject.
        dice_below: Only models with a metric `dice` below this value.
        conditions: Further conditions on metrics; all must hold.
        qc: Only this verdict of quality control. Maps that failed it are no models: with `fail` their runs are listed.
        newest_only: Judge each subject of a cohort by its newest version alone.
        limit: At most so many rows.
        all_metrics: Bring every metric of each row, which takes some ms a row.

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
        experiments = experiments_of(client, target)
        if not experiments:
            return []
        page = max(1, min(limit, PAGE))
        if qc == "fail":
            ids = [one.experiment_id for one in experiments]
            runs = failed_runs(
                client, kind, ids, subject=subject, conditions=conditions, newest_only=newest_only, page=page
            )
            return [ModelRow(version=None, model_id=None, **facts) for facts in islice(runs, limit)]
        found = (
            meeting(client, kind, experiments, subject, conditions, qc, newest_only=newest_only, page=page)
            if conditions or qc
            else versions(client, kind, experiments, subject, newest_only)
        )
        rows = list(islice(found, limit))
        return every_metric(client, experiments, rows) if all_metrics else rows


def show(target: TrackingTarget, kind: ModelKind, subject_or_version: str | int) -> dict[str, Any]:
    """Describe one model in full: its row, and its run's parameters, artifacts and checksums.

    Args:
        target: Server or local store.
        kind: The family whose model is meant.
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
    row = _only(target, kind, subject_or_version)
    client = connect(target, create=False)
    with answering(target):
        run = client.get_run(row.run_id)
        tags = client.get_model_version(kind.name, str(row.version)).tags
        return {
            "model": kind.name,
            "version": row.version,
            "subject": row.subject,
            "cohort": row.cohort,
            "qc": row.qc,
            "reasons": row.reasons,
            **row.texts,
            "created": row.created.isoformat(timespec="seconds"),
            "run_id": row.run_id,
            "model_id": row.model_id,
            "run_key": tags.get(records.TAG_RUN_KEY),
            "metrics": dict(sorted(run.data.metrics.items())),
            "params": dict(sorted(run.data.params.items())),
            "artifacts": sorted(item.path for item in client.list_artifacts(row.run_id)),
            "sha256": {file.name: tags.get(file.sha256_tag) for file in kind.files},
        }


def load(
    target: TrackingTarget,
    kind: ModelKind,
    *,
    subject: str | None = None,
    version: int | None = None,
    destination: Path,
) -> Path:
    """Download one subject's model, the files of its kind, and check them.

    Args:
        target: Server or local store.
        kind: The family whose model is meant.
        subject: Subject whose newest version is wanted.
        version: Version number; give this or the subject.
        destination: Folder for the files; made if need be. A model that was loaded into it before is replaced, and only
            after all downloads are found to be what was recorded.

    Returns:
        The folder.

    Raises:
        InputError: If there is no such model, a file is missing in the store, or its SHA-256 is not the
            recorded one; if the subject is in more than one cohort and the target names none; if the destination holds
            other files of these names.
        UnreachableError: If the server does not answer (within 30 s), stays busy (for a minute), or refuses.
        PlatformError: If MLflow is not installed, or the store or the destination fails.
    """
    if (subject is None) == (version is None):
        raise InputError("registry", "a subject or a version", "both" if subject else "neither")
    row = _only(target, kind, str(subject) if version is None else version, digits_are_version=False)
    client = connect(target, create=False)
    with answering(target):
        tags = client.get_model_version(kind.name, str(row.version)).tags
        location = client.get_logged_model(row.model_id).artifact_location
        stored = {item.path for item in client.list_logged_model_artifacts(row.model_id)}
        for name in kind.names:
            if name not in stored:
                raise InputError(name, "a file in the artifact store", "none")
        destination.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=destination) as folder:
            files = [
                _download(target, location, file.name, tags.get(file.sha256_tag), Path(folder)) for file in kind.files
            ]
            check_replaceable(destination, files)
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


def _only(target: TrackingTarget, kind: ModelKind, wanted: str | int, *, digits_are_version: bool = True) -> ModelRow:
    """Return the newest version of one subject, or one version; never guess between cohorts."""
    if isinstance(wanted, str):
        rows = find(target, kind, subject=wanted)
        if len(rows) > 1:
            cohorts = ", ".join(sorted(row.cohort for row in rows))
            raise InputError("registry", "a cohort, for the subject is in several", cohorts)
        if rows:
            return rows[0]
        if not (digits_are_version and wanted.isdecimal()):
            raise InputError("registry", f"a model of subject {wanted}", "none")
    return _row_of_version(target, kind, int(wanted))


def _row_of_version(target: TrackingTarget, kind: ModelKind, version: int) -> ModelRow:
    client = connect(target, create=False)
    with answering(target):
        text = f"name = '{kind.name}' AND version_number = {version}"
        found = list(client.search_model_versions(text, max_results=1))
        experiments = experiments_of(client, target)
        rows = list(rows_of(client, kind, experiments, found)) if found and experiments else []
    if not rows:
        raise InputError("registry", f"version {version} of {kind.name}", "none")
    return rows[0]
