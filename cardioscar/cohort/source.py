"""Where a cohort's files come from: a folder of this machine, or an object store, by one interface."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cardioscar.cohort.fingerprint import cohort_fingerprint
from cardioscar.cohort.reading import SubjectFiles, read_cohort
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
    """A cohort, wherever it lies."""

    def listed(self) -> list[Listed]:
        """Every subject, in the order of folder names or of the manifest's lines; no file of a subject is read.

        Raises:
            InputError: If there is no cohort, or its manifest cannot be read at all.
            UnreachableError: If the object store does not answer.
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


def open_cohort(uri: str | Path) -> CohortSource:
    """The cohort at a path or URI; nothing is read yet.

    Args:
        uri: Folder or `s3://` prefix of subject folders or of a `cohort.csv`, such a manifest itself, or the folder or
            prefix of one subject.

    Raises:
        ConfigError: If it is neither a path nor an `s3://` address.
    """
    at = place(uri, where="cohort")
    if isinstance(at, Path):
        return FolderCohort(at)
    from cardioscar.cohort.store import StoredCohort

    return StoredCohort(at)


class FolderCohort:
    """A cohort on this machine, whose files are read where they lie."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def listed(self) -> list[Listed]:
        """See `CohortSource`."""
        return [Listed(entry.subject, entry.problem, _sizes(entry.files)) for entry in read_cohort(self.root)]

    def fingerprint(self) -> str:
        """See `CohortSource`."""
        return cohort_fingerprint(self.root)

    @contextmanager
    def files(self, subjects: Collection[str], roles: Sequence[str]) -> Iterator[list[SubjectFiles]]:
        """See `CohortSource`."""
        yield read_cohort(self.root, subjects)


def _sizes(files: Mapping[str, Path]) -> dict[str, int]:
    """Size of each role's file; that of a folder is the sum of its files."""
    return {
        role: sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size
        for role, path in files.items()
    }
