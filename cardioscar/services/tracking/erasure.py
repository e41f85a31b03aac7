"""Taking one subject out of MLflow, for good where the store lets us.

A subject leaves there: model versions, logged models with their artifacts, runs with theirs, and a row in the tables
of its cohort. A local store forgets all of it. A server only marks runs and models as deleted, and keeps what its
interface cannot take from them (metrics, parameters, the name of a logged model) until its administrator runs
`mlflow gc`; tags, the names of runs, and artifacts are gone at once.

The order is such that an interrupted erasure is found again and completed: a run, by which all else can be found,
loses its tags last.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.config import file_sha256
from cardioscar.errors import PlatformError
from cardioscar.files.private_folder import private_folder
from cardioscar.identity.subject_id import check_subject_id
from cardioscar.services.tracking import records
from cardioscar.services.tracking.client import TrackingTarget, answering, connect
from cardioscar.services.tracking.descriptions import note_without, without_dead_links

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

TAG_ERASED = "cs.erased"
"""Marks a run that names nobody any more and is to be deleted, so that an interrupted erasure is completed."""

ERASED = "erased"
"""Name of a run of which nothing else is left."""

Rewrite = Callable[[Path, str], bool]
"""Takes a subject out of the cohort's files in a folder, `report.html` among them; tells whether it was there."""


@dataclass(frozen=True)
class MlflowTraces:
    """What MLflow holds of a subject.

    Attributes:
        runs: Ids of its runs, those marked as deleted included.
        models: Ids of its logged models.
        versions: Its versions of registered models, as name and number; those of every family.
        tables: Ids of the cohorts' runs whose table has it.
    """

    runs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    tables: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        return {
            "MLflow runs": len(self.runs),
            "MLflow logged models": len(self.models),
            "MLflow model versions": len(self.versions),
            "MLflow cohort tables": len(self.tables),
        }


@dataclass(frozen=True)
class Erased:
    """What an erasure left to others.

    Attributes:
        runs: Runs marked as deleted that only `mlflow gc` removes.
        models: Logged models of that kind.
    """

    runs: tuple[str, ...] = ()
    models: tuple[str, ...] = field(default=())

    @property
    def command(self) -> str:
        """What the server's administrator runs; empty where nothing is left."""
        parts = (("--run-ids", self.runs), ("--logged-model-ids", self.models))
        options = " ".join(f"{flag} {','.join(ids)}" for flag, ids in parts if ids)
        return f"mlflow gc {options}" if options else ""


def find_in_mlflow(target: TrackingTarget, subject: str, rewrite: Rewrite) -> MlflowTraces:
    """Search for a subject.

    Args:
        target: Server or local store; its experiment, if given, restricts the search to that cohort.
        subject: Id.
        rewrite: Tells whether a cohort's table has the subject; it works on a copy.

    Raises:
        InputError: If the id breaks its rule, or there is no local store.
        UnreachableError: If the server does not answer (within 30 s), or refuses.
        PlatformError: If MLflow is not installed, or the local store fails.
    """
    check_subject_id(subject)
    client = connect(target, create=False)
    with answering(target):
        experiments = _experiments(client, target)
        if not experiments:
            return MlflowTraces()
        runs = [run.info.run_id for run in _runs(client, experiments, records.TAG_SUBJECT, subject)]
        text = f"tags.`{records.TAG_SUBJECT}` = '{subject}'"
        models = {m.model_id for m in _logged_models(client, experiments, text)}
        versions = {(v.name, v.version): v for v in _versions(client, text)}
        for run in runs:
            models |= {m.model_id for m in _logged_models(client, experiments, f"source_run_id = '{run}'")}
            versions |= {(v.name, v.version): v for v in _versions(client, f"run_id = '{run}'")}
        models |= {m.model_id for m in _deleted_models(client, target, experiments, subject)}
        if target.experiment is not None:  # a version does not say its experiment; its run or model does
            versions = {key: v for key, v in versions.items() if v.run_id in runs or v.model_id in models}
        tables = []
        for run in _runs(client, experiments, records.TAG_KIND, "cohort"):
            with private_folder() as folder:
                if _download_table(target, run, folder) and rewrite(folder, subject):
                    tables.append(run.info.run_id)
    numbers = sorted(((name, str(number)) for name, number in versions), key=lambda key: (key[0], int(key[1])))
    return MlflowTraces(tuple(dict.fromkeys(runs)), tuple(sorted(models)), tuple(numbers), tuple(tables))


def erase_from_mlflow(target: TrackingTarget, subject: str, rewrite: Rewrite) -> Erased:
    """Erase what `find_in_mlflow` finds.

    Returns:
        What only the server's administrator can remove; nothing for a local store.

    Raises:
        CardioscarError: As `find_in_mlflow`. What was erased before the fault stays erased; the same call goes on.
    """
    found = find_in_mlflow(target, subject, rewrite)
    client = connect(target, create=False)
    with answering(target):
        for name, number in found.versions:
            for key in client.get_model_version(name, number).tags:
                client.delete_model_version_tag(name, number, key)
            client.delete_model_version(name, number)
        deleted = {m.model_id: m for m in _deleted_models(client, target, _experiments(client, target), subject)}
        for model in deleted.values():
            _delete_artifacts(target, model.artifact_location)
        for model_id in sorted(set(found.models) - set(deleted)):
            model = client.get_logged_model(model_id)
            _delete_artifacts(target, model.artifact_location)
            for key in model.tags:
                client.delete_logged_model_tag(model_id, key)
            client.delete_logged_model(model_id)
        for run_id in found.tables:
            _rewrite_table(target, client, client.get_run(run_id), subject, rewrite)
        for run_id in found.runs:
            _erase_run(target, client, client.get_run(run_id))
        for run in _runs(client, _experiments(client, target), TAG_ERASED, "yes"):
            if run.info.lifecycle_stage == "active":
                client.delete_run(run.info.run_id)
        if target.database is None:
            return Erased(found.runs, found.models)
        _forget(client, target, target.database, found)
    return Erased()


