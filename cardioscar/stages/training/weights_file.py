"""Weights that a training starts from: a file of published ones, or a network of ours, wherever it lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cardioscar.config import file_sha256
from cardioscar.errors import InputError
from cardioscar.learning.bundle import DESCRIPTION, WEIGHTS
from cardioscar.services.store.places import place
from cardioscar.stages.networks import bundle_at


@contextmanager
def weights_file(address: str, *, where: str) -> Iterator[Path | None]:
    """A file of weights on this machine, for as long as the block lasts.

    Args:
        address: A file, or `s3://bucket/key`; empty for none.
        where: Name of the setting, for errors.

    Raises:
        ConfigError: If the address is of another kind.
        InputError: If there is no such file.
        UnreachableError: If the store does not answer.
    """
    if not address:
        yield None
        return
    at = place(address, where=where)
    if isinstance(at, Path):
        if not at.is_file():
            raise InputError(where, "a file of weights", "no such file")
        yield at
        return
    from cardioscar.cohort.store import temporary_folder
    from cardioscar.services.store.object_store import Store

    with temporary_folder() as folder:
        yield Store.connect().download_file(at, folder / at.name)


def start_sha256(settings: Any, family: str) -> str:
    """Hash of the weights that a training starts from, whose address may come to hold others; empty for none.

    Args:
        settings: Of the training; families name such weights as `start_from` or `published`.
        family: Whose network ships.

    Raises:
        ConfigError: If the address has another form.
        InputError: If there are no such weights.
        UnreachableError: If the object store or the registry does not answer.
    """
    if address := getattr(settings, "start_from", ""):
        return bundle_at(address, family, where="start_from").sha256
    with weights_file(getattr(settings, "published", ""), where="published") as file:
        return file_sha256(file) if file else ""


@contextmanager
def started_from(address: str, family: str) -> Iterator[Path | None]:
    """A network of ours as a folder of this machine, for as long as the block lasts.

    Args:
        address: Of a network, see `stages.networks`; empty for none.
        family: Whose network ships.

    Raises:
        ConfigError: If the address has another form.
        InputError: If there is no such network.
        UnreachableError: If the object store or the registry does not answer.
    """
    if not address:
        yield None
        return
    from cardioscar.cohort.store import temporary_folder

    stored = bundle_at(address, family, where="start_from").stored
    with temporary_folder() as folder:
        (folder / DESCRIPTION).write_bytes(stored.description_bytes)
        (folder / WEIGHTS).write_bytes(stored.weights_bytes)
        yield folder
