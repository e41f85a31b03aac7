"""What lies below a place of an object store, however many pages that takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from cardioscar.errors import UnreachableError
from cardioscar.services.store.client import S3Connection
from cardioscar.services.store.errors import is_unsupported
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


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, or the object where the store keeps no versions."""

    key: str
    """Whole key."""
    version: str | None
    """The store's name of the version; None where it keeps none."""
    is_data: bool = True
    """False for the marker of a deletion."""

    @property
    def name(self) -> dict[str, str]:
        """How boto3 is told which one is meant."""
        return {"Key": self.key} if self.version is None else {"Key": self.key, "VersionId": self.version}


def list_versions(connection: S3Connection, place: S3Place, prefix: str) -> list[Version]:
    """Every version of every object whose key begins with `prefix`, and every marker of a deletion.

    Args:
        connection: The store.
        place: Its bucket counts, and stands in messages.
        prefix: Beginning of keys.
    """
    found = []
    for page in unless_unsupported(connection, place, "list_object_versions", Prefix=prefix):
        for kind in ("Versions", "DeleteMarkers"):
            found += [Version(one["Key"], one["VersionId"], kind == "Versions") for one in page.get(kind, ())]
    if found:
        return found
    # a store without versions may answer that listing with nothing, or not at all
    pages = _pages(connection, place, Prefix=prefix)
    return [Version(item["Key"], None) for page in pages for item in page.get("Contents", ())]


def unless_unsupported(connection: S3Connection, place: S3Place, operation: str, **how: str) -> list[dict[str, Any]]:
    """The pages of a listing of a bucket; none where the store does not know the operation."""
    ask = connection.client.get_paginator(operation).paginate(Bucket=place.bucket, **how)

    def fetch() -> list[dict[str, Any]]:
        from botocore.exceptions import ClientError

        try:
            return list(ask)
        except ClientError as error:
            if is_unsupported(error):
                return []
            raise

    return connection.call(place, fetch)


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
