"""Networks that subjects share, under a name and version of the model registry: their files, which name nobody, and how
they were trained: settings, curves, figures, split."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.config import flattened
from cardioscar.errors import InputError
from cardioscar.learning.curves import Curves
from cardioscar.learning.split import Split
from cardioscar.services.tracking import records
from cardioscar.services.tracking.client import TrackingTarget, answering, connect
from cardioscar.services.tracking.patience import PatientClient
from cardioscar.services.tracking.permissions import FORBIDDEN, MISSING, create_version, once_granted
from cardioscar.services.tracking.runs import experiment_place, log_artifacts, log_numbers, open_run, set_tags

if TYPE_CHECKING:
    from mlflow.entities import Run

EXPERIMENT = "cardioscar-priors"
"""Experiment of the runs that hold the files of priors."""
NETWORKS = "cardioscar-networks"
"""Experiment of the trainings of all other networks."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_NO_ALIAS = ("INVALID_PARAMETER_VALUE",)
_ALIAS = re.compile(r"(?!v\d+$)(?!latest$)[a-z][a-z0-9_-]{0,63}", re.ASCII)


@dataclass(frozen=True)
class TrainedModel:
    """A trained network and what is said of it.

    Raises:
        InputError: If a name or an alias cannot be recorded, or a file is missing.
    """

    files: Mapping[str, Path]
    """The bundle: the files that make up the network, by the names that they get."""
    key: str
    """Hash of their content: the same network is recorded once."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the training, which become parameters under joined names."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Figures of the network that is kept."""
    curves: Curves | None = None
    """Loss, learning rate and validation, which become metrics by step."""
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    """Overlays, the page of the training, … by the names that they get."""
    split: Split | None = None
    """Its hash and the sizes of its parts are recorded; ids are not: a subject that is erased must not stay here."""
    aliases: Sequence[str] = ()
    """Names that point to this version from now on, such as `champion`."""
    experiment: str = EXPERIMENT
    """Experiment of its run."""
    kind: str = "prior"
    """What the run is tagged as."""

    def __post_init__(self) -> None:
        curves = self.curves.as_metrics() if self.curves is not None else ()
        for name in (*self.metrics, *flattened(self.settings), *curves):
            records.check_metric_name(name)
        for name, path in {**self.files, **self.artifacts}.items():
            if not path.exists():
                raise InputError(name, "an existing file", "none")
        check_aliases(self.aliases)


def record_trained_model(target: TrackingTarget, name: str, model: TrainedModel) -> int:
    """Register a trained network as a version of a model, once for its content.

    A run that was cut off is completed; one that is complete is left as it is, but for the aliases.

    Args:
        target: Server or local store.
        name: Name of the registered model.
        model: The network; one whose key is registered already gets that version.

    Returns:
        Version number.

    Raises:
        InputError: If the name is none.
        UnreachableError: If the server does not answer (within 30 s), stays busy (for a minute), or refuses.
        PlatformError: If MLflow is not installed, or the local store fails.
    """
    check_model_name(name)
    client = connect(target)
    with answering(target):
        run = _recorded(client, target, name, model)
        source, run_id = f"{run.info.artifact_uri}", run.info.run_id
        version = client.once(
            lambda: _version_of(client, name, run_id),
            lambda: create_version(client, name, source=source, run_id=run_id),
        )
        for alias in model.aliases:
            _point(client, name, alias, version)
        return version


def record_training(target: TrackingTarget, name: str, model: TrainedModel) -> str:
    """Record the run of a training and register nothing.

    Args:
        target: Server or local store.
        name: Name of the run.
        model: The network; one whose key is recorded already is left as it is.

    Returns:
        Id of the run.

    Raises:
        UnreachableError: If the server does not answer (within 30 s), stays busy (for a minute), or refuses.
        PlatformError: If MLflow is not installed, or the local store fails.
    """
    client = connect(target)
    with answering(target):
        return str(_recorded(client, target, name, model).info.run_id)


def check_aliases(aliases: Sequence[str]) -> None:
    """Refuse names that cannot point to a version.

    Raises:
        InputError: If one is none.
    """
    if not all(_ALIAS.fullmatch(alias) for alias in aliases):
        rule = "1 to 64 lower-case letters, digits, '_' or '-', not 'latest' and not a version such as v1"
        raise InputError("alias", rule, "another form")


