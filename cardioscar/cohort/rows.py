"""Which subjects a cohort on this machine has, by the names in its folder or by its manifest: what is read once a run.

The files of a subject are looked at when they are wanted, and of that subject alone.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cardioscar.cohort.folder_names import check_beside_subjects, is_lost_folder, is_subject
from cardioscar.cohort.layout import MANIFEST, CohortLayout
from cardioscar.cohort.manifest import ManifestRow, read_manifest
from cardioscar.cohort.stand_ins import check_folder_names
from cardioscar.errors import InputError
from cardioscar.services.store.places import local_folder


@dataclass(frozen=True)
class FolderRow:
    """A subject with a folder of its own.

    Attributes:
        subject: Id, or `row-N` where the folder's name is refused.
        where: Name of the folder in messages.
        folder: The folder.
        problem: What is wrong with its name.
    """

    subject: str
    where: str
    folder: Path
    problem: InputError | None = None


@dataclass(frozen=True)
class CohortRows:
    """The subjects of a cohort, none of whose files is looked at yet; in the order of folders or lines.

    Attributes:
        rows: A row for each subject.
        manifest: The `cohort.csv` that they stand in; None where folders name them.
    """

    rows: tuple[FolderRow | ManifestRow, ...]
    manifest: Path | None = None

    @cached_property
    def _places(self) -> dict[str, int]:
        return {row.subject: place for place, row in enumerate(self.rows)}

    def of(self, subjects: Collection[str]) -> CohortRows:
        """The same with some subjects alone, in the same order."""
        places = sorted(self._places[subject] for subject in set(subjects) if subject in self._places)
        return CohortRows(tuple(self.rows[place] for place in places), self.manifest)


def list_rows(cohort_uri: str | Path, layout: CohortLayout) -> CohortRows:
    """Which subjects a cohort on this machine has.

    Args:
        cohort_uri: Folder of subject folders, a folder with a `cohort.csv`, the path of such a manifest, or the folder
            of one subject.
        layout: What files are for.

    Raises:
        InputError: If there is no cohort, or its manifest cannot be read at all.
    """
    root = local_folder(cohort_uri, where="cohort")
    manifest = root if root.is_file() else root / MANIFEST
    if manifest.is_file():
        return CohortRows(tuple(read_manifest(manifest, layout)), manifest)
    if manifest.is_symlink():
        raise InputError(MANIFEST, "a readable file", "a link that leads nowhere")
    if not root.is_dir():
        raise InputError("cohort", "a folder or a cohort.csv", "no such folder")
    files, folders = listed_names(root, "cohort")
    if is_subject(layout, files, folders):
        return CohortRows(folder_rows([(root.resolve().name, "the folder", root)]))
    check_beside_subjects(layout, files)
    # a link to a subject's folder that leads nowhere is a subject too: a row, not one heart fewer
    found = [name for name in folders if not name.startswith(".")]
    found += [name for name in files if is_lost_folder(root / name)]
    if not found:
        raise InputError("cohort", "at least one subject folder", "none")
    return CohortRows(folder_rows([(name, name, root / name) for name in sorted(found)]))


def folder_rows(folders: Sequence[tuple[str, str, Path]]) -> tuple[FolderRow, ...]:
    """Rows of folders given by name, name in messages, and path: all of the cohort, for names are told apart."""
    checked = zip(folders, check_folder_names([name for name, *_ in folders]), strict=True)
    return tuple(FolderRow(row, where, folder, problem) for (_, where, folder), (row, problem) in checked)


def is_subject_folder(folder: Path, layout: CohortLayout) -> bool:
    """Whether a folder holds one subject's files rather than a folder for each subject."""
    return is_subject(layout, *listed_names(folder, "cohort"))


def listed_names(folder: Path, where: str) -> tuple[list[str], list[str]]:
    """Names of files, dead links among them, and of folders; both sorted.

    Raises:
        InputError: If the folder cannot be read.
    """
    files, folders = list[str](), list[str]()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                (folders if _is_folder(entry) else files).append(entry.name)
    except OSError as error:
        raise InputError(where, "a readable folder", error.strerror or "an unreadable one") from None
    return sorted(files), sorted(folders)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """The kind is in the listing, so that only links cost a request to the file system each."""
    return Path(entry.path).is_dir() if entry.is_symlink() else entry.is_dir(follow_symlinks=False)
