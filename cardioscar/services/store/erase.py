"""Remove objects in batches, and erase a place for good: older versions and parts of unfinished uploads too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from cardioscar.errors import InputError, PlatformError
from cardioscar.services.store.client import S3Connection
from cardioscar.services.store.listing import Version, list_versions, unless_unsupported
from cardioscar.services.store.s3_uri import S3Place

_BATCH = 1000
_ROUNDS = 3


def erase(connection: S3Connection, place: S3Place) -> int:
    """Erase an object and everything below it, then look whether anything is left.

    Args:
        connection: The store.
        place: Key, and common beginning of keys.

    Returns:
        How many objects or versions were there; markers of an earlier deletion do not count.

    Raises:
        InputError: If the place is a whole bucket.
        PlatformError: If the store keeps something (a retention rule, or somebody who goes on writing).
    """
    if not place.prefix:
        raise InputError(str(place), "a prefix to erase", "a whole bucket")
    abort_uploads(connection, place)
    count = 0
    for _ in range(_ROUNDS):
        found = _versions(connection, place)
        if not found:
            return count
        count += sum(one.is_data for one in found)
        remove(connection, place, [one.name for one in found])
    if not _versions(connection, place):
        return count
    raise PlatformError(f"{place} at {connection.endpoint}: objects are still there after {_ROUNDS} deletions")


def remove(connection: S3Connection, place: S3Place, items: Sequence[dict[str, str]]) -> None:
    """Remove objects (`{"Key": …}`) or versions (`{"Key": …, "VersionId": …}`) of a bucket.

    Raises:
        PlatformError: If the store keeps some of them.
    """
    client = connection.client
    # a batch is an XML document, which cannot hold these characters
    odd = [item for item in items if not item["Key"].isprintable()]
    for item in odd:
        connection.call(place, partial(client.delete_object, Bucket=place.bucket, **item))
    plain = [item for item in items if item["Key"].isprintable()]
    batches = [plain[i : i + _BATCH] for i in range(0, len(plain), _BATCH)]

    def remove_batch(batch: list[dict[str, str]]) -> list[dict[str, str]]:
        what = {"Objects": batch, "Quiet": True}
        answer = connection.call(place, partial(client.delete_objects, Bucket=place.bucket, Delete=what))
        return answer.get("Errors", [])

    kept = [error for errors in connection.together(remove_batch, batches) for error in errors]
    if kept:
        codes = ", ".join(sorted({str(error.get("Code", "unknown")) for error in kept}))
        raise PlatformError(f"{place} at {connection.endpoint}: {len(kept)} objects could not be deleted ({codes})")


def abort_uploads(connection: S3Connection, place: S3Place) -> int:
    """Take back the parts of uploads that were killed: no listing shows them, and they are data all the same.

    Returns:
        How many uploads were taken back.
    """
    client = connection.client
    pages = unless_unsupported(connection, place, "list_multipart_uploads", Prefix=place.prefix)
    mine = [upload for page in pages for upload in page.get("Uploads", ()) if _belongs(upload["Key"], place)]

    def abort(upload: dict[str, Any]) -> None:
        key = {"Bucket": place.bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
        connection.call(place, partial(client.abort_multipart_upload, **key))

    connection.together(abort, mine)
    return len(mine)


def _versions(connection: S3Connection, place: S3Place) -> list[Version]:
    return [one for one in list_versions(connection, place, place.prefix) if _belongs(one.key, place)]


def _belongs(key: str, place: S3Place) -> bool:
    """Tell `P001` and `P001/…` from `P0012`."""
    return key == place.prefix or key.startswith(place.under)
