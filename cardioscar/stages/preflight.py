"""What a run costs the cluster, known before it starts: pods, workflow nodes, size of arguments."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

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

WARN_SHARE = 0.8
"""A run that takes more than this share of a limit is let through with a warning: retries add nodes."""

_BYTES_PER_SUBJECT = 4
"""Quotes, comma and blank around one id in JSON."""


@dataclass(frozen=True)
class RunSize:
    """What one run of the cohort pipeline asks of the cluster."""

    subjects: int
    """Subjects of the cohort."""
    shards: int
    """Iterations of the loop."""
    argument_bytes: int
    """Length of the list of shards as JSON."""

    @property
    def pods(self) -> int:
        """Pods, drivers included."""
        return PODS_PER_RUN + PODS_PER_SHARD * self.shards

    @property
    def nodes(self) -> int:
        """Nodes of the Argo workflow."""
        return NODES_PER_RUN + NODES_PER_SHARD * self.shards

    def warnings(self, *, max_nodes: int = MAX_NODES, max_argument_bytes: int = MAX_ARGUMENT_BYTES) -> list[str]:
        """Say which limits are near, one line each.

        >>> RunSize(subjects=1000, shards=77, argument_bytes=9000).warnings()
        ['1937 workflow nodes of at most 2000: take larger shards, or more runs']
        """
        found = []
        if self.nodes > WARN_SHARE * max_nodes:
            found.append(f"{self.nodes} workflow nodes of at most {max_nodes}: take larger shards, or more runs")
        if self.argument_bytes > WARN_SHARE * max_argument_bytes:
            found.append(
                f"the list of ids takes {self.argument_bytes} bytes of at most {max_argument_bytes}: take more runs"
            )
        return found


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
    return _estimated(subjects, shard_size, 0).pods


def nodes(subjects: int, shard_size: int) -> int:
    """Count the nodes that such a run has in its Argo workflow; arguments as in `pods`."""
    return _estimated(subjects, shard_size, 0).nodes


def check_run_size(
    subjects: int,
    shard_size: int,
    id_bytes: int,
    *,
    max_nodes: int = MAX_NODES,
    max_argument_bytes: int = MAX_ARGUMENT_BYTES,
) -> RunSize:
    """Refuse a run that the platform could not finish, before its first pod is paid for.

    Args:
        subjects: Number of subjects.
        shard_size: Subjects handled by one pod of each stage.
        id_bytes: Length of all subject ids together, in bytes.
        max_nodes: Largest number of Argo nodes in a run.
        max_argument_bytes: Largest argument of a task, in bytes.

    Returns:
        The size of the run, its argument estimated from above; its `warnings` say what is near a limit.

    Raises:
        ConfigError: If the shard size is not positive, the run has too many nodes (the message proposes a
            shard size, and a number of runs), or the list of ids is too long for one argument (it proposes a
            number of runs).

    >>> check_run_size(subjects=1000, shard_size=20, id_bytes=8000).nodes
    1262
    >>> check_run_size(subjects=1000, shard_size=1, id_bytes=8000)
    Traceback (most recent call last):
    cardioscar.errors.ConfigError: shard_size: expected at least 13 for 1000 subjects, found 1 (25012 nodes: keep it \
by splitting the cohort into 13 runs)
    """
    if shard_size < 1:
        raise ConfigError("shard_size", "a whole number of at least 1", str(shard_size))
    size = _estimated(subjects, shard_size, id_bytes)
    return _checked(size, str(shard_size), max_nodes, max_argument_bytes)


def check_shards(
    shards: Sequence[Sequence[str]],
    *,
    max_nodes: int = MAX_NODES,
    max_argument_bytes: int = MAX_ARGUMENT_BYTES,
) -> RunSize:
    """Refuse a run of these very shards; limits and errors as in `check_run_size`.

    >>> check_shards([["P1", "P2"], ["P3"]])
    RunSize(subjects=3, shards=2, argument_bytes=22)
    """
    length = len(json.dumps([list(shard) for shard in shards]).encode())
    size = RunSize(sum(map(len, shards)), len(shards), length)
    return _checked(size, f"{max(map(len, shards), default=0)} at most", max_nodes, max_argument_bytes)


def _estimated(subjects: int, shard_size: int, id_bytes: int) -> RunSize:
    shards = math.ceil(subjects / shard_size)
    return RunSize(subjects, shards, id_bytes + _BYTES_PER_SUBJECT * (subjects + shards))


def _checked(size: RunSize, shard_size: str, max_nodes: int, max_argument_bytes: int) -> RunSize:
    most_shards = max(1, (max_nodes - NODES_PER_RUN) // NODES_PER_SHARD)
    runs = max(math.ceil(size.shards / most_shards), math.ceil(size.argument_bytes / max_argument_bytes))
    if size.nodes > max_nodes:
        raise ConfigError(
            "shard_size",
            f"at least {math.ceil(size.subjects / most_shards)} for {size.subjects} subjects",
            f"{shard_size} ({size.nodes} nodes: keep it by splitting the cohort into {runs} runs)",
        )
    if size.argument_bytes > max_argument_bytes:
        raise ConfigError(
            "subjects",
            f"a list of ids of at most {max_argument_bytes} bytes a run",
            f"{size.argument_bytes} bytes for {size.subjects} subjects (split the cohort into {runs} runs)",
        )
    return size
