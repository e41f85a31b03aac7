"""Stage `list_subjects`: the cohort's ids in shards, the unit of work of a pod."""

from __future__ import annotations

from pathlib import Path

from cardioscar.errors import InputError
from cardioscar.stages.cohort import SubjectFiles, read_cohort
from cardioscar.stages.preflight import check_run_size


def select(cohort_uri: str | Path, subjects: str = "") -> list[SubjectFiles]:
    """The subjects of a cohort, or those of a comma-separated list.

    Raises:
        InputError: If an id of the list is not in the cohort.
    """
    entries = read_cohort(cohort_uri)
    wanted = [name.strip() for name in subjects.split(",") if name.strip()]
    if not wanted:
        return entries
    known = {entry.subject: entry for entry in entries}
    missing = [name for name in wanted if name not in known]
    if missing:
        raise InputError("subjects", f"ids of the cohort ({len(known)} subjects)", ", ".join(missing[:5]))
    return [known[name] for name in dict.fromkeys(wanted)]


def run(cohort_uri: str | Path, shard_size: int, subjects: str = "") -> list[list[str]]:
    """List a cohort's subjects in shards.

    Args:
        cohort_uri: Folder of subject folders, or of a `cohort.csv`.
        shard_size: Subjects in a shard.
        subjects: Comma-separated ids to keep; empty for all.

    Returns:
        Shards of ids; a refused id stands in as `row-N`, so that it becomes a row with its reason.

    Raises:
        ConfigError: If the run would pass the platform's limits; the message proposes a shard size.
    """
    ids = [entry.subject for entry in select(cohort_uri, subjects)]
    check_run_size(len(ids), shard_size, sum(len(i.encode()) for i in ids))
    return [ids[i : i + shard_size] for i in range(0, len(ids), shard_size)]
