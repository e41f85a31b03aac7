"""One object of a store: read whole through interruptions, written and read back, its sha256 beside it."""

from __future__ import annotations

import base64
import hashlib
import io
import mimetypes
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cardioscar.errors import InputError, PlatformError, UnreachableError
from cardioscar.files.atomic import atomic_file
from cardioscar.services.store.client import MIB, S3Connection
from cardioscar.services.store.errors import (
    MissingObjectError,
    ReplacedError,
    is_replaced,
    is_unsupported,
    may_pass,
    plain_errors,
)
from cardioscar.services.store.listing import is_object
from cardioscar.services.store.s3_uri import S3Place

NOTHING = ""
"""In the place of an ETag: there is no object."""

_CHUNK = MIB
_DAMAGED_TRIES = 3
# bounds what a store that sends one byte at a time can cost
_RESUMES = 1000


@dataclass(frozen=True)
class Digests:
    """What identifies the bytes of a file."""

    size: int
    """Bytes."""
    sha256: str
    """Hexadecimal."""
    md5: str
    """Base64, as the header Content-MD5 has it."""


@dataclass(frozen=True)
class Received:
    """What arrived of an object."""

    size: int
    """Bytes."""
    sha256: str
    """Hexadecimal, of the bytes that arrived."""
    recorded: str | None
    """The sha256 that its writer recorded, if any."""
    etag: str
    """The store's name of this version of the bytes."""


def digests_of(data: bytes | Path) -> Digests:
    """Hash bytes or a file, which is not held in memory."""
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    for chunk in _chunks_of(data):
        sha256.update(chunk)
        md5.update(chunk)
        size += len(chunk)
    return Digests(size, sha256.hexdigest(), base64.b64encode(md5.digest()).decode())


def receive(
    connection: S3Connection, place: S3Place, sink: Callable[[bytes], object], *, limit: int | None = None
) -> Received:
    """Read an object from its first to its last byte; after an interruption, go on where it stopped.

    Args:
        connection: The store.
        place: The object.
        sink: Takes the bytes, each exactly once and in order.
        limit: Most bytes to accept; None for any number.

    Raises:
        InputError: If there is no such object, or it is larger than `limit`.
        PlatformError: If it is replaced meanwhile.
        UnreachableError: If the store does not get it across.
    """
    digest, offset, first = hashlib.sha256(), 0, None
    moved, tries = time.monotonic(), 0
    for _ in range(_RESUMES):
        rest: dict[str, str] = _from(offset, first) if first and offset else {}
        answer = connection.call(place, partial(_get, connection, place, rest))
        first = first or answer
        size = first.get("ContentLength")
        if limit is not None and size is not None and size > limit:
            answer["Body"].close()
            raise InputError(str(place), f"at most {limit} bytes", f"{size}")
        before = offset
        skip = offset if rest and answer["ResponseMetadata"]["HTTPStatusCode"] != 206 else 0
        try:
            while chunk := answer["Body"].read(_CHUNK):
                skip, chunk = max(0, skip - len(chunk)), chunk[skip:]
                digest.update(chunk)
                sink(chunk)
                offset += len(chunk)
            received = Received(offset, digest.hexdigest(), _recorded(first), first.get("ETag", "").strip('"'))
            break
        except Exception as error:
            answer["Body"].close()
            if not may_pass(error):
                raise
            if offset > before:
                moved, tries = time.monotonic(), 0
            tries += 1
            if tries > 1 and time.monotonic() - moved > connection.settings.patience_s:
                with plain_errors(connection.endpoint, place.bucket, str(place)):
                    raise
    else:
        raise UnreachableError(
            f"bucket '{place.bucket}' at {connection.endpoint}: the connection breaks off again and again"
        )
    # an empty answer may be that of a prefix, which some stores give with 200
    if not received.size and received.recorded is None and not is_object(connection, place):
        raise MissingObjectError(str(place), f"an object at {connection.endpoint}", "none")
    return received


def read(connection: S3Connection, place: S3Place, *, limit: int) -> bytes:
    """The bytes of an object.

    Raises:
        InputError: If there is none, or it is larger than `limit` bytes.
        PlatformError: If it differs from its recorded sha256.
    """
    for _ in range(_DAMAGED_TRIES):
        data = bytearray()
        if _is_whole(receive(connection, place, data.extend, limit=limit)):
            return bytes(data)
    raise _damaged(connection, place)


def download(connection: S3Connection, place: S3Place, path: Path) -> Path:
    """Write an object to a file, which appears whole or not at all; its folder is made.

    Raises:
        InputError: If there is no such object.
        PlatformError: If it differs from its recorded sha256, or the file cannot be written.
    """
    with atomic_file(path) as partial_path:
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(_DAMAGED_TRIES):
            with partial_path.open("wb") as file:
                received = receive(connection, place, file.write)
            if _is_whole(received):
                break
        else:
            raise _damaged(connection, place)
    return path


def upload(
    connection: S3Connection,
    place: S3Place,
    data: bytes | Path,
    digests: Digests,
    *,
    instead_of: str | None = None,
) -> str:
    """Write an object, record its sha256 and read it back.

    Args:
        connection: The store.
        place: The object.
        data: The bytes, or the file that holds them.
        digests: What `digests_of(data)` says.
        instead_of: ETag of the object that is to be replaced, or `NOTHING` where there is none: a store that knows
            conditional writes takes it in no other's place. None replaces whatever is there.

    Returns:
        The store's ETag of the bytes that were read back.

    Raises:
        PlatformError: If other bytes come back each time; ReplacedError, if somebody else has written there.
    """
    send = _send_parts if digests.size >= connection.settings.multipart_from_bytes else _send
    for _ in range(_DAMAGED_TRIES):
        try:
            sent = connection.call(place, partial(send, connection, place, data, digests, instead_of))
        except (ReplacedError, MissingObjectError):
            # perhaps by an attempt of our own whose answer was lost
            if (etag := verified_etag(connection, place, digests.sha256)) is not None:
                return etag
            raise ReplacedError(f"{place} at {connection.endpoint} was replaced meanwhile") from None
        if (etag := verified_etag(connection, place, digests.sha256)) is not None:
            return etag
        instead_of = sent if instead_of is not None else None
    raise _damaged(connection, place)


