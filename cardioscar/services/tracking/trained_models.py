"""Files under a name and version of the model registry: networks that are shared by subjects, of which each is a few
files that name nobody."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cardioscar.errors import InputError
from cardioscar.services.tracking import records
from cardioscar.services.tracking.client import TrackingTarget, answering, connect
from cardioscar.services.tracking.patience import PatientClient
from cardioscar.services.tracking.permissions import FORBIDDEN, MISSING, create_version
from cardioscar.services.tracking.runs import experiment_place, log_artifacts, open_run

EXPERIMENT = "cardioscar-priors"
"""Experiment of the runs that hold the files."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


def record_model_files(target: TrackingTarget, name: str, files: Mapping[str, Path], *, key: str) -> int:
    """Register files as a version of a model, once for their content.

    Args:
        target: Server or local store.
        name: Name of the registered model.
        files: The files by the names that they get.
        key: Hash of their content; files of a key that is registered already get its version.

    Returns:
        Version number.

    Raises:
        InputError: If the name is none, or that of the subjects' models.
        UnreachableError: If the server does not answer (within 30 s), stays busy (for a minute), or refuses.
        PlatformError: If MLflow is not installed, or the local store fails.
    """
    if not _NAME.fullmatch(name) or name == records.REGISTERED_MODEL:
        rule = f"1 to 64 letters, digits, '_', '.' or '-', and not {records.REGISTERED_MODEL}"
        raise InputError("model name", rule, "another name")
    client = connect(target)
    with answering(target):
        experiment = experiment_place(client, TrackingTarget(target.uri), EXPERIMENT).id
        tags = {records.TAG_KIND: "prior", records.TAG_RUN_KEY: key}
        run, _, _ = open_run(client, experiment, key, tags=tags, run_name=name)
        log_artifacts(client, run, files)
        client.set_terminated(run.info.run_id)
        source, run_id = f"{run.info.artifact_uri}", run.info.run_id
        return client.once(
            lambda: _version_of(client, name, run_id),
            lambda: create_version(client, name, source=source, run_id=run_id),
        )


def load_model_files(
    target: TrackingTarget, name: str, version: int, wanted: Sequence[str], destination: Path
) -> list[Path]:
    """Download the files of a version.

    Args:
        target: Server or local store.
        name: Name of the registered model.
        version: Version number.
        wanted: Names of the files.
        destination: Existing folder.

    Returns:
        The files, in the order of their names as given.

    Raises:
        InputError: If there is no such version, or it lacks a file.
        UnreachableError: If the server does not answer (within 30 s), stays busy (for a minute), or refuses.
        PlatformError: If MLflow is not installed, or the store or the destination fails.
    """
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    client = connect(target, create=False)
    with answering(target):
        try:
            source = client.get_model_version(name, str(version)).source
        except MlflowException as error:
            if error.error_code not in (MISSING, FORBIDDEN):
                raise
            found = "none" if error.error_code == MISSING else "none that this user may read"
            raise InputError("registry", f"version {version} of a model of that name", found) from None
        paths = []
        for file in wanted:
            with tempfile.TemporaryDirectory(dir=destination) as folder:
                try:
                    got = download_artifacts(
                        f"{str(source).rstrip('/')}/{file}", dst_path=folder, tracking_uri=target.uri
                    )
                except FileNotFoundError:
                    raise InputError(file, "a file of the registered model", "none") from None
                except MlflowException as error:
                    if error.error_code != MISSING:
                        raise
                    raise InputError(file, "a file of the registered model", "none") from None
                paths.append(Path(got).replace(destination / file))
    return paths


def _version_of(client: PatientClient, name: str, run_id: str) -> int | None:
    found = client.search_model_versions(f"name = '{name}' AND run_id = '{run_id}'")
    return min((int(version.version) for version in found), default=None)
