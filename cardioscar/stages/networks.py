"""A trained network by its address: as it ships, in a folder, an object store or the model registry; light."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cardioscar.errors import ConfigError, InputError
from cardioscar.services.store.places import place

if TYPE_CHECKING:
    from cardioscar.learning.bundle import Bundle
    from cardioscar.services.tracking.client import TrackingTarget

SHIPPED = "shipped"
"""The network that comes with the package."""
MOST_BYTES = 2 * 2**30
"""Of a network's file in an object store: weights of SAM's ViT-B are 350 MB."""
_REGISTERED = re.compile(r"models:/([^/@]+)(?:/([1-9][0-9]*)|@([^/@]+))")
_PACKAGE = Path(__file__).resolve().parents[1]

_REGISTRY: ContextVar[str] = ContextVar("registry", default="")

Settings = TypeVar("Settings")

_HELD: ContextVar[Mapping[str, Bundle]] = ContextVar("held", default={})  # noqa: B039 - replaced, never changed


@contextmanager
def registry_at(uri: str) -> Iterator[None]:
    """Networks at `models:/…` come from this MLflow server, for as long as the block lasts.

    Args:
        uri: The server or store in which the caller records; empty leaves it to who called, and that to the
            environment's MLFLOW_TRACKING_URI.
    """
    before = _REGISTRY.set(uri or _REGISTRY.get())
    try:
        yield
    finally:
        _REGISTRY.reset(before)


def resolve_network(config: Settings, family: str, *, setting: str = "network") -> tuple[Settings, Bundle]:
    """Bring the network that settings name, and name it by what it holds.

    What is recorded of a result then tells nothing of folders, and a network that changes makes a new result.

    Args:
        config: Settings, a frozen dataclass.
        family: Room of the family whose network ships.
        setting: Name of the field that holds the address.

    Returns:
        The settings with `sha256:…` in place of the address, and the network.

    Raises:
        ConfigError: If the address has another form.
        InputError: If there is no such network, or it is none.
        UnreachableError: If the object store or the registry does not answer.
    """
    bundle = bundle_at(getattr(config, setting), family, where=setting)
    named: dict[str, Any] = {setting: f"sha256:{bundle.sha256}"}
    return replace(config, **named), bundle  # type: ignore[type-var] # a frozen dataclass


@contextmanager
def held(bundle: Bundle) -> Iterator[None]:
    """Keep a network at hand: what names it by what it holds (`sha256:…`) means this one, until the block ends.

    What is recorded of a network and what was used are one then, whatever becomes of its address meanwhile.

    Args:
        bundle: The network.
    """
    token = _HELD.set({**_HELD.get(), f"sha256:{bundle.sha256}": bundle})
    try:
        yield
    finally:
        _HELD.reset(token)


def bundle_at(address: str, family: str, *, where: str = "network") -> Bundle:
    """Read a trained network; its family says next whether it is one of its own.

    Args:
        address: `shipped`, a folder, `s3://bucket/prefix`, `models:/name/version` or `models:/name@alias`.
        family: Room of the family, such as `lge`, whose network ships.
        where: Name of the setting, for errors.

    Raises:
        ConfigError: If the address has another form.
        InputError: If there is no such network, or it is none.
        UnreachableError: If the object store or the registry does not answer.
    """
    if address in _HELD.get():
        return _HELD.get()[address]
    from cardioscar.learning.bundle import DESCRIPTION, RULE, STEM, WEIGHTS, bundle_of
    from cardioscar.learning.stored import StoredNetwork

    at = address
    if address == SHIPPED:
        folder = _PACKAGE / family / "weights"
        if not (folder / DESCRIPTION).is_file():
            raise InputError(
                where, "a folder, s3:// or models:/ address of a network", f"none that ships with {family}"
            )
        at = str(folder)
    files = network_files(at, (DESCRIPTION, WEIGHTS), rule=RULE, where=where)
    return bundle_of(StoredNetwork(STEM, files[DESCRIPTION], files[WEIGHTS], f"{where}: "))


def network_files(address: str, names: Sequence[str], *, rule: str, where: str) -> Mapping[str, bytes]:
    """The bytes of a network's files.

    Args:
        address: Folder, `s3://bucket/prefix`, or a version in the registry by its number or alias: that of
            `registry_at`, else the one at MLFLOW_TRACKING_URI.
        names: Names of the files.
        rule: What is expected there, for the error.
        where: Name of the setting, for errors.

    Raises:
        ConfigError: If the address has another form.
        InputError: If a file is missing.
        UnreachableError: If the object store or the registry does not answer.
    """
    if not address:
        raise ConfigError(where, f"{SHIPPED}, a folder, s3:// or models:/ address of a network", "nothing")
    if address.startswith("models:"):
        return _registered(address, names, where)
    at = place(address, where=where)
    if isinstance(at, Path):
        if not at.is_dir():
            raise InputError(where, f"a folder with {rule}", "no such folder")
        found = {name: (at / name).read_bytes() if (at / name).is_file() else None for name in names}
    else:
        from cardioscar.services.store.object_store import Store

        read = Store.connect().read_many([at / name for name in names], limit=MOST_BYTES)
        found = {name: read[at / name] for name in names}
    missing = [name for name, data in found.items() if data is None]
    if missing:
        raise InputError(f"{where}: {missing[0]}", rule, "no such file" if isinstance(at, Path) else "no such object")
    return {name: data for name, data in found.items() if data is not None}


def registered_file(address: str, suffixes: Sequence[str], folder: Path, *, where: str) -> Path:
    """The one file of weights of a registered version, downloaded.

    Published weights of others lie in the registry as they were published: a file under any name, perhaps beside a
    licence or a description.

    Args:
        address: `models:/name/version` or `models:/name@alias`.
        suffixes: How names of such files end.
        folder: Existing folder that it is put into.
        where: Name of the setting, for errors.

    Raises:
        ConfigError: If the address has another form.
        InputError: If there is no such version, or it holds no such file, or several.
        UnreachableError: If the registry does not answer.
    """
    from cardioscar.services.tracking.trained_models import load_model_files, model_file_names

    target, name, version = _version(address, where)
    names = [one for one in model_file_names(target, name, version) if one.endswith(tuple(suffixes))]
    if len(names) != 1:
        rule = f"a version with one file of weights ({', '.join(suffixes)})"
        raise InputError(where, rule, str(len(names) or "none"))
    return load_model_files(target, name, version, names, folder)[0]


def _registered(address: str, names: Sequence[str], where: str) -> Mapping[str, bytes]:
    from cardioscar.cohort.store import temporary_folder
    from cardioscar.services.tracking.trained_models import load_model_files

    target, name, version = _version(address, where)
    with temporary_folder() as folder:
        return {path.name: path.read_bytes() for path in load_model_files(target, name, version, names, folder)}


def _version(address: str, where: str) -> tuple[TrackingTarget, str, int | str]:
    """Registry, name of the model, and number or alias of a version."""
    from cardioscar.services.tracking.client import TrackingTarget

    named = _REGISTERED.fullmatch(address)
    if named is None:
        raise ConfigError(where, "models:/name/version with a version number, or models:/name@alias", "another form")
    uri = _REGISTRY.get() or os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        raise InputError(where, "MLFLOW_TRACKING_URI, the registry of models:/…", "none")
    name, number, alias = named.groups()
    return TrackingTarget(uri), name, int(number) if number else alias
