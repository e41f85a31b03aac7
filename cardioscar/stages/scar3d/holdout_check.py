"""A hold-out that no subject has, refused before hours of work."""

from __future__ import annotations

from collections.abc import Collection

from cardioscar.cohort.folder import FolderCohort
from cardioscar.cohort.reading import SubjectFiles
from cardioscar.cohort.source import CohortSource
from cardioscar.errors import CardioscarError, ConfigError

_LOOKED_AT = 20
"""Subjects whose files are looked into at most before a run."""


def check_holdout_of(source: CohortSource, subjects: Collection[str], holdout: str) -> None:
    """Refuse slice numbers that no subject has, before hours of work, where a look at some files tells.

    Args:
        source: The cohort; one in an object store is not looked at.
        subjects: Ids.
        holdout: As for `hidden_slices`.

    Raises:
        ConfigError: If no subject has such a slice.
    """
    if holdout in ("none", "odd", "even") or not isinstance(source, FolderCohort):
        return
    wanted, most = max(int(part) for part in holdout.split(",")), 0
    if len(subjects) > _LOOKED_AT:
        return
    with source.files(subjects, ("labels", "scar", "lge")) as entries:
        for entry in entries:
            found = _slices(entry)
            if found is None or wanted < found:
                return
            most = max(most, found)
    raise ConfigError("holdout", f"slices that a subject has (0 to {most - 1})", str(wanted))


def _slices(entry: SubjectFiles) -> int | None:
    """Number of a subject's slices; None where it is not known, 0 where the subject fails anyway."""
    from cardioscar.imaging.formats.volume_files import read_volume
    from cardioscar.imaging.slices import slice_axis

    counts = [0]
    for role in ("labels", "scar", "lge"):
        path = entry.files.get(role)
        if path is None:
            continue
        if path.is_dir():
            return None
        try:
            volume = read_volume(path)
        except CardioscarError:
            continue
        counts.append(volume.values.shape[slice_axis(volume)])
    return max(counts)
