"""A cohort in an object store: listed without being read, and brought to this machine subject by subject.

A prefix obeys the rules of a folder. So that these are written once, what is brought keeps its names, files that
nobody will read are left empty, and `cohort.py` looks at the copy.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cardioscar.cohort.copy import FolderCopy, RowCopy, bring
from cardioscar.cohort.fingerprint import listing_fingerprint
from cardioscar.cohort.folder_names import check_beside_subjects, is_subject
from cardioscar.cohort.layout import MANIFEST, check_folder_names, role_of
from cardioscar.cohort.manifest import read_manifest
from cardioscar.cohort.reading import SubjectFiles, read_cohort, read_folders
from cardioscar.cohort.source import Listed
from cardioscar.errors import InputError
from cardioscar.files.folders import platform_faults
from cardioscar.services.store.object_store import Entry, Store
from cardioscar.services.store.s3_uri import S3Place


@dataclass(frozen=True)
class _Listing:
    """All objects of a cohort, and what they are.

    Attributes:
        root: Prefix of the cohort.
        entries: Every object below it.
        manifest: Name of its manifest; empty where folders name the subjects.
        one: Whether the prefix is that of one subject.
    """

    root: S3Place
    entries: list[Entry]
    manifest: str = ""
    one: bool = False

    def folders(self) -> dict[str, dict[str, int]]:
        """Size of each object of each subject by its name in the subject's folder; in the order of folder names."""
        if self.one:
            return {self.root.name: {entry.relative: entry.size for entry in self.entries}}
        found: dict[str, dict[str, int]] = {}
        for entry in self.entries:
            folder, slash, name = entry.relative.partition("/")
            if slash and not folder.startswith("."):
                found.setdefault(folder, {})[name] = entry.size
        if not found:
            raise InputError("cohort", "at least one subject folder", "none")
        return dict(sorted(found.items()))


class StoredCohort:
    """A cohort below a prefix, or in a manifest among the objects that it names."""

    def __init__(self, at: S3Place) -> None:
        self.at, self._store = at, Store.connect()

    def listed(self) -> list[Listed]:
        """See `CohortSource`."""
        listing = self._listing
        if listing.manifest:
            return self._listed_rows(listing)
        folders = listing.folders()
        checked = zip(folders.values(), check_folder_names(list(folders)), strict=True)
        return [Listed(row, problem, _sizes(names)) for names, (row, problem) in checked]

    def fingerprint(self) -> str:
        """See `CohortSource`."""
        return listing_fingerprint((entry.relative, entry.size, entry.etag) for entry in self._listing.entries)

    @contextmanager
    def files(self, subjects: Collection[str], roles: Sequence[str]) -> Iterator[list[SubjectFiles]]:
        """See `CohortSource`: a temporary folder that nobody else may read, freed with the block."""
        with temporary_folder() as folder:
            with platform_faults(folder):
                found = self._by_manifest(folder, subjects, roles)
                if found is None:
                    found = self._by_folder(folder, subjects, roles)
            yield found

    @cached_property
    def _listing(self) -> _Listing:
        entries = self._store.files(self.at)
        if not entries:
            if not self.at.prefix or not self._store.exists(self.at):
                raise InputError("cohort", "a prefix of subjects or a cohort.csv in the object store", "nothing there")
            root = _parent(self.at)
            return _Listing(root, self._store.files(root), self.at.name)
        top = {entry.relative for entry in entries if "/" not in entry.relative}
        if MANIFEST in top:
            return _Listing(self.at, entries, MANIFEST)
        if is_subject(top, {entry.relative.partition("/")[0] for entry in entries} - top):
            return _Listing(self.at, entries, one=True)
        check_beside_subjects(top)
        return _Listing(self.at, entries)

    def _listed_rows(self, listing: _Listing) -> list[Listed]:
        with temporary_folder() as folder:
            path = folder / listing.manifest
            rows = read_manifest(self._store.download_file(listing.root / listing.manifest, path))
        sizes: dict[str, int] = {}
        for entry in listing.entries:
            name = entry.relative
            while name:  # a folder is as large as what it holds
                sizes[name] = sizes.get(name, 0) + entry.size
                name = name.rpartition("/")[0]
        return [
            Listed(r.subject, r.problem, {role: sizes[text] for role, text in r.paths.items() if text in sizes})
            for r in rows
        ]

    def _by_manifest(self, folder: Path, subjects: Collection[str], roles: Sequence[str]) -> list[SubjectFiles] | None:
        """The wanted rows of the manifest; None where there is no manifest."""
        places = [self.at / MANIFEST, *([self.at] if self.at.prefix else [])]
        found = next(((at, data) for at, data in self._store.read_many(places).items() if data is not None), None)
        if found is None:
            return None
        at, data = found
        manifest = folder / at.name
        manifest.write_bytes(data)
        rows = [row for row in read_manifest(manifest) if row.subject in subjects and not row.problem]
        copies = {row.subject: RowCopy(self._store, _parent(at), folder, row, roles) for row in rows}
        problems = bring(self._store, copies)
        return _with_problems(read_cohort(manifest, subjects), problems)

    def _by_folder(self, folder: Path, subjects: Collection[str], roles: Sequence[str]) -> list[SubjectFiles]:
        wanted = list(dict.fromkeys(subjects))
        found, root, where = self._found_alone(wanted), self.at, ""
        if found is None:
            found, root = self._listing.folders(), self._listing.root
            where = "the folder" if self._listing.one else ""
        at = {name: root if where else root / name for name in found if name in wanted}
        copies = {name: FolderCopy(at[name], folder / name, found[name], roles) for name in at}
        problems = bring(self._store, copies)
        return _with_problems(read_folders([(name, where or name, folder / name) for name in found], wanted), problems)

    def _found_alone(self, wanted: list[str]) -> dict[str, dict[str, int]] | None:
        """Objects of the wanted subjects; None where only the whole listing tells what an id stands for."""
        if self.at.name in wanted:  # perhaps the prefix of one subject
            return None
        listings = self._store.connection.together(lambda name: self._store.files(self.at / name), wanted)
        if not all(listings):  # perhaps a stand-in for a refused id
            return None
        return {name: {e.relative: e.size for e in some} for name, some in zip(wanted, listings, strict=True)}


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder below TMPDIR that only this user may read, removed at the end.

    Raises:
        PlatformError: If it cannot be made.
    """
    with platform_faults(Path(tempfile.gettempdir())):
        folder = tempfile.TemporaryDirectory(prefix="cardioscar-", ignore_cleanup_errors=True)
    with folder as path:
        yield Path(path)


def _parent(at: S3Place) -> S3Place:
    return S3Place(at.bucket, at.prefix.rpartition("/")[0])


def _sizes(names: Mapping[str, int]) -> dict[str, int]:
    """Bytes of each role among the objects of a subject's folder."""
    sizes: dict[str, int] = {}
    for name, size in names.items():
        top, slash, _ = name.partition("/")
        if role := role_of(top, folder=bool(slash)):
            sizes[role] = sizes.get(role, 0) + size
    return sizes


def _with_problems(entries: list[SubjectFiles], problems: Mapping[str, InputError]) -> list[SubjectFiles]:
    return [
        SubjectFiles(entry.subject, problem=problems[entry.subject]) if entry.subject in problems else entry
        for entry in entries
    ]
