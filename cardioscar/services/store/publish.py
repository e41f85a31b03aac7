"""Publish a folder in an object store so that who sees its marker sees the whole of it.

A store renames nothing and changes one object at a time. So the marker of an earlier publication goes first, and the
new one comes when every other object has been read back. A process that is killed in between leaves no marker, and the
next publication goes on from there.

Of two processes that publish to one place the last one to claim it wins (see `storage_claim`). An object is written
only in the place of what was listed under one's own claim, where the store knows conditional writes; the marker only
where there is none, and it is taken back if anything has changed since. What the loser overwrote is shown by no marker.
"""

from __future__ import annotations

import logging
import random
import time
from base64 import b64decode
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from cardioscar.errors import CardioscarError, InputError, PlatformError
from cardioscar.services.store import claim as storage_claim
from cardioscar.services.store import object_io as s3_object
from cardioscar.services.store.client import MIB, S3Connection
from cardioscar.services.store.erase import abort_uploads, remove
from cardioscar.services.store.errors import ReplacedError
from cardioscar.services.store.listing import Entry, list_files
from cardioscar.services.store.publication_files import Local, files_to_publish, unreadable
from cardioscar.services.store.s3_uri import S3Place

_TRIES = 8
"""How often a publisher whose claim holds goes on where others have written meanwhile: for longer than it takes a loser
on a busy machine to find out that it has lost."""

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
    removable: Callable[[str], bool] = lambda name: True,
) -> PublishReport:
    """Make the objects below a place those of a folder; where they are already, nothing is written.

    Args:
        connection: The store.
        source: Folder, of which hidden files are left out; or files by their relative keys.
        place: Prefix that holds this publication and nothing else.
        marker: The file that vouches for the others.
        hashes: sha256 that files must have, by relative key.
        keep: Relative keys that others write beside the publication: neither sent nor removed.
        removable: Which relative keys may be removed where they are left over of an earlier publication.

    Raises:
        InputError: If there is no marker, a file differs from its hash, or other publications lie below the place.
        PlatformError: If a file cannot be read, or other bytes come back than were sent.
        UnreachableError: If the store does not answer.
    """
    started = time.monotonic()
    local = files_to_publish(source, marker, hashes)
    kept = frozenset(keep)
    listed = _present(connection, place, kept, local, removable)
    left = listed.pop(storage_claim.NAME, None)
    _check_own(place, listed, local, marker)
    same = _unchanged(connection, place, local, listed, trusted=marker in listed)
    work = _Publication(connection, place, local, marker, kept, removable)
    if set(local) - set(same) - {marker} or set(listed) - set(local) or marker not in listed:
        report = work.replace_all()
    elif marker not in same:
        report = work.replace_marker(listed[marker], same)
    else:
        if left:
            storage_claim.clear(connection, place)
        report = work.report((), same, ())
    report = replace(report, seconds=time.monotonic() - started)
    _log.debug("published %d files, %d unchanged", len(report.uploaded), len(report.unchanged))
    return report


