"""The pretrained network that a fit names: brought from a folder, an object store or the model registry."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cardioscar.errors import ConfigError, InputError
from cardioscar.services.store.places import place

if TYPE_CHECKING:
    from cardioscar.scar3d.field.fit_config import FitConfig
    from cardioscar.scar3d.transfer.stored_pretrained import StoredPretrained

_REGISTERED = re.compile(r"models:/([^/]+)/([1-9][0-9]*)")


def resolve_pretrained(config: FitConfig) -> tuple[FitConfig, StoredPretrained | None]:
    """Bring the pretrained network that the settings name, and name it by what it holds.

    What is recorded of a fit then tells nothing of folders, and a network that changes makes a new fit.

    Args:
        config: Settings of a fit.

    Returns:
        The settings with `sha256:…` in place of its address, and the network; as they are where they name none.

    Raises:
        InputError: If there is no such network, or it is no pretrained one.
        ConfigError: If its architecture is not that of the settings.
        UnreachableError: If the object store or the registry does not answer.
    """
    if not config.start_from:
        return config, None
    stored = fetch_pretrained(config.start_from)
    config.check_pretrained(stored.spec)
    return replace(config, start_from=f"sha256:{stored.sha256}"), stored


def fetch_pretrained(address: str) -> StoredPretrained:
    """Read the files of a pretrained network.

    Args:
        address: Folder, `s3://bucket/prefix`, or `models:/name/version` of the registry at MLFLOW_TRACKING_URI.

    Raises:
        InputError: If there is no such network, or it is no pretrained one.
        UnreachableError: If the object store or the registry does not answer.
    """
    from cardioscar.scar3d.transfer.stored_pretrained import DESCRIPTION, WEIGHTS, StoredPretrained, read_pretrained

    if address.startswith("models:"):
        return _registered(address)
    at = place(address, where="start_from")
    if isinstance(at, Path):
        if not at.is_dir():
            raise InputError("start_from", "a folder that train-prior wrote", "no such folder")
        return read_pretrained(at)
    from cardioscar.services.store.object_store import Store

    found = Store.connect().read_many([at / DESCRIPTION, at / WEIGHTS])
    description, weights = found[at / DESCRIPTION], found[at / WEIGHTS]
    if description is None or weights is None:
        missing = DESCRIPTION if description is None else WEIGHTS
        raise InputError(f"start_from: {missing}", "a network that train-prior field wrote", "no such object")
    return StoredPretrained(description, weights)


def _registered(address: str) -> StoredPretrained:
    from cardioscar.cohort.store import temporary_folder
    from cardioscar.scar3d.transfer.stored_pretrained import DESCRIPTION, WEIGHTS, read_pretrained
    from cardioscar.services.tracking.client import TrackingTarget
    from cardioscar.services.tracking.trained_models import load_model_files

    named = _REGISTERED.fullmatch(address)
    if named is None:
        raise ConfigError("start_from", "models:/name/version with a version number", "another form")
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        raise InputError("start_from", "MLFLOW_TRACKING_URI, the registry of models:/…", "none")
    with temporary_folder() as folder:
        load_model_files(TrackingTarget(uri), named[1], int(named[2]), (DESCRIPTION, WEIGHTS), folder)
        return read_pretrained(folder)
