"""Published results in an object store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cardioscar.cohort.store import temporary_folder
from cardioscar.identity.subject_id import is_subject_id
from cardioscar.results.publication import METRICS, STAMP, Publication, Result, result_of, stamp_bytes
from cardioscar.services.store.object_store import Store
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.shard.status import FILE

_SUBJECTS_AT_ONCE = 500
"""Whose files are held in memory while a cohort is summarized."""


class StoreResults:
    """Results below a prefix. Who sees a subject's `status.json` sees all of its files; nothing is written twice."""

    def __init__(self, root: S3Place) -> None:
        self.root, self._store = root, Store.connect()

    def publish(self, what: Publication, run_id: str = "") -> None:
        """See `Results`."""
        at = self.root / what.row.subject
        self._store.publish({**what.files, FILE: what.marker}, at, marker=FILE, hashes=what.hashes, keep=(STAMP,))
        # last: until then the result, if there was one before, is vouched for by the earlier run alone
        if run_id:
            self._write(at / STAMP, stamp_bytes(run_id, what.marker.read_bytes()))

    def results(self, subjects: Sequence[str]) -> Iterator[Result]:
        """See `Results`."""
        for start in range(0, len(subjects), _SUBJECTS_AT_ONCE):
            some = subjects[start : start + _SUBJECTS_AT_ONCE]
            found = self._store.read_many(self.root / s / name for s in some for name in (FILE, STAMP, METRICS))
            for subject in some:
                yield result_of(subject, *(found[self.root / subject / name] for name in (FILE, STAMP, METRICS)))

    def ask(self) -> None:
        """See `Results`."""
        self._store.exists(self.root / FILE)

    def subjects(self) -> list[str]:
        """See `Results`: all folders, for a listing does not say what is in them."""
        return [name for name in self._store.folders(self.root) if is_subject_id(name)]

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