def _recorded(client: PatientClient, target: TrackingTarget, name: str, model: TrainedModel) -> Run:
    experiment = experiment_place(client, TrackingTarget(target.uri), model.experiment).id
    tags = {records.TAG_KIND: model.kind, records.TAG_RUN_KEY: model.key}
    run, _, new = open_run(client, experiment, model.key, tags=tags, run_name=name)
    if new or run.info.status != "FINISHED":
        _complete(client, run, model)
    return run


def _point(client: PatientClient, name: str, alias: str, version: int) -> None:
    once_granted(lambda: client.set_registered_model_alias(name, alias, str(version)))


def check_model_name(name: str, taken: Collection[str] = ()) -> str:
    """Return the name of a registered model unchanged, or refuse it.

    Args:
        name: The name.
        taken: Names of the subjects' models of all families.

    Raises:
        InputError: If it is none, or one of those.
    """
    if not _NAME.fullmatch(name) or name in taken:
        rule = ", ".join(["1 to 64 letters, digits, '_', '.' or '-'", *(f"not {one}" for one in sorted(taken))])
        raise InputError("model name", rule, "another name")
    return name


def _complete(client: PatientClient, run: Run, model: TrainedModel) -> None:
    """Log all that is said of a network; what was logged before is the same, not a second one."""
    from mlflow.entities import Metric

    settings = {
        setting: value if isinstance(value, str | int | float | bool | None) else json.dumps(value)
        for setting, value in flattened(model.settings).items()
    }
    if model.split is not None:
        settings |= {f"split.{part}": count for part, count in model.split.counts.items()}
        set_tags(client, run, {records.TAG_SPLIT_SHA256: model.split.sha256})
    log_numbers(client, run, model.metrics, settings, model_id=None)
    curves = model.curves.as_metrics() if model.curves is not None else {}
    points = [
        Metric(name, value, run.info.start_time, step) for name, by_step in curves.items() for step, value in by_step
    ]
    for first in range(0, len(points), 1000):
        client.log_batch(run.info.run_id, metrics=points[first : first + 1000])
    log_artifacts(client, run, {**model.files, **model.artifacts})
    client.set_terminated(run.info.run_id)


def load_model_files(
    target: TrackingTarget, name: str, version: int | str, wanted: Sequence[str], destination: Path
) -> list[Path]:
    """Download the files of a version.

    Args:
        target: Server or local store.
        name: Name of the registered model.
        version: Version number, or the alias that points to it.
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
        source = _source(client, name, version)
        paths = []
        for file in wanted:
            with tempfile.TemporaryDirectory(dir=destination) as folder:
                try:
                    got = download_artifacts(f"{source}/{file}", dst_path=folder, tracking_uri=target.uri)
                except FileNotFoundError:
                    raise InputError(file, "a file of the registered model", "none") from None
                except MlflowException as error:
                    if error.error_code != MISSING:
                        raise
                    raise InputError(file, "a file of the registered model", "none") from None
                paths.append(Path(got).replace(destination / file))
    return paths


def model_file_names(target: TrackingTarget, name: str, version: int | str) -> list[str]:
    """Names of the files of a version, those in folders of it left out.

    Args:
        target: Server or local store.
        name: Name of the registered model.
        version: Version number, or the alias that points to it.

    Raises:
        InputError: If there is no such version.
        UnreachableError: If the server does not answer (within 30 s), stays busy (for a minute), or refuses.
        PlatformError: If MLflow is not installed, or the store fails.
    """
    from mlflow.artifacts import list_artifacts

    client = connect(target, create=False)
    with answering(target):
        found = list_artifacts(artifact_uri=_source(client, name, version), tracking_uri=target.uri)
        return sorted(one.path.rpartition("/")[2] for one in found if not one.is_dir)


def _source(client: PatientClient, name: str, version: int | str) -> str:
    """Where the files of a version lie."""
    from mlflow.exceptions import MlflowException

    try:
        if isinstance(version, str):
            found = client.get_model_version_by_alias(name, version)
        else:
            found = client.get_model_version(name, str(version))
    except MlflowException as error:
        # a server answers INVALID_PARAMETER_VALUE for an alias that a model does not have
        if error.error_code not in (MISSING, FORBIDDEN, *(_NO_ALIAS if isinstance(version, str) else ())):
            raise
        said = "none that this user may read" if error.error_code == FORBIDDEN else "none"
        raise InputError("registry", f"version {version} of a model of that name", said) from None
    return str(found.source).rstrip("/")


def _version_of(client: PatientClient, name: str, run_id: str) -> int | None:
    found = client.search_model_versions(f"name = '{name}' AND run_id = '{run_id}'")
    return min((int(version.version) for version in found), default=None)
