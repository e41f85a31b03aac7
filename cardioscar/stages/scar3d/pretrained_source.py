"""The pretrained network that a fit names: brought from a folder, an object store or the model registry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cardioscar.stages.networks import network_files

if TYPE_CHECKING:
    from cardioscar.scar3d.field.fit_config import FitConfig
    from cardioscar.scar3d.transfer.stored_pretrained import StoredPretrained


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
        address: Folder, `s3://bucket/prefix`, or a version in the registry at MLFLOW_TRACKING_URI,
            `models:/name/version` or `models:/name@alias`.

    Raises:
        InputError: If there is no such network, or it is no pretrained one.
        UnreachableError: If the object store or the registry does not answer.
    """
    from cardioscar.scar3d.transfer.stored_pretrained import DESCRIPTION, WEIGHTS, StoredPretrained

    rule = "a network that train-prior field wrote"
    files = network_files(address, (DESCRIPTION, WEIGHTS), rule=rule, where="start_from")
    return StoredPretrained(files[DESCRIPTION], files[WEIGHTS])
