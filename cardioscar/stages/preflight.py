"""What a run costs the cluster, known before it starts: pods, workflow nodes, size of arguments."""

from __future__ import annotations

import math

from cardioscar.errors import ConfigError

PODS_PER_RUN = 6
"""Root driver, loop driver, and driver and executor of `list_subjects` and `summarize_cohort`."""

PODS_PER_SHARD = 12
"""Iteration driver, driver of the nested pipeline, and driver and executor of each of the five stages."""

NODES_PER_RUN = 12
"""Argo nodes outside the loop: its pods, and the groups that hold them."""

NODES_PER_SHARD = 25
"""Argo nodes of one iteration: its pods, the groups that hold them, and a retry node for each stage."""

MAX_NODES = 2000
"""Argo keeps the state of all nodes of a run in one object of at most 1 MiB: about this many fit."""

MAX_ARGUMENT_BYTES = 128 * 1024
"""Linux refuses a longer single argument (`MAX_ARG_STRLEN`), and pods receive the list of shards as one."""

_BYTES_PER_SUBJECT = 4
"""Quotes, comma and blank around one id in JSON."""


def pods(subjects: int, shard_size: int) -> int:
    """Count the pods of one run of the cohort pipeline.

    Args:
        subjects: Number of subjects.
        shard_size: Subjects handled by one pod of each stage.

    Returns:
        Number of pods, drivers included.

    >>> pods(subjects=1000, shard_size=20)
    606
    """
    return PODS_PER_RUN + PODS_PER_SHARD * math.ceil(subjects / shard_size)


def nodes(subjects: int, shard_size: int) -> int:
    """Count the nodes that such a run has in its Argo workflow; arguments as in `pods`."""
    return NODES_PER_RUN + NODES_PER_SHARD * math.ceil(subjects / shard_size)


def check_run_size(
    subjects: int,
    shard_size: int,
    id_bytes: int,
    *,
    max_nodes: int = MAX_NODES,
    max_argument_bytes: int = MAX_ARGUMENT_BYTES,
) -> None:
    """Refuse a run that the platform could not finish, before its first pod is paid for.

    Args:
        subjects: Number of subjects.
        shard_size: Subjects handled by one pod of each stage.
        id_bytes: Length of all subject ids together, in bytes.
        max_nodes: Largest number of Argo nodes in a run.
        max_argument_bytes: Largest argument of a task, in bytes.

    Raises:
        ConfigError: If the shard size is not positive, the run has too many nodes (the message proposes a
            shard size), or the list of ids is too long for one argument (it proposes a number of runs).

    >>> check_run_size(subjects=1000, shard_size=20, id_bytes=8000)
    >>> check_run_size(subjects=1000, shard_size=1, id_bytes=8000)
    Traceback (most recent call last):
    cardioscar.errors.ConfigError: shard_size: expected at least 13 for 1000 subjects, found 1 (25012 nodes)
    """
    if shard_size < 1:
        raise ConfigError("shard_size", "a whole number of at least 1", str(shard_size))
    if nodes(subjects, shard_size) > max_nodes:
        shards = (max_nodes - NODES_PER_RUN) // NODES_PER_SHARD
        raise ConfigError(
            "shard_size",
            f"at least {math.ceil(subjects / shards)} for {subjects} subjects",
            f"{shard_size} ({nodes(subjects, shard_size)} nodes)",
        )
    shards = math.ceil(subjects / shard_size)
    argument_bytes = id_bytes + _BYTES_PER_SUBJECT * (subjects + shards)
    if argument_bytes > max_argument_bytes:
        raise ConfigError(
            "subjects",
            f"a list of ids of at most {max_argument_bytes} bytes a run",
            f"{argument_bytes} bytes for {subjects} subjects"
            f" (split the cohort into {math.ceil(argument_bytes / max_argument_bytes)} runs)",
        )
