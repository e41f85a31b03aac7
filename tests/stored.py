"""A bucket of a store on loopback, folders put into it, and a record of what is asked of the store."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cardioscar.services.store.object_store import Store
from cardioscar.services.store.s3_uri import S3Place
from tests.services.store.s3 import EMULATED, chosen_endpoint, emulated_endpoint, point_at, s3_endpoint

__all__ = [
    "EMULATED",
    "bucket",
    "emulated_endpoint",
    "objects",
    "put",
    "put_folder",
    "put_key",
    "requests",
    "s3_endpoint",
    "written",
]

WRITES = {"PutObject", "CreateMultipartUpload", "DeleteObject", "DeleteObjects", "CopyObject"}


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> Iterator[S3Place]:
    """A new bucket of a store that the environment names, as in a pod."""
    before = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "CARDIOSCAR_S3_"))}
    point_at(chosen_endpoint(request))
    place = S3Place(f"hearts-{uuid.uuid4().hex[:12]}")
    # one connection for all tests: what the environment names is the same
    Store.connect().connection.client.create_bucket(Bucket=place.bucket)
    yield place
    for name in [name for name in os.environ if name.startswith(("AWS_", "CARDIOSCAR_S3_"))]:
        del os.environ[name]
    os.environ |= before


def put(place: S3Place, data: bytes = b"x") -> S3Place:
    """Put an object, whatever its key."""
    Store.connect().connection.client.put_object(Bucket=place.bucket, Key=place.prefix, Body=data)
    return place


def put_key(place: S3Place, key: str, data: bytes = b"x") -> None:
    """Put an object with a key that `S3Place` would refuse, below a place."""
    Store.connect().connection.client.put_object(Bucket=place.bucket, Key=f"{place.under}{key}", Body=data)


def put_folder(folder: Path, place: S3Place) -> S3Place:
    """Put every file of a folder below a place."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            put(place / path.relative_to(folder).as_posix(), path.read_bytes())
    return place


def objects(place: S3Place) -> dict[str, bytes]:
    """Every object below a place by its relative key."""
    store = Store.connect()
    return {entry.relative: store.read(place / entry.relative) for entry in store.files(place)}


@contextmanager
def requests() -> Iterator[list[tuple[str, str]]]:
    """Operation and key (or prefix) of each request that this process sends meanwhile."""
    seen: list[tuple[str, str]] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        seen.append((model.name, str(params.get("Key", params.get("Prefix", "")))))

    events = Store.connect().connection.client.meta.events
    events.register("provide-client-params.s3", note)
    try:
        yield seen
    finally:
        events.unregister("provide-client-params.s3", note)


def written(seen: list[tuple[str, str]]) -> list[str]:
    """Keys that were written or removed."""
    return [key for operation, key in seen if operation in WRITES]
