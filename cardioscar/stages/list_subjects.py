"""Stage `list_subjects`: the cohort's ids in shards, the unit of work of a pod."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cardioscar.cohort.sharding import plan_shards
from cardioscar.cohort.source import CohortSource, Listed, open_cohort
from cardioscar.errors import InputError, counted
from cardioscar.logs import about
from cardioscar.services.kubeflow.run_size import WorkflowSize, check_run_size, check_shards

log = logging.getLogger(__name__)


def select(cohort: str | Path | CohortSource, subjects: str = "") -> list[Listed]:
    """The subjects of a cohort, or those of a comma-separated list.

    Args:
        cohort: Path, URI or source of the cohort.
        subjects: Comma-separated ids to keep; empty for all.

    Raises:
        InputError: If there is no cohort, or an id of the list is not in it.
    """
    entries = open_cohort(cohort).listed()
    wanted = [name.strip() for name in subjects.split(",") if name.strip()]
    if not wanted:
        return entries
    known = {entry.subject: entry for entry in entries}
    missing = [name for name in wanted if name not in known]
    if missing:
        raise InputError("subjects", f"ids of the cohort ({counted(len(known), 'subject')})", ", ".join(missing[:5]))
    return [known[name] for name in dict.fromkeys(wanted)]


def run(
    cohort_uri: str | Path,
    shard_size: int,
    subjects: str = "",
    fingerprint: str | Path = "",
    workflow: Mapping[str, Any] | None = None,
) -> list[list[str]]:
    """List a cohort's subjects in shards of about equal cost; no file of a subject is read.

    Args:
        cohort_uri: Folder or `s3://` prefix of subject folders, or of a `cohort.csv`.
        shard_size: At most so many subjects in a shard.
        subjects: Comma-separated ids to keep; empty for all.
        fingerprint: File that receives a hash of the cohort's files, see `CohortSource.fingerprint`.
        workflow: What a run of the pipeline takes of the cluster, see `preflight.WorkflowSize`.

    Returns:
        Shards of ids; a refused id stands in as `row-N`, so that it becomes a row with its reason.

    Raises:
        ConfigError: If the run would pass the platform's limits; the message proposes a shard size.
        UnreachableError: If the object store does not answer.
    """
    source = open_cohort(cohort_uri)
    entries = select(source, subjects)
    taken, listed = WorkflowSize.of(workflow), len(subjects.encode())
    ids = sum(len(entry.subject.encode()) for entry in entries)
    check_run_size(len(entries), shard_size, ids, workflow=taken, listed_bytes=listed)
    shards = plan_shards(costs(entries), shard_size)
    with about("list", "cohort"):
        for warning in check_shards(shards, workflow=taken, listed_bytes=listed).warnings():
            log.warning(warning)
    if fingerprint:
        Path(fingerprint).write_text(source.fingerprint(), encoding="utf-8")
    return shards


def costs(entries: Sequence[Listed]) -> list[tuple[str, float]]:
    """What each subject costs, in bytes of its mesh: work grows with the nodes, and these with the file.

    Where no subject has a mesh, the bytes of labels and images stand in. A subject without a mesh among others with one
    is unknown: bytes of images and of meshes do not compare.
    """
    roles = ("mesh",) if any("mesh" in entry.sizes for entry in entries) else ("labels", "lge", "scar")
    found = []
    for entry in entries:
        size = next((float(entry.sizes[role]) for role in roles if role in entry.sizes), math.nan)
        found.append((entry.subject, 0.0 if entry.problem else size))  # one that is refused at the door costs nothing
    return found
