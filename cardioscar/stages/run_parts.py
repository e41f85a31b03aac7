"""A cohort that one run of the pipeline cannot hold, in parts that runs of it can."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cardioscar.cohort.layout import CohortLayout
from cardioscar.cohort.selection import costs
from cardioscar.cohort.sharding import plan_shards
from cardioscar.cohort.source import Listed
from cardioscar.errors import ConfigError
from cardioscar.services.kubeflow.run_size import WorkflowSize, check_run_size


def run_parts(
    entries: Sequence[Listed], shard_size: int, workflow: WorkflowSize, layout: CohortLayout
) -> list[list[str]]:
    """Deal a cohort into as few parts of about equal cost as runs of the pipeline can hold; the same each time.

    Args:
        entries: The subjects.
        shard_size: Subjects handled by one pod of each stage.
        workflow: What the pipeline takes.
        layout: What the files of the subjects are for.

    Returns:
        Ids of each part; one part where one run holds them all.

    Raises:
        ConfigError: If the shard size is not positive, or a run cannot hold a single subject.
    """
    count, refusal = len(entries), None
    for runs in range(1, count + 1):
        parts = plan_shards(costs(entries, layout), math.ceil(count / runs))
        try:
            for part in parts:
                _check(part, shard_size, workflow, listed=len(parts) > 1)
        except ConfigError as error:
            refusal = error
            if shard_size < 1:
                break
        else:
            return parts
    if refusal:
        raise refusal
    return []


def subjects_argument(part: Sequence[str]) -> str:
    """The parameter `subjects` of the run of a part."""
    return ",".join(part)


def _check(part: Sequence[str], shard_size: int, workflow: WorkflowSize, *, listed: bool) -> None:
    ids = sum(len(one.encode()) for one in part)
    named = len(subjects_argument(part).encode()) if listed else 0
    check_run_size(len(part), shard_size, ids, workflow=workflow, listed_bytes=named)
