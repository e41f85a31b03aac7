"""Weights that a training starts from: a file of published ones, or a network of ours, wherever it lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cardioscar.config import file_sha256
from cardioscar.errors import ConfigError, InputError
from cardioscar.learning.bundle import DESCRIPTION, WEIGHTS
from cardioscar.services.store.places import place
from cardioscar.stages.networks import bundle_at, registered_file

PUBLISHED, START_FROM = "published", "start_from"
"""Settings that hold an address of weights."""
SUFFIXES = (".safetensors", ".pth", ".pt")
"""How names of files of published weights end."""
_NAMED = "sha256:"


@contextmanager
def weights_here(settings: Any, family: str) -> Iterator[tuple[Any, Any]]:
    """The settings with their weights on this machine, for as long as the block lasts; and as they are recorded.

    What is recorded names weights by what they hold: addresses tell of folders, and what lies there may change.

    Args:
        settings: Settings of a family's training.
        family: The family, whose network ships.

    Yields:
        Settings with a path, and with `sha256:…`, in place of each address.

    Raises:
        ConfigError: If an address has another form.
        InputError: If there are no such weights.
        UnreachableError: If the object store or the registry does not answer.
    """
    here, recorded = settings, settings
    with ExitStack() as stack:
        for name in (PUBLISHED, START_FROM):
            address = getattr(settings, name, "")
            if not address:
                continue
            if address.startswith(_NAMED):
                raise ConfigError(name, "a path or address of weights", f"{_NAMED}…, which says what was there")
            if name == PUBLISHED:
                path = stack.enter_context(weights_file(address, where=name))
                sha256 = file_sha256(path) if path else ""
            else:
                path, sha256 = stack.enter_context(_network(address, family))
            here, recorded = replace(here, **{name: str(path)}), replace(recorded, **{name: f"{_NAMED}{sha256}"})
        yield here, recorded


@contextmanager
def weights_file(address: str, *, where: str) -> Iterator[Path | None]:
    """A file of weights on this machine, for as long as the block lasts.

    Args:
        address: A file, `s3://bucket/key`, or `models:/name/version` or `models:/name@alias` of a version that holds
            one file of weights; empty for none.
        where: Name of the setting, for errors.

    Raises:
        ConfigError: If the address is of another kind.
        InputError: If there is no such file, or the version holds none or several.
        UnreachableError: If the store or the registry does not answer.
    """
    from cardioscar.cohort.store import temporary_folder

    if not address:
        yield None
        return
    if address.startswith("models:"):
        with temporary_folder() as folder:
            yield registered_file(address, SUFFIXES, folder, where=where)
        return
    at = place(address, where=where)
    if isinstance(at, Path):
        if not at.is_file():
            raise InputError(where, "a file of weights", "no such file")
        yield at
        return
    from cardioscar.services.store.object_store import Store

    with temporary_folder() as folder:
        yield Store.connect().download_file(at, folder / at.name)


@contextmanager
def _network(address: str, family: str) -> Iterator[tuple[Path, str]]:
    """A network of ours as a folder of this machine, and its hash."""
    from cardioscar.cohort.store import temporary_folder

    bundle = bundle_at(address, family, where=START_FROM)
    with temporary_folder() as folder:
        (folder / DESCRIPTION).write_bytes(bundle.stored.description_bytes)
        (folder / WEIGHTS).write_bytes(bundle.stored.weights_bytes)
        yield folder, bundle.sha256
