"""Publish a folder in an object store so that who sees its marker sees the whole of it.

A store renames nothing and changes one object at a time. So the marker of an earlier publication goes first, and the
new one comes when every other object has been read back. A process that is killed in between leaves no marker, and the
next publication goes on from there. One process at a time may publish to a place: a second one is noticed by the last
listing, unless it begins after that.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from cardioscar.errors import InputError, PlatformError
from cardioscar.services import s3_object
from cardioscar.services.s3_client import S3Connection
from cardioscar.services.s3_object import Digests
from cardioscar.services.s3_uri import S3Place, check_key
from cardioscar.services.storage_erase import abort_uploads, remove
from cardioscar.services.storage_listing import Entry, list_files

Local = Mapping[str, tuple[Path, Digests]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublishReport:
    """What a publication did."""

    uploaded: tuple[str, ...]
    """Files that were written, the marker included."""
    unchanged: tuple[str, ...]
    """Files that were there already."""
    deleted: tuple[str, ...]
    """Objects of an earlier publication that were removed."""
    uploaded_bytes: int
    """Bytes of the files that were written."""
    seconds: float
    """Wall time."""


def publish(
    connection: S3Connection,
    source: Path | Mapping[str, Path],
    place: S3Place,
    *,
    marker: str,
    hashes: Mapping[str, str],
    keep: Collection[str] = (),
) -> PublishReport:
    """Make the objects below a place those of a folder; where they are already, nothing is written.

    Args:
        connection: The store.
        source: Folder, of which hidden files are left out; or files by their relative keys.
        place: Prefix that holds this publication and nothing else.
        marker: The file that vouches for the others.
        hashes: sha256 that files must have, by relative key.
        keep: Relative keys that others write beside the publication: neither sent nor removed.

    Raises:
        InputError: If there is no marker, a file differs from its hash, or other publications lie below the place.
        PlatformError: If a file cannot be read, or other bytes come back than were sent.
        UnreachableError: If the store does not answer.
    """
    started = time.monotonic()
    local = _digests(source, marker, hashes)
    present = {entry.relative: entry for entry in list_files(connection, place) if entry.relative not in keep}
    _check_own(place, present, local, marker)
    same = _unchanged(connection, place, local, present, trusted=marker in present)
    changed = [name for name in local if name not in same and name != marker]
    stale = [entry for name, entry in present.items() if name not in local]
    if changed or stale:
        if marker in present:
            remove(connection, place, [{"Key": present[marker].key}])
            same.pop(marker, None)
        sent = _send(connection, place, {name: local[name] for name in changed})
        if stale:
            remove(connection, place, [{"Key": entry.key} for entry in stale])
        etags = {name: etag for name, etag in {**same, **sent}.items() if name != marker}
        _check_complete(connection, place, etags, local, ignore={marker, *keep})
    if marker not in same:
        try:
            _send(connection, place, {marker: local[marker]})
        except PlatformError:
            # other bytes came back: a marker that cannot be read must not stay
            remove(connection, place, [{"Key": (place / marker).prefix}])
            raise
        changed.append(marker)
    report = PublishReport(
        uploaded=tuple(changed),
        unchanged=tuple(sorted(same)),
        deleted=tuple(sorted(entry.relative for entry in stale)),
        uploaded_bytes=sum(local[name][1].size for name in changed),
        seconds=time.monotonic() - started,
    )
    _log.debug("published %d files, %d unchanged", len(report.uploaded), len(report.unchanged))
    return report


def _digests(
    source: Path | Mapping[str, Path], marker: str, hashes: Mapping[str, str]
) -> dict[str, tuple[Path, Digests]]:
    """The files to publish and their hashes, by relative key."""
    files = source if isinstance(source, Mapping) else _files_of(source)
    for name in (marker, *hashes):
        if name not in files:
            raise InputError(name, "a file to publish", "none")
    found = {}
    for name in sorted(files):
        check_key(name)
        try:
            found[name] = files[name], s3_object.digests_of(files[name])
        except OSError as error:
            raise PlatformError(f"{name}: could not be read ({error.strerror or 'I/O error'})") from None
        if name in hashes and hashes[name] != found[name][1].sha256:
            raise InputError(name, "the bytes whose sha256 was recorded", "others")
    return found


def _files_of(folder: Path) -> dict[str, Path]:
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path for name, path in paths.items() if not any(part.startswith(".") for part in name.split("/"))}


def _check_own(place: S3Place, present: Mapping[str, Entry], local: Local, marker: str) -> None:
    """Refuse a place that holds the publications of others: they would be removed as left over."""
    others = [name for name in present if name.endswith(f"/{marker}") and name not in local]
    if others or not place.prefix:
        raise InputError(str(place), "a prefix of its own for each publication", "others below it")


def _unchanged(
    connection: S3Connection, place: S3Place, local: Local, present: Mapping[str, Entry], *, trusted: bool
) -> dict[str, str]:
    """ETags of the files that need not be sent.

    Where no marker vouches for what is there, it was left by a process that may have ended before it read it back:
    then the bytes are compared, not only the hash that was recorded with them.
    """
    equal = [name for name in local if name in present and present[name].size == local[name][1].size]

    def etag(name: str) -> str | None:
        sha256 = local[name][1].sha256
        if s3_object.recorded_sha256(connection, place / name) != sha256:
            return None
        return present[name].etag if trusted else s3_object.verified_etag(connection, place / name, sha256)

    found = zip(equal, connection.together(etag, equal), strict=True)
    return {name: etag for name, etag in found if etag is not None}


def _send(connection: S3Connection, place: S3Place, files: Local) -> dict[str, str]:
    """Send files and read each back; their ETags."""
    largest = max((digests.size for _, digests in files.values()), default=0)
    if largest >= connection.settings.multipart_from_bytes:
        abort_uploads(connection, place)

    def send(name: str) -> str:
        path, digests = files[name]
        try:
            return s3_object.upload(connection, place / name, path, digests)
        except OSError as error:
            raise PlatformError(f"{name}: could not be read ({error.strerror or 'I/O error'})") from None

    names = sorted(files, key=lambda name: -files[name][1].size)
    return dict(zip(names, connection.together(send, names), strict=True))


def _check_complete(
    connection: S3Connection,
    place: S3Place,
    etags: Mapping[str, str],
    local: Local,
    *,
    ignore: Collection[str],
) -> None:
    """Compare what one listing shows with what was verified object by object.

    Raises:
        PlatformError: If they differ: somebody else writes there.
    """
    now = {entry.relative: entry.etag for entry in list_files(connection, place) if entry.relative not in ignore}
    # some stores list another ETag than they answer with: then the bytes decide
    doubtful = [name for name in etags if name in now and now[name] != etags[name]]
    hashes = [local[name][1].sha256 for name in doubtful]
    same = connection.together(
        lambda pair: s3_object.verified_etag(connection, place / pair[0], pair[1]),
        list(zip(doubtful, hashes, strict=True)),
    )
    if now.keys() != etags.keys() or None in same:
        raise PlatformError(f"{place} at {connection.endpoint}: another process writes to the same place")