@dataclass(frozen=True)
class _Publication:
    """One publication.

    Attributes:
        connection: The store.
        place: Its prefix.
        local: The files to publish.
        marker: Which of them vouches for the others.
        keep: Relative keys that others write beside it.
        removable: Which relative keys may be removed where they are left over.
    """

    connection: S3Connection
    place: S3Place
    local: Local
    marker: str
    keep: frozenset[str]
    removable: Callable[[str], bool]

    def replace_marker(self, before: Entry, same: Collection[str]) -> PublishReport:
        """Replace the marker alone, in one step."""
        try:
            self._put_marker(before.etag)
        except ReplacedError:
            return self.replace_all()
        return self.report((self.marker,), same, ())

    def replace_all(self) -> PublishReport:
        """Send what differs, remove what is left over, and show it.

        Raises:
            PlatformError: If another process publishes to the place.
        """
        claim, sent = storage_claim.Claim(self.connection, self.place), dict[str, str]()
        try:
            for number in range(_TRIES):
                time.sleep(number * random.uniform(0.1, 0.5))  # noqa: S311 - two that meet do not meet again at once
                report = self._try(claim, sent)
                if report or not (claim.holds() or (self.marker not in self._listed() and claim.renew())):
                    break
            if report is None:
                raise PlatformError(
                    f"{self.place} at {self.connection.endpoint}: another process writes to the same place"
                )
        except CardioscarError:
            with suppress(CardioscarError):
                self._withdraw(sent)
                claim.drop()
            raise
        claim.drop()
        return report

    def _try(self, claim: storage_claim.Claim, sent: dict[str, str]) -> PublishReport | None:
        """Publish once; None where others have written meanwhile, and nothing is shown.

        Args:
            claim: The claim to the place.
            sent: Gets the ETag of each file that is written.
        """
        connection, place, marker = self.connection, self.place, self.marker
        present = self._listed()
        _check_own(place, present, self.local, marker)
        same = _unchanged(connection, place, self.local, present, trusted=marker in present)
        changed = [name for name in self.local if name not in same and name != marker]
        stale = [entry for name, entry in present.items() if name not in self.local]
        if marker in present:
            remove(connection, place, [{"Key": present[marker].key}])
            same.pop(marker, None)
        try:
            _send(connection, place, {name: self.local[name] for name in changed}, present, sent)
            if stale:
                remove(connection, place, [{"Key": entry.key} for entry in stale])
            etags = {name: sent[name] if name in changed else same[name] for name in self.local if name != marker}
            if not self._is_complete(etags) or not claim.holds():
                return None
            self._put_marker(s3_object.NOTHING)
        except ReplacedError:
            return None
        # whoever claimed the place before the marker was there may have written since
        if claim.holds() and self._is_complete(etags):
            return self.report((*changed, marker), same, stale)
        remove(connection, place, [{"Key": (place / marker).prefix}])
        return None

    def _put_marker(self, instead_of: str) -> None:
        """Show the publication."""
        try:
            s3_object.upload(self.connection, self.place / self.marker, *self.local[self.marker], instead_of=instead_of)
        except ReplacedError:
            raise
        except PlatformError:
            # other bytes came back: a marker that cannot be read must not stay
            remove(self.connection, self.place, [{"Key": (self.place / self.marker).prefix}])
            raise
        except OSError as error:
            raise unreadable(self.marker, error) from None

    def report(self, uploaded: Sequence[str], same: Collection[str], stale: Sequence[Entry]) -> PublishReport:
        """What was done."""
        return PublishReport(
            uploaded=tuple(uploaded),
            unchanged=tuple(sorted(same)),
            deleted=tuple(sorted(entry.relative for entry in stale)),
            uploaded_bytes=sum(self.local[name][1].size for name in uploaded),
            seconds=0.0,
        )

    def _listed(self) -> dict[str, Entry]:
        present = _present(self.connection, self.place, self.keep, self.local, self.removable)
        present.pop(storage_claim.NAME, None)
        return present

    def _is_complete(self, etags: Mapping[str, str]) -> bool:
        """Whether one listing shows what was verified object by object, the marker left out."""
        now = {name: entry.etag for name, entry in self._listed().items() if name != self.marker}
        # some stores list another ETag than they answer with: then the bytes decide
        doubtful = [name for name in etags if name in now and now[name] != etags[name]]
        hashes = [self.local[name][1].sha256 for name in doubtful]
        same = self.connection.together(
            lambda pair: s3_object.verified_etag(self.connection, self.place / pair[0], pair[1]),
            list(zip(doubtful, hashes, strict=True)),
        )
        return now.keys() == etags.keys() and None not in same

    def _withdraw(self, sent: Mapping[str, str]) -> None:
        """Take back what was sent into the publication of another: files that it does not name, or else its marker."""
        shown = self._listed()
        if self.marker not in shown:
            return
        text = s3_object.read(self.connection, self.place / self.marker, limit=16 * MIB).decode(errors="replace")
        ours = {name for name, etag in sent.items() if name in shown and shown[name].etag == etag}
        foreign = {name for name in ours if self.local[name][1].sha256 not in text}
        named = {name for name in foreign if f'{name}"' in text}
        gone = [shown[name] for name in foreign - named] + ([shown[self.marker]] if named else [])
        if gone:
            remove(self.connection, self.place, [{"Key": entry.key} for entry in gone])


def _present(
    connection: S3Connection,
    place: S3Place,
    keep: Collection[str],
    local: Local,
    removable: Callable[[str], bool],
) -> dict[str, Entry]:
    """What lies there of this publication or of earlier ones, by its relative key."""
    return {
        entry.relative: entry
        for entry in list_files(connection, place)
        if entry.relative not in keep and (entry.relative in local or removable(entry.relative))
    }


def _check_own(place: S3Place, present: Mapping[str, Entry], local: Local, marker: str) -> None:
    """Refuse a place that holds the publications of others: they would be removed as left over."""
    others = [name for name in present if name.endswith(f"/{marker}") and name not in local]
    if others or not place.prefix:
        raise InputError(str(place), "a prefix of its own for each publication", "others below it")


def _unchanged(
    connection: S3Connection, place: S3Place, local: Local, present: Mapping[str, Entry], *, trusted: bool
) -> dict[str, str]:
    """ETags of the files that need not be sent.

    The recorded hash alone proves nothing: the bytes may have been changed under it. Most stores name bytes by their
    MD5; where one does not, or where no marker vouches for what is there (it was left by a process that may have ended
    before it read it back), the bytes are read.
    """
    equal = [name for name in local if name in present and present[name].size == local[name][1].size]

    def etag(name: str) -> str | None:
        digests = local[name][1]
        if s3_object.recorded_sha256(connection, place / name) != digests.sha256:
            return None
        if trusted and present[name].etag == b64decode(digests.md5).hex():
            return present[name].etag
        return s3_object.verified_etag(connection, place / name, digests.sha256)

    found = zip(equal, connection.together(etag, equal), strict=True)
    return {name: etag for name, etag in found if etag is not None}


def _send(
    connection: S3Connection, place: S3Place, files: Local, present: Mapping[str, Entry], sent: dict[str, str]
) -> None:
    """Send files, each in the place of what is there now, and read each back; their ETags go to `sent`."""
    largest = max((digests.size for _, digests in files.values()), default=0)
    if largest >= connection.settings.multipart_from_bytes:
        abort_uploads(connection, place)

    def send(name: str) -> None:
        path, digests = files[name]
        before = s3_object.current_etag(connection, place / name) if name in present else s3_object.NOTHING
        try:
            sent[name] = s3_object.upload(connection, place / name, path, digests, instead_of=before)
        except OSError as error:
            raise unreadable(name, error) from None

    connection.together(send, sorted(files, key=lambda name: -files[name][1].size))
