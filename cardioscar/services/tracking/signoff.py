"""A person's word on a subject's result, as tags of the run of that very result in MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cardioscar.config import file_sha256
from cardioscar.errors import InputError
from cardioscar.files.private_folder import private_folder
from cardioscar.services.tracking.client import TrackingTarget, answering, connect
from cardioscar.services.tracking.records import TAG_SUBJECT, shortened
from cardioscar.services.tracking.registry_search import experiments_of
from cardioscar.services.tracking.runs import set_tags

if TYPE_CHECKING:
    from mlflow.entities import Run

    from cardioscar.services.tracking.patience import PatientClient

TAG_SIGNED_OFF = "cs.signed_off"
TAG_SIGNOFF_NOTE = "cs.signoff_note"
_RESULT = "metrics.json"
"""Artifact of every subject's run, by whose bytes a result is known."""


def tag_signoff(target: TrackingTarget, subject: str, result_sha256: str, said: str, note: str) -> str:
    """Set the tags on the run that recorded a result; runs of other cohorts and other results stay as they are.

    Args:
        target: Server or local store, and the cohort's experiment.
        subject: Id of the subject.
        result_sha256: Hash of the result's `metrics.json`.
        said: `accepted`, `rejected`, or empty where it was taken back.
        note: Why.

    Returns:
        Id of the run.

    Raises:
        InputError: If no experiment is named, or none of its runs recorded that result.
        UnreachableError: If the server does not answer.
        PlatformError: If MLflow is not installed, or the local store fails.
    """
    if target.experiment is None:
        raise InputError("experiment", "the name of the cohort's experiment in MLflow (--experiment)", "none")
    client = connect(target, create=False)
    with answering(target):
        for experiment in experiments_of(client, target):
            text = f"tags.`{TAG_SUBJECT}` = '{subject}'"
            for run in client.search_runs([experiment.experiment_id], text, order_by=["start_time DESC"]):
                if _recorded(client, run) == result_sha256:
                    set_tags(client, run, {TAG_SIGNED_OFF: said, TAG_SIGNOFF_NOTE: shortened(note)})
                    return str(run.info.run_id)
    raise InputError("experiment", f"one with the run of this result of {subject}", "none")


def _recorded(client: PatientClient, run: Run) -> str:
    """Hash of the result that a run recorded; empty where it has none."""
    if _RESULT not in {one.path for one in client.list_artifacts(run.info.run_id)}:
        return ""
    with private_folder() as folder:
        return file_sha256(Path(client.download_artifacts(run.info.run_id, _RESULT, str(folder))))
