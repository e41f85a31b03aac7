"""Bring subjects' files from an object store to this machine: those that will be read, and the names of the others.

The copy has all the names that `cohort.py` looks for, so that its rules are written once. What nobody will read is an
empty file.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar

from cardioscar.cohort.layout import OPENCARP, SETTINGS_COLUMN, CohortLayout
from cardioscar.cohort.manifest import ManifestRow
from cardioscar.errors import InputError
from cardioscar.imaging.formats.voxel_files import HEADERS, voxel_files
from cardioscar.services.store.object_store import Store
from cardioscar.services.store.s3_uri import S3Place, check_key

Download = tuple[S3Place, Path]
I = TypeVar("I")  # noqa: E741
T = TypeVar("T")


class Copy(Protocol):
    """What is to be brought of one subject."""

    def first(self) -> list[Download]:
        """Make room for all names; what to download.

        Raises:
            InputError: If a key cannot be a path.
        """

    def of_headers(self) -> list[Download]:
        """What the headers name that were brought first."""


def bring(store: Store, copies: Mapping[str, Copy]) -> dict[str, InputError]:
    """Download the files of many subjects at once.

    Returns:
        What is wrong with a subject's objects, by its id; it hinders nobody else.

    Raises:
        PlatformError: If this machine cannot take them.
        UnreachableError: If the store does not answer.
    """
    problems: dict[str, InputError] = {}

    def each(work: Callable[[I], T], items: Iterable[tuple[str, I]]) -> list[tuple[str, T]]:
        """Do the work in threads, and keep the problem of each subject that has one."""

        def one(item: tuple[str, I]) -> tuple[str, T] | None:
            try:
                return item[0], work(item[1])
            except InputError as error:
                problems.setdefault(item[0], error)
                return None

        return [done for done in store.connection.together(one, items) if done]

    def fetch(what: Download) -> None:
        place, path = what
        try:
            store.download_file(place, path)
        except InputError as error:  # said without the key, whose folders may identify people
            raise InputError(path.name, error.rule, error.finding) from None

    def download(planned: list[tuple[str, list[Download]]]) -> None:
        each(fetch, [(name, what) for name, some in planned for what in some])

    download(each(lambda copy: copy.first(), copies.items()))
    download(each(lambda copy: copy.of_headers(), [item for item in copies.items() if item[0] not in problems]))
    return problems


@dataclass(frozen=True)
class FolderCopy:
    """A subject whose files lie in a folder of its own.

    Attributes:
        at: The folder in the store.
        folder: Its copy.
        names: Relative keys of all objects below it.
        roles: Roles whose files will be read.
        layout: What files are for.
    """

    at: S3Place
    folder: Path
    names: Collection[str]
    roles: Collection[str]
    layout: CohortLayout

    def first(self) -> list[Download]:
        """See `Copy`."""
        self.folder.mkdir()
        for name in self.names:
            _make_room(self.folder, name)
        return [self._download(name) for name in self.names if self._is_wanted(name)]

    def of_headers(self) -> list[Download]:
        """See `Copy`."""
        more: set[str] = set()
        for name in self.names:
            if self.layout.role_of(name) in self.roles:
                more |= _named_by(self.folder / name, self.folder) & set(self.names)
        return [self._download(name) for name in sorted(more) if not self._is_wanted(name)]

    def _is_wanted(self, name: str) -> bool:
        top = name.partition("/")[0]
        return top == self.layout.settings or top.partition(".")[0] in self.roles

    def _download(self, name: str) -> Download:
        return self.at / name, self.folder / name


@dataclass(frozen=True)
class RowCopy:
    """A subject whose files a manifest names.

    Attributes:
        store: The store.
        at: The prefix that the manifest's paths are relative to.
        folder: Its copy, shared by the rows of the manifest.
        row: The subject's row.
        roles: Roles whose files will be read.
        layout: What files are for.
    """

    store: Store
    at: S3Place
    folder: Path
    row: ManifestRow
    roles: Collection[str]
    layout: CohortLayout

    def first(self) -> list[Download]:
        """See `Copy`."""
        found = []
        for role, text in self.row.paths.items():
            name = _plain(text)
            if name:  # else cohort.py refuses the path, or finds nothing there
                self._note_settings(posixpath.dirname(name))
                wanted = role in self.roles or role == SETTINGS_COLUMN
                for one in self._with_partners(role, name):
                    names = self._names(one, is_folder=role in self.layout.folders)
                    for each in names:
                        _make_room(self.folder, each)
                    found += [self._download(each) for each in names if wanted]
        return found

    def of_headers(self) -> list[Download]:
        """See `Copy`."""
        more = set()
        for role, text in self.row.paths.items():
            name = _plain(text)
            if name and role in self.roles and (self.folder / name).is_file():
                for one in _named_by(self.folder / name, self.folder):
                    more |= set(self._names(one, is_folder=False))
        for each in more:
            _make_room(self.folder, each)
        return [self._download(each) for each in sorted(more)]

    def _note_settings(self, folder: str) -> None:
        """Show cohort.py settings that lie beside the files and that the row does not name."""
        name = posixpath.join(folder, self.layout.settings)
        is_new = SETTINGS_COLUMN not in self.row.paths and not (self.folder / name).exists()
        if is_new and self.store.exists(self.at / name):
            _make_room(self.folder, name)

    def _with_partners(self, role: str, name: str) -> list[str]:
        path, kind = PurePosixPath(name), self.layout.by_name.get(role)
        if kind and kind.is_pair and path.suffix in OPENCARP:
            return [str(path.with_suffix(suffix)) for suffix in (*OPENCARP, ".lon")]
        return [name]

    def _names(self, name: str, *, is_folder: bool) -> list[str]:
        """The object of that key, or where it may be a folder, the objects below it."""
        if self.store.exists(self.at / name):
            return [name]
        return [f"{name}/{entry.relative}" for entry in self.store.files(self.at / name)] if is_folder else []

    def _download(self, name: str) -> Download:
        return self.at / name, self.folder / name


def _named_by(header: Path, folder: Path) -> set[str]:
    """Names, below the folder, of the files that an image's header names for its voxels."""
    if header.suffix.lower() not in HEADERS:
        return set()
    try:
        found = voxel_files(header, where=header.name, called=header.name)
    except InputError:
        return set()  # cohort.py refuses it
    return {_plain(path.relative_to(folder.resolve()).as_posix()) for path in found} - {""}


def _plain(text: str) -> str:
    """A relative path without `.` and `..`; empty where it is no path below its folder."""
    name = posixpath.normpath(text)
    if name.startswith(("/", "..")) or name == ".":
        return ""
    try:
        return check_key(name)
    except InputError:
        return ""


def _make_room(folder: Path, name: str) -> None:
    """Make an empty file, so that a key which is a folder of other keys too is found before anything is written.

    Raises:
        InputError: If it is, or cannot be a path at all.
    """
    path = folder / check_key(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        clash = path.is_dir()
    except (FileExistsError, NotADirectoryError):
        clash = True
    if clash:
        raise InputError("object key", "a name that is a file or a folder", "one that is both")
