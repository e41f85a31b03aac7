"""Logged models in MLflow and the versions of the registered model, each made once for a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cardioscar.config import file_sha256
from cardioscar.files.private_folder import private_folder
from cardioscar.services.tracking import records
from cardioscar.services.tracking.model_kind import ModelKind
from cardioscar.services.tracking.permissions import create_version
from cardioscar.services.tracking.records import SubjectRecord
from cardioscar.services.tracking.runs import stage

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run

    from cardioscar.services.tracking.patience import PatientClient


def subject_tags(record: SubjectRecord) -> dict[str, str]:
    """The tags by which a subject's run, logged model and version are found."""
    tags = {
        records.TAG_SUBJECT: record.subject,
        records.TAG_COHORT: record.cohort,
        records.TAG_RUN_KEY: record.run_key,
        records.TAG_QC: record.qc,
        **{f"cs.{name}": text for name, text in record.texts.items()},
    }
    return tags | ({records.TAG_QC_REASONS: records.shortened("; ".join(record.reasons))} if record.reasons else {})


def log_model(client: PatientClient, run: Run, record: SubjectRecord, *, new: bool) -> LoggedModel:
    """Create, or find again, the run's logged model, and upload its files into it."""

    def find() -> LoggedModel | None:
        return next(iter(models_of(client, run)), None)

    def create() -> LoggedModel:
        return client.create_logged_model(
            run.info.experiment_id,
            name=record.subject,
            source_run_id=run.info.run_id,
            tags=_model_tags(record),
            model_type=record.kind.model_type,
        )

    model: Any = client.once(find, create, look_first=not new)
    with private_folder() as folder:
        stage(record.files, folder)
        client.log_model_artifacts(model.model_id, str(folder))
    return model


def models_of(client: PatientClient, run: Run) -> list[LoggedModel]:
    """Logged models of a run; one that the run names as its output comes first, then the oldest."""
    found = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    outputs = {output.model_id for output in run.outputs.model_outputs} if run.outputs else set()
    return sorted(found, key=lambda m: (m.model_id not in outputs, m.creation_timestamp, m.model_id))


def _model_tags(record: SubjectRecord) -> dict[str, str]:
    """What a model is searched by and shown with; its key and its checksums stand on run and version, and would slow
    every page."""
    return {name: value for name, value in subject_tags(record).items() if name != records.TAG_RUN_KEY}


def _checksums(record: SubjectRecord) -> dict[str, str]:
    return {file.sha256_tag: file_sha256(record.files[file.name]) for file in record.kind.files}


def register(
    client: PatientClient, run: Run, model: LoggedModel, record: SubjectRecord, *, new: bool, indexed: bool
) -> int:
    """Mark the model ready and make its version, unless an interrupted attempt came that far; returns its number."""
    from mlflow.entities import LoggedModelOutput

    def named() -> bool | None:
        outputs = client.get_run(run.info.run_id).outputs
        return (bool(outputs) and model.model_id in {o.model_id for o in outputs.model_outputs}) or None

    def name() -> bool:
        client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step=0)])
        return True

    client.once(named, name, look_first=not new)
    client.finalize_logged_model(model.model_id, "READY")
    # The artifacts' own address and not models:/id, which a local store resolves at the wrong place.
    version = client.once(
        lambda: next(iter(versions_of(client, record.kind, run.info.run_id)), None),
        lambda: create_version(
            client,
            record.kind.name,
            source=model.artifact_location,
            run_id=run.info.run_id,
            model_id=model.model_id,
            tags=subject_tags(record) | _checksums(record) | {records.TAG_MODEL_ID: model.model_id},
        ),
        look_first=not new,
    )
    newest = {records.TAG_NEWEST: records.YES} if indexed else {}
    link = json.dumps([{"name": record.kind.name, "version": version}])
    tags = {records.TAG_VERSION: str(version), records.TAG_MODEL_VERSIONS: link, **newest}
    client.set_logged_model_tags(model.model_id, tags)
    return version


def supersede(client: PatientClient, kind: ModelKind, experiment_id: str, subject: str) -> None:
    """Leave one model of a kind as the newest of a subject: that of the highest version; it and its run say so by a
    tag."""
    text = f"tags.`{records.TAG_SUBJECT}` = '{subject}' AND tags.`{records.TAG_NEWEST}` = '{records.YES}'"
    found = client.search_logged_models([experiment_id], f"{text} AND model_type = '{kind.model_type}'")
    for older in sorted(found, key=lambda model: int(model.tags.get(records.TAG_VERSION, 0)))[:-1]:
        client.set_tag(older.source_run_id, records.TAG_NEWEST, records.NO)
        client.set_logged_model_tags(older.model_id, {records.TAG_NEWEST: records.NO})


def versions_of(client: PatientClient, kind: ModelKind, run_id: str) -> list[int]:
    """Versions of a run's model, the oldest first."""
    found = client.search_model_versions(f"name = '{kind.name}' AND run_id = '{run_id}'")
    return sorted(int(version.version) for version in found)


def delete_other_models(
    client: PatientClient, kind: ModelKind, run: Run, model: LoggedModel, version: int | None
) -> None:
    """Delete what a creation left that did happen although its answer got lost."""
    for number in versions_of(client, kind, run.info.run_id):
        if number != version:
            client.delete_model_version(kind.name, str(number))
    for other in models_of(client, run):
        if other.model_id != model.model_id:
            client.delete_logged_model(other.model_id)
