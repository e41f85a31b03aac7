"""A cohort on this machine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cardioscar.cohort.fingerprint import cohort_fingerprint
from cardioscar.cohort.layout import CohortLayout
from cardioscar.cohort.reading import SubjectFiles, look_at
from cardioscar.cohort.rows import CohortRows, list_rows
from cardioscar.cohort.source import Listed


@dataclass(frozen=True)
class FolderCohort:
    """A cohort on this machine, whose files are read where they lie.

    Attributes:
        root: Its folder or manifest.
        layout: What files are for.
        some: Its subjects, where not all of them are meant.
    """

    root: Path
    layout: CohortLayout
    some: CohortRows | None = None

    @cached_property
    def _rows(self) -> CohortRows:
        return list_rows(self.root, self.layout) if self.some is None else self.some

    @cached_property
    def _listed(self) -> list[Listed]:
        return [Listed(entry.subject, entry.problem, _sizes(entry.files)) for entry in look_at(self._rows, self.layout)]

    def listed(self) -> list[Listed]:
        """See `CohortSource`."""
        return list(self._listed)

    def ask(self, subjects: Collection[str] = ()) -> None:
        """See `CohortSource`: each file that cannot be read is its subject's problem."""

    def of(self, subjects: Collection[str]) -> FolderCohort:
        """See `CohortSource`."""
        return FolderCohort(self.root, self.layout, self._rows.of(subjects))

    def fingerprint(self) -> str:
        """See `CohortSource`."""
        return cohort_fingerprint(self.root)

    @contextmanager
    def files(self, subjects: Collection[str], roles: Sequence[str]) -> Iterator[list[SubjectFiles]]:
        """See `CohortSource`: the files as they are now, of subjects as they were listed."""
        yield look_at(self._rows, self.layout, subjects)


def _sizes(files: Mapping[str, Path]) -> dict[str, int]:
    """Size of each role's file; that of a folder is the sum of its files."""
    return {
        role: sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size
        for role, path in files.items()
    }
