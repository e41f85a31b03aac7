"""Published results in an object store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cardioscar.cohort.store import temporary_folder
from cardioscar.errors import InputError
from cardioscar.identity.subject_id import is_subject_id
from cardioscar.results.own_table import CHECKS
from cardioscar.results.publication import METRICS, PICTURE, Publication, Result, result_of, stamp_bytes
from cardioscar.results.signoff import SIGNOFF, signoff_of
from cardioscar.services.store.claim import NAME as CLAIM
from cardioscar.services.store.object_io import recorded_sha256
from cardioscar.services.store.object_store import Store
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.shard.own_files import STAMP, OwnFiles, shown, strangers
from cardioscar.shard.status import FILE, parse_status

_SUBJECTS_AT_ONCE = 500
"""Whose files are held in memory while a cohort is summarized."""
_LISTED_ALONE = 20
"""From so many subjects on, one listing of all the results is cheaper than one for each."""


class StoreResults:
    """Results below a prefix. Who sees a subject's `status.json` sees all of its files; nothing is written twice."""

    def __init__(self, root: S3Place, own: OwnFiles) -> None:
        self.root, self._own, self._store = root, own, Store.connect()

    def publish(self, what: Publication, run_id: str = "") -> None:
        """See `Results`."""
        at = self.root / what.row.subject
        names = [entry.relative for entry in self._store.files(at)]
        others, ours = self._others(what.row.subject, names, self._store.read_many([at / FILE])[at / FILE])
        if clash := next((name for name in others if name in what.files), None):
            raise InputError(str(at), f"no object of others named {shown(clash)}", "one; move it away")
        self._store.publish(
            {**what.files, FILE: what.marker}, at, marker=FILE, hashes=what.hashes, keep=(STAMP, *others),
            removable=lambda name: name in ours or (name not in others and self._own.is_written(name)),
        )  # fmt: skip
        # last: until then the result, if there was one before, is vouched for by the earlier run alone
        if run_id:
            self._write(at / STAMP, stamp_bytes(run_id, what.marker.read_bytes()))

    def check(self, subjects: Sequence[str]) -> None:
        """See `Results`: one listing for all subjects, where there are several."""
        found: dict[str, list[str]] = {}
        for at in [self.root / name for name in subjects] if len(subjects) < _LISTED_ALONE else [self.root]:
            for entry in self._store.files(at):
                subject, _, name = entry.key.removeprefix(self.root.under).partition("/")
                found.setdefault(subject, []).append(name)
        there = [subject for subject in subjects if subject in found]
        for start in range(0, len(there), _SUBJECTS_AT_ONCE):
            some = there[start : start + _SUBJECTS_AT_ONCE]
            markers = self._store.read_many(self.root / subject / FILE for subject in some)
            for subject in some:
                self._others(subject, found[subject], markers[self.root / subject / FILE])
        cohort = self._store.read_many([self.root / name for name in CHECKS])
        for name, check in CHECKS.items():
            check(cohort[self.root / name])

    def _others(self, subject: str, names: Sequence[str], marker: bytes | None) -> tuple[list[str], set[str]]:
        """Names of the objects of others below a subject's prefix, and of those that its marker names as ours.

        Raises:
            InputError: If the prefix holds objects, and they are none that were published for the subject.
        """
        at = self.root / subject
        if marker is None and (unmarked := sorted(name for name in names if name)):
            # perhaps what a publication left that was killed: its names, with the hash that `s3_object` records
            left = lambda name: self._own.is_written(name) and self._is_recorded(at / name)  # noqa: E731
            strange = next((name for name in unmarked if not left(name)), "")
            if strange:
                strangers(str(at), [strange], None, subject=subject, own=self._own)
            return [], set(unmarked)
        others = strangers(str(at), names, marker, subject=subject, own=self._own)
        row = parse_status(marker)
        return [name for name in others if name != CLAIM], self._own.vouched(row) if row else set()

    def _is_recorded(self, at: S3Place) -> bool:
        return recorded_sha256(self._store.connection, at) is not None

    def results(self, subjects: Sequence[str]) -> Iterator[Result]:
        """See `Results`."""
        for start in range(0, len(subjects), _SUBJECTS_AT_ONCE):
            some = subjects[start : start + _SUBJECTS_AT_ONCE]
            names = (FILE, STAMP, METRICS, PICTURE, SIGNOFF)
            found = self._store.read_many(self.root / s / name for s in some for name in names)
            for subject in some:
                *files, word = (found[self.root / subject / name] for name in names)
                yield replace(result_of(subject, *files), signoff=signoff_of(word, files[names.index(METRICS)]))

    def ask(self) -> None:
        """See `Results`: whether it can be listed, written to and cleared."""
        self._store.exists(self.root / FILE)
        self._store.check_writable(self.root)

    def subjects(self) -> list[str]:
        """See `Results`: all folders, for a listing does not say what is in them."""
        return [name for name in self._store.folders(self.root) if is_subject_id(name)]

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """See `Results`: a store has no locks."""
        yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `Results`: a store has no locks; `summarize_cohort` looks again when it has written."""
        yield

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """See `Results`: a temporary folder, whose files are shown when they are put."""
        with temporary_folder() as folder:
            yield folder

    def put(self, path: Path) -> None:
        """See `Results`."""
        self._write(self.root / path.name, path.read_bytes())

    def read(self, name: str) -> bytes:
        """See `Results`."""
        return self._store.read(self.root / name)

    def address(self, name: str) -> str:
        """See `Results`."""
        return str(self.root / name)

    def _write(self, at: S3Place, data: bytes) -> None:
        """Write an object unless these are its bytes."""
        if self._store.read_many([at])[at] != data:
            self._store.write(at, data)
