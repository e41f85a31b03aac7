"""Settings of a training from a file, or from a network that was trained with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cardioscar.config import from_mapping
from cardioscar.errors import InputError
from cardioscar.files.plain_yaml import read_plain_yaml
from cardioscar.stages.networks import bundle_at
from cardioscar.stages.training.trainers import Trainer


def settings_of_file(trainer: Trainer, path: Path) -> Any:
    """Settings of a YAML file: those that it names, the others as usual.

    Args:
        trainer: The family's training.
        path: `settings.yaml` of an earlier training, or the `config` of a network's description as YAML or JSON.

    Raises:
        ConfigError: For an unknown key or a wrong value, by name.
        InputError: If the file is missing or no YAML.
    """
    if not path.is_file():
        raise InputError(path.name, "a file of settings", "no such file")
    values = read_plain_yaml(path, path.name)
    if not isinstance(values, Mapping | None):
        raise InputError(path.name, "settings and their values", "something else")
    return from_mapping(trainer.settings, values or {}, where=path.name)


def settings_of_network(trainer: Trainer, address: str, *, where: str = "like") -> Any:
    """The settings with which a network was trained, so that it can be made again.

    Args:
        trainer: The family's training.
        address: `shipped`, or any other address of a network, see `stages.networks`.
        where: Name of the setting, for errors.

    Raises:
        ConfigError: If the address has another form.
        InputError: If there is no such network, or it is one of another family.
        UnreachableError: If the object store or the registry does not answer.
    """
    bundle = bundle_at(address, trainer.family, where=where)
    values, place = bundle.facts.config, bundle.stored.in_description
    known = {one.name for one in dataclasses.fields(trainer.settings)}
    own = {one.name for one in dataclasses.fields(trainer.settings.__mro__[1])}
    # all settings of a training are kept: one that lacks some, or has others, is another family's
    if not set(values) <= known or not own & set(values):
        raise InputError(place, f"settings of a training of {trainer.family}", "those of another")
    return from_mapping(trainer.settings, values, where=place, foreign=True)
