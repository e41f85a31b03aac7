"""An object store (AWS, Ceph, SeaweedFS, MinIO, …): list, read, publish and erase what lies at `s3://` places."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path

from cardioscar.services.store import object_io as s3_object
from cardioscar.services.store.client import MIB, S3Connection, S3Settings
from cardioscar.services.store.erase import erase
from cardioscar.services.store.errors import MissingObjectError, ReplacedError
from cardioscar.services.store.listing import Entry, is_object, list_files, list_folders
from cardioscar.services.store.publish import PublishReport, publish
from cardioscar.services.store.s3_uri import S3Place

__all__ = ["Entry", "PublishReport", "S3Place", "S3Settings", "Store"]

_READ_LIMIT = 64 * MIB
_stores: dict[tuple[object, ...], Store] = {}


class Store:
    """One object store. Thread-safe; one per process and endpoint: `Store.connect()`.

    Every method raises `ConfigError` for credentials, rights or a bucket that the store does not accept,
    `UnreachableError` if it does not answer, and `PlatformError` for what only the platform can mend.
    """

    def __init__(self, settings: S3Settings | None = None) -> None:
        self.connection = S3Connection(settings or S3Settings.from_environment())

    @classmethod
    def connect(cls, settings: S3Settings | None = None) -> Store:
        """The store that the environment names; no request is made yet.

        Endpoint, region and credentials are found as boto3 finds them: `AWS_ENDPOINT_URL_S3`, `AWS_DEFAULT_REGION`,
        `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, profiles, roles. Times and limits: `S3Settings`.

        Raises:
            ConfigError: If they name something impossible.
        """
        settings = settings or S3Settings.from_environment()
        # a connection does not survive a fork
        named = tuple(sorted((k, v) for k, v in os.environ.items() if k.startswith("AWS_")))
        key = (os.getpid(), settings, named)
        store = _stores.get(key)
        if store is None:
            store = cls(settings)
            _stores.clear()
            _stores[key] = store
        return store

    @property
    def endpoint(self) -> str:
        """`host:port`, for messages."""
        return self.connection.endpoint

    def files(self, place: S3Place) -> list[Entry]:
        """All objects below a place, however many, sorted by their relative key."""
        return list_files(self.connection, place)

    def folders(self, place: S3Place) -> list[str]:
        """Names of the folders right below a place, sorted, as the store says them: `place / name` checks one."""
        return list_folders(self.connection, place)

    def exists(self, place: S3Place) -> bool:
        """Whether there is an object of that very key."""
        return is_object(self.connection, place)

    def read(self, place: S3Place, *, limit: int = _READ_LIMIT) -> bytes:
        """The bytes of a small object, compared with its recorded sha256.

        Args:
            place: The object.
            limit: Most bytes to accept.

        Raises:
            InputError: If there is no such object, or it is larger than `limit`.
        """
        return s3_object.read(self.connection, place, limit=limit)

    def read_many(self, places: Iterable[S3Place], *, limit: int = _READ_LIMIT) -> dict[S3Place, bytes | None]:
        """The bytes of many small objects, read at once; None where there is no such object."""
        unique = list(dict.fromkeys(places))

        def read_or_none(place: S3Place) -> bytes | None:
            try:
                return self.read(place, limit=limit)
            except MissingObjectError:
                return None

        return dict(zip(unique, self.connection.together(read_or_none, unique), strict=True))

    def check_readable(self, place: S3Place) -> None:
        """Read the first byte of an object that is not empty, as a proof of the right to read it."""
        client = self.connection.client
        first = partial(client.get_object, Bucket=place.bucket, Key=place.prefix, Range="bytes=0-0")
        self.connection.call(place, lambda: first()["Body"].read())

    def check_writable(self, place: S3Place) -> None:
        """Write a small object below a place, read it back and remove it, as whoever publishes there will do."""
        probe = place / f".cardioscar-{uuid.uuid4().hex}"
        self.write(probe, b"may this be written?")
        gone = partial(self.connection.client.delete_object, Bucket=place.bucket, Key=probe.prefix)
        self.connection.call(place, gone)

    def write(self, place: S3Place, data: bytes) -> None:
        """Write a small object in one step, record its sha256 and read it back."""
        s3_object.upload(self.connection, place, data, s3_object.digests_of(data))

    def tag(self, place: S3Place) -> str:
        """The store's name (ETag) of the bytes of an object; empty where there is none."""
        return s3_object.current_etag(self.connection, place)

    def replace(self, place: S3Place, data: bytes, tag: str) -> str:
        """Write a small object in the place of the one of that tag, and of no other.

        Args:
            place: The object.
            data: Its bytes.
            tag: What `tag` said when it was looked at; empty if there was none.

        Returns:
            Its new tag.

        Raises:
            ReplacedError: If another is there now. A store that knows no conditional writes notices only what is there
                when the writing begins.
        """
        if s3_object.current_etag(self.connection, place) != tag:
            raise ReplacedError(f"{place} at {self.endpoint} was replaced meanwhile")
        return s3_object.upload(self.connection, place, data, s3_object.digests_of(data), instead_of=tag)

    def download_file(self, place: S3Place, path: Path) -> Path:
        """Write one object to a file, which appears whole or not at all.

        Raises:
            InputError: If there is no such object.
        """
        return s3_object.download(self.connection, place, path)

    def publish(
        self,
        folder: Path | Mapping[str, Path],
        place: S3Place,
        *,
        marker: str = "status.json",
        hashes: Mapping[str, str] | None = None,
        keep: Collection[str] = (),
        removable: Callable[[str], bool] = lambda name: True,
    ) -> PublishReport:
        """Make the objects below a place those of a folder, the marker last; see `storage_publish.publish`."""
        return publish(
            self.connection, folder, place, marker=marker, hashes=hashes or {}, keep=keep, removable=removable
        )

    def delete(self, place: S3Place) -> int:
        """Erase an object and everything below it: all versions, delete markers and unfinished uploads.

        Returns:
            How many objects or versions were there.

        Raises:
            InputError: If the place is a whole bucket.
        """
        return erase(self.connection, place)
