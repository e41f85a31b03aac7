"""What lies below a place of an object store, however many pages that takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from cardioscar.errors import UnreachableError
from cardioscar.services.store.client import S3Connection
from cardioscar.services.store.s3_uri import S3Place


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a listing."""

    key: str
    """Whole key."""
    relative: str
    """Key below the place that was listed, as the store says it: `check_key` it before it becomes a path."""
    size: int
    """Bytes."""
    etag: str
    """The store's name of these bytes; for an object sent in one piece usually their MD5."""
    modified: datetime
    """When it was last written."""


def list_files(connection: S3Connection, place: S3Place) -> list[Entry]:
    """All objects below a place, sorted by their relative key.

    What consoles make to show an empty folder (an empty object whose key ends with a slash) is left out.
    """
    under, found = place.under, []
    for page in _pages(connection, place, Prefix=under):
        for item in page.get("Contents", ()):
            if item["Size"] == 0 and item["Key"].endswith("/"):
                continue
            relative = item["Key"].removeprefix(under)
            etag = item.get("ETag", "").strip('"')
            found.append(Entry(item["Key"], relative, item["Size"], etag, item["LastModified"]))
    return sorted(found, key=lambda entry: entry.relative)


def is_object(connection: S3Connection, place: S3Place) -> bool:
    """Whether there is an object of that very key.

    A listing decides, because the answers to HEAD and GET do not: that to HEAD cannot tell a missing object from a
    missing bucket, and some stores (SeaweedFS 4.34) answer GET on a prefix of other keys with 200 and an empty body.
    """
    ask = partial(connection.client.list_objects_v2, Bucket=place.bucket, Prefix=place.prefix, MaxKeys=1)
    page: dict[str, Any] = connection.call(place, ask)
    return any(item["Key"] == place.prefix for item in page.get("Contents", ()))


def list_folders(connection: S3Connection, place: S3Place) -> list[str]:
    """Names of the folders right below a place, sorted, as the store says them."""
    under = place.under
    pages = _pages(connection, place, Prefix=under, Delimiter="/")
    found = (item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ()))
    return sorted(prefix.removeprefix(under).removesuffix("/") for prefix in found)


def _pages(connection: S3Connection, place: S3Place, **how: str) -> list[dict[str, Any]]:
    ask = connection.client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, **how)
    pages: list[dict[str, Any]] = connection.call(place, lambda: list(ask))
    if not all(page.keys() & {"Name", "KeyCount", "IsTruncated"} for page in pages):
        # a page of a web server, taken for a listing, would be an empty one
        raise UnreachableError(
            f"bucket '{place.bucket}' at {connection.endpoint}: the answer is not that of an S3 store"
        )
    return pages
