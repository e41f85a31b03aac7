"""A training as a task of a pipeline: settings from a network or by name, what came of it as artifacts."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardioscar.config import as_mapping
from cardioscar.files.folders import platform_faults
from cardioscar.stages.networks import registry_at
from cardioscar.stages.training.rail import train
from cardioscar.stages.training.recipe import joined, settings_of_network
from cardioscar.stages.training.registration import Registration
from cardioscar.stages.training.trainers import trainer_of
from cardioscar.stages.training_output import PAGE


@dataclass(frozen=True)
class Recorded:
    """Where a task records its training.

    Attributes:
        register: Name of the registered model; empty for none.
        alias: Name that points to the version; empty for none.
        tracking_uri: MLflow server; empty takes MLFLOW_TRACKING_URI.
    """

    register: str = ""
    alias: str = ""
    tracking_uri: str = ""


def run(
    family: str,
    network_uri: str,
    network: str | Path,
    page: str | Path,
    settings: Mapping[str, Any],
    labelled_uri: str = "",
    like: str = "",
    recorded: Recorded = Recorded(),
) -> dict[str, float]:
    """Train a family's network.

    Args:
        family: The family.
        network_uri: Folder or `s3://` prefix of the network.
        network: Folder that becomes a copy of it.
        page: File that becomes the page of the training.
        settings: Settings by name; those that are as usual give way to those of `like`.
        labelled_uri: Folder or `s3://` prefix of labelled subjects; empty for none.
        like: Address of a network whose settings are taken; empty for none.
        recorded: Where it is recorded.

    Returns:
        Figures of its validation and calibration by name.

    Raises:
        CardioscarError: As `rail.train`.
    """
    trainer, chosen = trainer_of(family), dict(settings)
    if like:
        usual = as_mapping(trainer.settings())
        others = {name: value for name, value in chosen.items() if usual.get(name) != value}
        with registry_at(recorded.tracking_uri):
            chosen = joined(as_mapping(settings_of_network(trainer, like)), others)
    aliases = (recorded.alias,) if recorded.alias else ()
    done = train(
        family,
        network_uri,
        chosen,
        labelled=labelled_uri,
        registration=Registration(recorded.tracking_uri, recorded.register, aliases),
        copy=Path(network),
    )
    with platform_faults(Path(page)):
        shutil.copyfile(Path(network) / PAGE, page)
    return dict(done.figures)
