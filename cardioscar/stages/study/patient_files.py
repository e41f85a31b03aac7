"""The files of the patients of a shard, as the stages of a study ask for them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.reading import SubjectFiles
from cardioscar.cohort.source import CohortSource
from cardioscar.errors import ConfigError
from cardioscar.stages.study.layout import STUDY_LAYOUT
from cardioscar.stages.study.settings import StudySettings


@dataclass(frozen=True)
class Patients:
    """Patients whose files are here.

    Attributes:
        entries: By id.
        roles: Of the files that the stage reads.
    """

    entries: Mapping[str, SubjectFiles]
    roles: Collection[str]

    def files(self, subject: str) -> dict[str, Path]:
        """The files of the stage's roles, those that belong to them, and the settings.

        Raises:
            ConfigError: If the cohort has no such patient.
            InputError: If something is wrong with the folder as a whole.
        """
        if subject not in self.entries:
            raise ConfigError("subjects", "ids of the cohort", f"'{subject}'")
        own, wanted = self.entries[subject].checked(), {*self.roles}
        settings = STUDY_LAYOUT.settings
        return {name: path for name, path in own.items() if name.split(".")[0] in wanted or name == settings}

    def there(self, subject: str) -> dict[str, Path]:
        """Files of all roles; none where something is wrong with the folder."""
        entry = self.entries.get(subject)
        return {} if entry is None or entry.problem else entry.files

    def settings(self, subject: str) -> StudySettings:
        """What `subject.yaml` says."""
        found: StudySettings = self.entries[subject].settings()
        return found

    def remarks(self, subject: str) -> tuple[str, ...]:
        """Sentences on files that are not read."""
        return self.entries[subject].remarks

    def without_settings(self, subject: str) -> dict[str, Path]:
        """The same files without the settings."""
        return {name: path for name, path in self.files(subject).items() if name != STUDY_LAYOUT.settings}


@contextmanager
def patients(
    cohort_uri: str | Path | CohortSource, subjects: Sequence[str], roles: Sequence[str]
) -> Iterator[Patients]:
    """The patients of a shard; their files are on this machine until the block ends.

    Args:
        cohort_uri: The cohort, or one that is open.
        subjects: Ids.
        roles: Roles of the files that are read.
    """
    source = open_cohort(cohort_uri, STUDY_LAYOUT)
    if source is not cohort_uri:  # who hands over an open cohort has asked once, for all subjects
        source.ask(subjects)
    with source.files(subjects, roles) as found:
        yield Patients({entry.subject: entry for entry in found}, roles)
