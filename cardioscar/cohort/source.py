"""Where a cohort's files come from: a folder of this machine, or an object store, by one interface.

A command opens its cohort once and hands the object on: what was listed stays listed, so that no stage and no worker
lists the cohort again for a subject.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from cardioscar.cohort.fingerprint import cohort_fingerprint
from cardioscar.cohort.reading import SubjectFiles, look_at
from cardioscar.cohort.rows import CohortRows, list_rows
from cardioscar.errors import InputError
from cardioscar.services.store.places import place


@dataclass(frozen=True)
class Listed:
    """What a listing of the cohort says of one subject.

    Attributes:
        subject: Id, or `row-N` where the id itself is refused.
        problem: What is wrong with the subject, as far as a listing tells.
        sizes: Size of the file of each role, in bytes.
    """

    subject: str
    problem: InputError | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)


class CohortSource(Protocol):
    """A cohort, wherever it lies; it is listed once, when that is first needed, and can be sent to another process."""

    def listed(self) -> list[Listed]:
        """Every subject, in the order of folder names or of the manifest's lines; no file of a subject is read.

        Raises:
            InputError: If there is no cohort, or its manifest cannot be read at all.
            UnreachableError: If the object store does not answer.
        """

    def ask(self, subjects: Collection[str] = ()) -> None:
        """Find out whether the files can be read, before hours of work.

        Args:
            subjects: Ids of some of its subjects, where the cohort was not listed; default all.

        Raises:
            InputError: As for `listed`.
            ConfigError: If the object store does not let them be read with these credentials.
            UnreachableError: If it does not answer.
        """

    def of(self, subjects: Collection[str]) -> CohortSource:
        """The same cohort with some subjects alone: all that a worker needs, without what was listed of the others.

        Raises:
            InputError: As for `listed`.
        """

    def fingerprint(self) -> str:
        """64 hexadecimal digits, equal as long as no file is added, removed, renamed or written."""

    def files(self, subjects: Collection[str], roles: Sequence[str]) -> AbstractContextManager[list[SubjectFiles]]:
        """The files of some subjects, on this machine until the block ends.

        Args:
            subjects: Ids.
            roles: Roles whose files will be read, with those that belong to them; `subject.yaml` always is. Files of
                other roles may be empty.

        Raises:
            InputError: If there is no cohort, or its manifest cannot be read at all. What is wrong with one subject's
                files is its `problem`.
            PlatformError: If files cannot be brought to this machine (disk full).
            UnreachableError: If the object store does not answer.
        """


def open_cohort(cohort: str | Path | CohortSource) -> CohortSource:
    """The cohort at a path or URI; nothing is read yet. One that is open is returned as it is.

    Args:
        cohort: Folder or `s3://` prefix of subject folders or of a `cohort.csv`, such a manifest itself, or the folder
            or prefix of one subject.

    Raises:
        ConfigError: If it is neither a path nor an `s3://` address.
    """
    if not isinstance(cohort, str | Path):
        return cohort
    at = place(cohort, where="cohort")
    if isinstance(at, Path):
        return FolderCohort(at)
    from cardioscar.cohort.store import StoredCohort

    return StoredCohort(at)


@dataclass(frozen=True)
class FolderCohort:
    """A cohort on this machine, whose files are read where they lie.

    Attributes:
        root: Its folder or manifest.
        some: Its subjects, where not all of them are meant.
    """

    root: Path
    some: CohortRows | None = None

    @cached_property
    def _rows(self) -> CohortRows:
        return list_rows(self.root) if self.some is None else self.some

    @cached_property
    def _listed(self) -> list[Listed]:
        return [Listed(entry.subject, entry.problem, _sizes(entry.files)) for entry in look_at(self._rows)]

    def listed(self) -> list[Listed]:
        """See `CohortSource`."""
        return list(self._listed)

    def ask(self, subjects: Collection[str] = ()) -> None:
        """See `CohortSource`: each file that cannot be read is its subject's problem."""

    def of(self, subjects: Collection[str]) -> FolderCohort:
        """See `CohortSource`."""
        return FolderCohort(self.root, self._rows.of(subjects))

    def fingerprint(self) -> str:
        """See `CohortSource`."""
        return cohort_fingerprint(self.root)

    @contextmanager
    def files(self, subjects: Collection[str], roles: Sequence[str]) -> Iterator[list[SubjectFiles]]:
        """See `CohortSource`: the files as they are now, of subjects as they were listed."""
        yield look_at(self._rows, subjects)


def _sizes(files: Mapping[str, Path]) -> dict[str, int]:
    """Size of each role's file; that of a folder is the sum of its files."""
    return {
        role: sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size
        for role, path in files.items()
    }
