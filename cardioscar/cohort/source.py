"""Where a cohort's files come from: a folder of this machine, or an object store, by one interface.

A command opens its cohort once and hands the object on: what was listed stays listed, so that no stage and no worker
lists the cohort again for a subject.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from cardioscar.cohort.layout import CohortLayout
from cardioscar.cohort.reading import SubjectFiles
from cardioscar.errors import InputError


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

    @property
    def layout(self) -> CohortLayout:
        """What the files of its subjects are for, as the family declared it that opened it."""

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
            roles: Roles whose files will be read, with those that belong to them; the settings always are. Files of
                other roles may be empty.

        Raises:
            InputError: If there is no cohort, or its manifest cannot be read at all. What is wrong with one subject's
                files is its `problem`.
            PlatformError: If files cannot be brought to this machine (disk full).
            UnreachableError: If the object store does not answer.
        """