def _erase_run(target: TrackingTarget, client: MlflowClient, run: Run) -> None:
    run_id = run.info.run_id
    if run.info.lifecycle_stage == "deleted":
        client.restore_run(run_id)  # tags of a deleted run cannot be touched
    _delete_artifacts(target, run.info.artifact_uri)
    client.update_run(run_id, name=ERASED)
    client.set_tag(run_id, TAG_ERASED, "yes")
    # by the last of them the run is found, should this be interrupted
    for key in sorted(run.data.tags, key=lambda name: name == records.TAG_SUBJECT):
        if key not in (TAG_ERASED, "mlflow.runName"):
            client.delete_tag(run_id, key)
    client.delete_run(run_id)


def _forget(client: MlflowClient, target: TrackingTarget, database: Path, found: MlflowTraces) -> None:
    """Remove from a local store what it only marks as deleted, and the traces of that in its file."""
    store: Any = client._tracking_client.store
    erased = {run.info.run_id for run in _runs(client, _experiments(client, target), TAG_ERASED, "yes")}
    for run_id in sorted(erased.union(found.runs)):
        store._hard_delete_run(run_id)
    for model_id in found.models:
        store._hard_delete_logged_model(model_id)
    try:
        connection = sqlite3.connect(database, timeout=60)
        try:
            connection.execute("VACUUM")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise PlatformError(f"MLflow store {target.label}: {error}; erase again to compact it") from None


def _experiments(client: MlflowClient, target: TrackingTarget) -> list[str]:
    from mlflow.entities import ViewType

    found = _all(client.search_experiments, view_type=ViewType.ALL, max_results=1000)
    return [e.experiment_id for e in found if target.experiment in (None, e.name)]


def _runs(client: MlflowClient, experiments: list[str], tag: str, value: str) -> list[Run]:
    from mlflow.entities import ViewType

    text = f"tags.`{tag}` = '{value}'"
    return list(_all(client.search_runs, experiments, text, run_view_type=ViewType.ALL, max_results=1000))


def _logged_models(client: MlflowClient, experiments: list[str], text: str) -> Iterator[Any]:
    return _all(client.search_logged_models, experiments, text, max_results=200)


def _deleted_models(client: MlflowClient, target: TrackingTarget, experiments: list[str], subject: str) -> list[Any]:
    """Logged models that a local store only marks as deleted; a server's interface does not show them."""
    if target.database is None:
        return []
    store: Any = client._tracking_client.store
    models = [store.get_logged_model(number, allow_deleted=True) for number in store._get_deleted_logged_models()]
    return [model for model in models if model.name == subject and model.experiment_id in experiments]


def _versions(client: MlflowClient, text: str) -> Iterator[Any]:
    return _all(client.search_model_versions, text, max_results=200)


def _all(search: Callable[..., Any], *arguments: Any, **options: Any) -> Iterator[Any]:
    token = None
    while True:
        page = search(*arguments, page_token=token, **options)
        yield from page
        token = page.token
        if not token:
            return


def _artifacts(target: TrackingTarget, uri: str) -> Any:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(uri, tracking_uri=target.uri)


def _delete_artifacts(target: TrackingTarget, uri: str) -> None:
    repository = _artifacts(target, uri)
    if repository.list_artifacts():
        repository.delete_artifacts()


def _download_table(target: TrackingTarget, run: Run, folder: Path) -> bool:
    repository = _artifacts(target, run.info.artifact_uri)
    names = {item.path for item in repository.list_artifacts()} & {"cohort.json", "cohort.csv", "report.html"}
    for name in names:
        repository.download_artifacts(name, dst_path=str(folder))
    return bool(names)


def _rewrite_table(target: TrackingTarget, client: MlflowClient, run: Run, subject: str, rewrite: Rewrite) -> None:
    with private_folder() as folder:
        found = _download_table(target, run, folder)
        before = {path.name for path in folder.iterdir()}
        if not (found and rewrite(folder, subject)):
            return
        repository = _artifacts(target, run.info.artifact_uri)
        kept = {path.name: path for path in folder.iterdir()}
        for name in sorted(before - kept.keys()):  # nothing is left of it, or it could not be drawn again
            repository.delete_artifacts(name)
        for page in (path for path in kept.values() if path.suffix == ".html"):
            without_dead_links(page)
        for name in sorted(kept):
            repository.log_artifact(str(kept[name]))
        note = run.data.tags.get(records.TAG_NOTE, "")
        if run.info.lifecycle_stage == "active" and note_without(note, subject) != note:
            client.set_tag(run.info.run_id, records.TAG_NOTE, note_without(note, subject))
        if run.info.lifecycle_stage == "active" and (folder / "report.html").is_file():
            client.set_tag(run.info.run_id, records.TAG_REPORT_SHA256, file_sha256(folder / "report.html"))
