"""The door to a cohort, wherever it lies."""

from __future__ import annotations

from pathlib import Path

from cardioscar.cohort.folder import FolderCohort
from cardioscar.cohort.layout import CohortLayout
from cardioscar.cohort.source import CohortSource
from cardioscar.services.store.places import place


def open_cohort(cohort: str | Path | CohortSource, layout: CohortLayout) -> CohortSource:
    """The cohort at a path or URI; nothing is read yet. One that is open is returned as it is.

    Args:
        cohort: Folder or `s3://` prefix of subject folders or of a `cohort.csv`, such a manifest itself, or the folder
            or prefix of one subject.
        layout: What files are for, as a family declares it; a cohort that is open brings its own.

    Raises:
        ConfigError: If it is neither a path nor an `s3://` address.
    """
    if not isinstance(cohort, str | Path):
        return cohort
    at = place(cohort, where="cohort")
    if isinstance(at, Path):
        return FolderCohort(at, layout)
    from cardioscar.cohort.store import StoredCohort

    return StoredCohort(at, layout)
