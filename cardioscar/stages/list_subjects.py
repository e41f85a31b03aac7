"""Stage `list_subjects`: the cohort's ids in shards, the unit of work of a pod."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.selection import costs, select
from cardioscar.cohort.sharding import plan_shards
from cardioscar.config import config_sha256
from cardioscar.errors import InputError
from cardioscar.logs import about
from cardioscar.services.kubeflow.run_size import WorkflowSize, check_run_size, check_shards
from cardioscar.stages.networks import bundle_at
from cardioscar.workflow import Workflow

log = logging.getLogger(__name__)


def run(
    cohort_uri: str | Path,
    shard_size: int,
    subjects: str = "",
    fingerprint: str | Path = "",
    workflow: Mapping[str, Any] | None = None,
    *,
    family: Workflow,
    fingerprint_network: str = "",
) -> list[list[str]]:
    """List a cohort's subjects in shards of about equal cost; no file of a subject is read.

    Args:
        cohort_uri: Folder or `s3://` prefix of subject folders, or of a `cohort.csv`.
        shard_size: At most so many subjects in a shard.
        subjects: Comma-separated ids to keep; empty for all.
        fingerprint: File that receives a hash of the cohort's files, see `CohortSource.fingerprint`.
        workflow: What a run of the pipeline takes of the cluster, see `WorkflowSize`.
        family: Whose cohort it is.
        fingerprint_network: Address of a network of `Workflow.network` that later tasks are given: its content counts
            in the fingerprint, for the network at an address may change; empty for none.

    Returns:
        Shards of ids; a refused id stands in as `row-N`, so that it becomes a row with its reason.

    Raises:
        ConfigError: If the run would pass the platform's limits; the message proposes a shard size.
        UnreachableError: If the object store, or the registry of the network, does not answer.
    """
    source = open_cohort(cohort_uri, family.layout)
    entries = select(source, subjects)
    taken, listed = WorkflowSize.of(workflow), len(subjects.encode())
    ids = sum(len(entry.subject.encode()) for entry in entries)
    check_run_size(len(entries), shard_size, ids, workflow=taken, listed_bytes=listed)
    shards = plan_shards(costs(entries, source.layout), shard_size)
    with about("list", "cohort"):
        for warning in check_shards(shards, workflow=taken, listed_bytes=listed).warnings():
            log.warning(warning)
    if fingerprint:
        Path(fingerprint).write_text(_with_network(source.fingerprint(), fingerprint_network, family), encoding="utf-8")
    return shards


def _with_network(fingerprint: str, address: str, family: Workflow) -> str:
    """The fingerprint of a cohort and a network; one that is not there is missed by the subjects that need it."""
    if not address:
        return fingerprint
    content = address
    if address != "none":
        with suppress(InputError):
            content = bundle_at(address, family.network, where="network").sha256
    return config_sha256({"cohort": fingerprint, "network": content})
