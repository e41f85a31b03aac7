"""A cohort in an object store: listed without being read, and brought to this machine subject by subject.

A prefix obeys the rules of a folder. So that these are written once, what is brought keeps its names, files that
nobody will read are left empty, and `cohort.py` looks at the copy.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cardioscar.cohort.copy import Copy, FolderCopy, RowCopy, bring
from cardioscar.cohort.fingerprint import listing_fingerprint
from cardioscar.cohort.folder_names import check_beside_subjects, is_subject
from cardioscar.cohort.layout import MANIFEST, CohortLayout
from cardioscar.cohort.manifest import ManifestRow, read_manifest
from cardioscar.cohort.reading import SubjectFiles, look_at
from cardioscar.cohort.rows import CohortRows, FolderRow
from cardioscar.cohort.source import Listed
from cardioscar.cohort.stand_ins import check_folder_names
from cardioscar.errors import InputError
from cardioscar.files.folders import platform_faults
from cardioscar.files.private_folder import private_folder
from cardioscar.services.store.object_store import Entry, Store
from cardioscar.services.store.s3_uri import S3Place, check_key


@dataclass(frozen=True)
class StoredRow:
    """A subject with a prefix of its own.

    Attributes:
        subject: Id, or `row-N` where the prefix's name is refused.
        where: Name of the prefix in messages.
        at: The prefix.
        names: Size in bytes of each object below it, by its relative key.
        problem: What is wrong with its name.
    """

    subject: str
    where: str
    at: S3Place
    names: Mapping[str, int]
    problem: InputError | None = None


@dataclass(frozen=True)
class StoredRows:
    """The subjects of a cohort in an object store, in the order of folder names or of the manifest's lines.

    Attributes:
        rows: A row for each subject.
        manifest: The manifest that they stand in; None where prefixes name them.
    """

    rows: tuple[StoredRow | ManifestRow, ...]
    manifest: S3Place | None = None

    @cached_property
    def _places(self) -> dict[str, int]:
        return {row.subject: place for place, row in enumerate(self.rows)}

    def of(self, subjects: Collection[str]) -> StoredRows:
        """The same with some subjects alone, in the same order."""
        places = sorted(self._places[subject] for subject in set(subjects) if subject in self._places)
        return StoredRows(tuple(self.rows[place] for place in places), self.manifest)


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

    def rows(self) -> StoredRows:
        """Its subjects, where folders name them."""
        if self.one:
            return _rows_of({self.root.name: {entry.relative: entry.size for entry in self.entries}}, self.root)
        found: dict[str, dict[str, int]] = {}
        for entry in self.entries:
            folder, slash, name = entry.relative.partition("/")
            if slash and not folder.startswith("."):
                found.setdefault(folder, {})[name] = entry.size
        if not found:
            raise InputError("cohort", "at least one subject folder", "none")
        return _rows_of(dict(sorted(found.items())), self.root, below=True)


@dataclass(frozen=True)
class StoredCohort:
    """A cohort below a prefix, or in a manifest among the objects that it names.

    Attributes:
        at: The prefix, or the manifest.
        layout: What files are for.
        some: Its subjects, where not all of them are meant.
    """

    at: S3Place
    layout: CohortLayout
    some: StoredRows | None = None

    def __post_init__(self) -> None:
        Store.connect()  # refuses impossible settings before anything is asked

    @property
    def _store(self) -> Store:
        return Store.connect()  # not kept: a connection does not travel to another process

    def listed(self) -> list[Listed]:
        """See `CohortSource`."""
        return list(self._listed)

    def ask(self, subjects: Collection[str] = ()) -> None:
        """See `CohortSource`."""
        known = self._known([*subjects][:1]) if subjects else self._rows
        for row in known.rows:  # of a manifest, the manifest itself was read
            if isinstance(row, StoredRow) and not row.problem:
                name = next((name for name, size in row.names.items() if size and _is_plain(name)), None)
                if name is not None:
                    self._store.check_readable(row.at / name)
                    return

    def of(self, subjects: Collection[str]) -> StoredCohort:
        """See `CohortSource`."""
        return StoredCohort(self.at, self.layout, self._rows.of(subjects))

    def fingerprint(self) -> str:
        """See `CohortSource`."""
        return listing_fingerprint((entry.relative, entry.size, entry.etag) for entry in self._listing.entries)

    @contextmanager
    def files(self, subjects: Collection[str], roles: Sequence[str]) -> Iterator[list[SubjectFiles]]:
        """See `CohortSource`: a temporary folder that nobody else may read, freed with the block."""
        with temporary_folder() as folder:
            with platform_faults(folder):
                found = self._brought(folder, self._known(subjects), subjects, roles)
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
        if is_subject(self.layout, top, {entry.relative.partition("/")[0] for entry in entries} - top):
            return _Listing(self.at, entries, one=True)
        check_beside_subjects(self.layout, top)
        return _Listing(self.at, entries)

    @cached_property
    def _rows(self) -> StoredRows:
        if self.some is not None:
            return self.some
        listing = self._listing
        if not listing.manifest:
            return listing.rows()
        at = listing.root / listing.manifest
        with temporary_folder() as folder:
            return StoredRows(tuple(read_manifest(self._store.download_file(at, folder / at.name), self.layout)), at)

    @cached_property
    def _listed(self) -> list[Listed]:
        sizes: dict[str, int] = {}
        if self._rows.manifest:
            for entry in self._listing.entries:
                name = entry.relative
                while name:  # a folder is as large as what it holds
                    sizes[name] = sizes.get(name, 0) + entry.size
                    name = name.rpartition("/")[0]

        def of(row: StoredRow | ManifestRow) -> dict[str, int]:
            if isinstance(row, StoredRow):
                return _sizes(row.names, self.layout)
            return {role: sizes[text] for role, text in row.paths.items() if text in sizes}

        return [Listed(row.subject, row.problem, of(row)) for row in self._rows.rows]

    def _known(self, subjects: Collection[str]) -> StoredRows:
        """Rows that hold the subjects: those listed, or where nothing was listed yet, what tells of them alone.

        A pod is given a few subjects of a large cohort, and asks for these.
        """
        if self.some is not None or "_rows" in vars(self):
            return self._rows
        return self._in_manifest() or self._alone(list(dict.fromkeys(subjects))) or self._rows

    def _in_manifest(self) -> StoredRows | None:
        """The manifest's rows; None where there is no manifest."""
        places = [self.at / MANIFEST, *([self.at] if self.at.prefix else [])]
        found = next(((at, data) for at, data in self._store.read_many(places).items() if data is not None), None)
        if found is None:
            return None
        at, data = found
        with temporary_folder() as folder:
            (folder / at.name).write_bytes(data)
            return StoredRows(tuple(read_manifest(folder / at.name, self.layout)), at)

    def _alone(self, wanted: list[str]) -> StoredRows | None:
        """The wanted subjects; None where only the whole listing tells what an id stands for."""
        if self.at.name in wanted:  # perhaps the prefix of one subject
            return None
        listings = self._store.connection.together(lambda name: self._store.files(self.at / name), wanted)
        if not all(listings):  # perhaps a stand-in for a refused id
            return None
        found = {name: {e.relative: e.size for e in some} for name, some in zip(wanted, listings, strict=True)}
        return _rows_of(found, self.at, below=True)

    def _brought(
        self, folder: Path, known: StoredRows, subjects: Collection[str], roles: Sequence[str]
    ) -> list[SubjectFiles]:
        """The files of wanted subjects, in a folder of this machine."""
        wanted, copies, rows = set(subjects), dict[str, Copy](), list[FolderRow | ManifestRow]()
        for row in known.rows:
            own = folder / row.subject
            rows.append(FolderRow(row.subject, row.where, own, row.problem) if isinstance(row, StoredRow) else row)
            if row.problem or row.subject not in wanted:
                continue
            if isinstance(row, StoredRow):
                copies[row.subject] = FolderCopy(row.at, own, row.names, roles, self.layout)
            elif known.manifest:
                copies[row.subject] = RowCopy(self._store, _parent(known.manifest), folder, row, roles, self.layout)
        problems = bring(self._store, copies)
        listed = CohortRows(tuple(rows), folder / known.manifest.name if known.manifest else None)
        return _with_problems(look_at(listed, self.layout, wanted), problems)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder below TMPDIR that only this user may read, removed at the end.

    Raises:
        PlatformError: If it cannot be made.
    """
    with ExitStack() as held:
        with platform_faults(Path(tempfile.gettempdir())):
            folder = held.enter_context(private_folder())
        yield folder


def _rows_of(folders: Mapping[str, Mapping[str, int]], root: S3Place, *, below: bool = False) -> StoredRows:
    """Rows of all folders of a cohort, or of the one that its prefix is."""
    checked = zip(folders.items(), check_folder_names(list(folders)), strict=True)
    return StoredRows(
        tuple(
            StoredRow(
                row, name if below else "the folder", root / name if below and not problem else root, names, problem
            )
            for (name, names), (row, problem) in checked
        )
    )


def _is_plain(name: str) -> bool:
    try:
        return bool(check_key(name))
    except InputError:
        return False


def _parent(at: S3Place) -> S3Place:
    return S3Place(at.bucket, at.prefix.rpartition("/")[0])


def _sizes(names: Mapping[str, int], layout: CohortLayout) -> dict[str, int]:
    """Bytes of each role among the objects of a subject's folder."""
    sizes: dict[str, int] = {}
    for name, size in names.items():
        top, slash, _ = name.partition("/")
        if role := layout.role_of(top, folder=bool(slash)):
            sizes[role] = sizes.get(role, 0) + size
    return sizes


def _with_problems(entries: list[SubjectFiles], problems: Mapping[str, InputError]) -> list[SubjectFiles]:
    return [
        SubjectFiles(entry.subject, entry.layout, problem=problems[entry.subject])
        if entry.subject in problems
        else entry
        for entry in entries
    ]