def verified_etag(connection: S3Connection, place: S3Place, sha256: str) -> str | None:
    """Read an object back; its ETag if it is there and holds the bytes of that hash, else None."""
    try:
        received = receive(connection, place, lambda chunk: None)
    except MissingObjectError:
        return None
    return received.etag if received.sha256 == sha256 else None


def current_etag(connection: S3Connection, place: S3Place) -> str:
    """The store's name of the bytes of an object; `NOTHING` where there is none."""
    try:
        head = partial(connection.client.head_object, Bucket=place.bucket, Key=place.prefix)
        return str(connection.call(place, head).get("ETag", "")).strip('"')
    except MissingObjectError:
        return NOTHING


def recorded_sha256(connection: S3Connection, place: S3Place) -> str | None:
    """The sha256 that the writer of an object recorded; None where there is none, or no object."""
    try:
        head = partial(connection.client.head_object, Bucket=place.bucket, Key=place.prefix)
        return _recorded(connection.call(place, head))
    except MissingObjectError:
        return None


def _from(offset: int, first: dict[str, Any]) -> dict[str, str]:
    """How to ask for the rest: named by its ETag, so that halves of two versions are never joined."""
    named = {"IfMatch": first["ETag"]} if "ETag" in first else {}
    return {"Range": f"bytes={offset}-", **named}


def _get(connection: S3Connection, place: S3Place, rest: dict[str, str]) -> dict[str, Any]:
    return connection.client.get_object(Bucket=place.bucket, Key=place.prefix, **rest)


def _send(
    connection: S3Connection, place: S3Place, data: bytes | Path, digests: Digests, instead_of: str | None
) -> str:
    """Send an object in one request, which the store refuses if the bytes were damaged on their way; its ETag."""
    kept = {"Bucket": place.bucket, "Key": place.prefix, "ContentMD5": digests.md5, **_described(place, digests)}

    def send(condition: dict[str, str]) -> dict[str, Any]:
        if isinstance(data, bytes):
            return connection.client.put_object(Body=data, **kept, **condition)
        with data.open("rb") as body:
            return connection.client.put_object(Body=body, **kept, **condition)

    return str(_conditionally(connection, place, send, instead_of).get("ETag", "")).strip('"')


def _conditionally(
    connection: S3Connection,
    place: S3Place,
    send: Callable[[dict[str, str]], dict[str, Any]],
    instead_of: str | None,
) -> dict[str, Any]:
    """Write under a condition, or where the store does not know conditions, without."""
    from botocore.exceptions import ClientError

    if instead_of is None or not connection.knows_conditions:
        return send({})
    quote = '"' if connection.quotes_etags else ""
    try:
        return send({"IfNoneMatch": "*"} if instead_of == NOTHING else {"IfMatch": f"{quote}{instead_of}{quote}"})
    except ClientError as error:
        if is_unsupported(error):
            connection.knows_conditions = False
            return send({})
        met = is_replaced(error) and instead_of != NOTHING and current_etag(connection, place) == instead_of
        if not (met and quote):
            raise
        # Ceph 16 compares the header with the bare name, and so refuses every one in quotes
        answer = send({"IfMatch": instead_of})
        connection.quotes_etags = False
        return answer


def _send_parts(
    connection: S3Connection, place: S3Place, data: bytes | Path, digests: Digests, instead_of: str | None
) -> str:
    """Send an object in parts, several at once; on failure the parts are taken back.

    The library sends no condition with them: what is there is looked at before.
    """
    from s3transfer.manager import TransferConfig, TransferManager  # type: ignore[import-untyped]

    if instead_of is not None and current_etag(connection, place) != instead_of:
        raise ReplacedError(f"{place} at {connection.endpoint} was replaced meanwhile")
    settings = connection.settings
    config = TransferConfig(
        multipart_threshold=settings.multipart_from_bytes,
        multipart_chunksize=settings.part_bytes,
        max_request_concurrency=4,
    )
    with TransferManager(connection.client, config) as manager:
        source = str(data) if isinstance(data, Path) else io.BytesIO(data)
        manager.upload(source, place.bucket, place.prefix, extra_args=_described(place, digests)).result()
    return current_etag(connection, place)


def _described(place: S3Place, digests: Digests) -> dict[str, Any]:
    kind = mimetypes.guess_type(place.name)[0] or "application/octet-stream"
    return {"Metadata": {"sha256": digests.sha256}, "ContentType": kind}


def _is_whole(received: Received) -> bool:
    return received.recorded in (None, received.sha256)


def _recorded(answer: dict[str, Any]) -> str | None:
    """The sha256 among an object's metadata; what others may keep there in another form does not count."""
    text = str(answer.get("Metadata", {}).get("sha256", "")).lower()
    return text if re.fullmatch(r"[0-9a-f]{64}", text) else None


def _damaged(connection: S3Connection, place: S3Place) -> PlatformError:
    return PlatformError(
        f"{place} at {connection.endpoint}: the bytes that come back differ from the recorded sha256 "
        f"({_DAMAGED_TRIES} tries)"
    )


def _chunks_of(data: bytes | Path) -> Iterator[bytes]:
    if isinstance(data, bytes):
        yield data
        return
    with data.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
