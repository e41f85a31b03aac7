"""What a run costs the cluster, known before it starts: pods, bytes of its workflow, size of arguments.

Argo keeps a run in one Kubernetes object: its spec, and the state of all nodes, compressed. An object has 1 MiB. What a
pipeline takes of it is laid out from the compiled pipeline itself, calibrated on a measured run, and compiled into it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError

MAX_WORKFLOW_BYTES = 1024 * 1024
"""Argo refuses a workflow whose JSON, nodes compressed, is longer."""

MAX_ARGUMENT_BYTES = 128 * 1024
"""Linux refuses a longer single argument (`MAX_ARG_STRLEN`), and pods receive the list of shards as one."""

WARN_SHARE = 0.8
"""A run that takes more than this share of a limit is let through with a warning: retries add nodes."""

_BYTES_PER_SUBJECT = 4
"""Quotes, comma and blank around one id in JSON."""

_LISTED_COPIES = 16
"""Bytes of the workflow for each byte of the parameter `subjects`: it stands in the spec, and in the inputs of the
tasks that list and summarize; laid out from the compiled pipelines, 12.4 to 13.7 in the nodes."""

_INCLUDED_BYTES_PER_SHARD = 8 * (8 + _BYTES_PER_SUBJECT)
"""What `shard_bytes` holds already: ids of 8 subjects of 8 characters."""


@dataclass(frozen=True)
class WorkflowSize:
    """What a run of a pipeline takes, and what each of its shards adds; by default with five stages as five tasks."""

    run_pods: int = 6
    """Root driver, loop driver, and driver and executor of `list_subjects` and `summarize_cohort`."""
    shard_pods: int = 12
    """Iteration driver, driver of the nested pipeline, and driver and executor of each stage."""
    run_nodes: int = 23
    """Nodes outside the loop: its pods, the groups that hold them, and a retry node around each of both."""
    shard_nodes: int = 40
    """Nodes of one iteration."""
    run_bytes: int = 126_000
    """Bytes of the spec, and of the compressed nodes outside the loop."""
    shard_bytes: int = 34_000
    """Compressed bytes of the nodes of one iteration, with ids of 8 subjects of 8 characters."""
    id_bytes: float = 4.8
    """Bytes that each further byte of ids adds: it stands in the inputs of every task of its shard."""

    @classmethod
    def of(cls, values: Mapping[str, Any] | None) -> WorkflowSize:
        """The size that was compiled into a pipeline; the default where there is none.

        Raises:
            ConfigError: If a value has another name or type.
        """
        return from_mapping(cls, values or {}, where="workflow")


FIVE_TASKS = WorkflowSize()
"""The pipeline `reconstruct_cohort`."""


@dataclass(frozen=True)
class RunSize:
    """What one run of a cohort pipeline asks of the cluster."""

    subjects: int
    """Subjects of the cohort."""
    shards: int
    """Iterations of the loop."""
    argument_bytes: int
    """Length of the list of shards as JSON."""
    workflow: WorkflowSize = FIVE_TASKS
    """What the pipeline takes."""
    listed_bytes: int = 0
    """Length of the parameter `subjects`."""

    @property
    def pods(self) -> int:
        """Pods, drivers included."""
        return self.workflow.run_pods + self.workflow.shard_pods * self.shards

    @property
    def nodes(self) -> int:
        """Nodes of the Argo workflow."""
        return self.workflow.run_nodes + self.workflow.shard_nodes * self.shards

    @property
    def workflow_bytes(self) -> int:
        """Bytes of the Argo workflow at its end, without retries."""
        more = max(0, self.argument_bytes - _INCLUDED_BYTES_PER_SHARD * self.shards)
        return math.ceil(
            self.workflow.run_bytes
            + self.workflow.shard_bytes * self.shards
            + self.workflow.id_bytes * more
            + _LISTED_COPIES * self.listed_bytes
        )

    def warnings(
        self, *, max_workflow_bytes: int = MAX_WORKFLOW_BYTES, max_argument_bytes: int = MAX_ARGUMENT_BYTES
    ) -> list[str]:
        """Say which limits are near, one line each.

        >>> RunSize(subjects=1000, shards=25, argument_bytes=9000).warnings()
        ['a workflow of about 1007680 bytes of at most 1048576: take larger shards, or more runs']
        """
        found = []
        if self.workflow_bytes > WARN_SHARE * max_workflow_bytes:
            found.append(
                f"a workflow of about {self.workflow_bytes} bytes of at most {max_workflow_bytes}: "
                "take larger shards, or more runs"
            )
        if self.argument_bytes > WARN_SHARE * max_argument_bytes:
            found.append(
                f"the list of ids takes {self.argument_bytes} bytes of at most {max_argument_bytes}: take more runs"
            )
        return found


def check_run_size(
    subjects: int,
    shard_size: int,
    id_bytes: int,
    *,
    workflow: WorkflowSize = FIVE_TASKS,
    listed_bytes: int = 0,
    max_workflow_bytes: int = MAX_WORKFLOW_BYTES,
    max_argument_bytes: int = MAX_ARGUMENT_BYTES,
) -> RunSize:
    """Refuse a run that the platform could not finish, before its first pod is paid for.

    Args:
        subjects: Number of subjects.
        shard_size: Subjects handled by one pod of each stage.
        id_bytes: Length of all subject ids together, in bytes.
        workflow: What the pipeline takes.
        listed_bytes: Length of the parameter `subjects`, which names them; 0 where it is empty.
        max_workflow_bytes: Largest workflow, in bytes.
        max_argument_bytes: Largest argument of a task, in bytes.

    Returns:
        The size of the run, its argument estimated from above; its `warnings` say what is near a limit.

    Raises:
        ConfigError: If the shard size is not positive, the workflow is too large (the message proposes a
            shard size, and a number of runs), or the list of ids is too long for one argument (it proposes a
            number of runs).

    >>> check_run_size(subjects=1000, shard_size=40, id_bytes=8000).workflow_bytes
    1022560
    >>> check_run_size(subjects=1000, shard_size=8, id_bytes=8000)
    Traceback (most recent call last):
    cardioscar.errors.ConfigError: shard_size: expected at least 40 for 1000 subjects, found 8 (125 shards, a workflow \
of about 4.2 MiB of 1.0: keep it by splitting the cohort into 5 runs, as cardioscar submit --split does)
    """
    if shard_size < 1:
        raise ConfigError("shard_size", "a whole number of at least 1", str(shard_size))
    size = _estimated(subjects, shard_size, id_bytes, workflow, listed_bytes)
    return _checked(size, str(shard_size), max_workflow_bytes, max_argument_bytes)


def check_shards(
    shards: Sequence[Sequence[str]],
    *,
    workflow: WorkflowSize = FIVE_TASKS,
    listed_bytes: int = 0,
    max_workflow_bytes: int = MAX_WORKFLOW_BYTES,
    max_argument_bytes: int = MAX_ARGUMENT_BYTES,
) -> RunSize:
    """Refuse a run of these very shards; limits and errors as in `check_run_size`.

    >>> check_shards([["P1", "P2"], ["P3"]]).argument_bytes
    22
    """
    length = len(json.dumps([list(shard) for shard in shards]).encode())
    size = RunSize(sum(map(len, shards)), len(shards), length, workflow, listed_bytes)
    return _checked(size, f"{max(map(len, shards), default=0)} at most", max_workflow_bytes, max_argument_bytes)


def _estimated(subjects: int, shard_size: int, id_bytes: int, workflow: WorkflowSize, listed_bytes: int = 0) -> RunSize:
    shards = math.ceil(subjects / shard_size)
    return RunSize(subjects, shards, id_bytes + _BYTES_PER_SUBJECT * (subjects + shards), workflow, listed_bytes)


def _checked(size: RunSize, shard_size: str, max_workflow_bytes: int, max_argument_bytes: int) -> RunSize:
    if size.workflow_bytes > max_workflow_bytes:
        found = (
            f"{shard_size} ({size.shards} shards, a workflow of about {size.workflow_bytes / 2**20:.1f} MiB of "
            f"{max_workflow_bytes / 2**20:.1f}: keep it by splitting the cohort into "
            f"{_runs(size, max_workflow_bytes, max_argument_bytes)} runs, as cardioscar submit --split does)"
        )
        least = _least_shard_size(size, max_workflow_bytes)
        if least is None:
            raise ConfigError("subjects", "ids that fit into one workflow at any shard size", found)
        raise ConfigError("shard_size", f"at least {least} for {size.subjects} subjects", found)
    if size.argument_bytes > max_argument_bytes:
        raise ConfigError(
            "subjects",
            f"a list of ids of at most {max_argument_bytes} bytes a run",
            f"{size.argument_bytes} bytes for {size.subjects} subjects (split the cohort into "
            f"{_runs(size, max_workflow_bytes, max_argument_bytes)} runs, as cardioscar submit --split does)",
        )
    return size


def _least_shard_size(size: RunSize, max_workflow_bytes: int) -> int | None:
    """The smallest shard size with which the cohort fits into one workflow; None where none does."""
    ids = max(0, size.argument_bytes - _BYTES_PER_SUBJECT * (size.subjects + size.shards))

    def passes(shard_size: int) -> bool:
        tried = _estimated(size.subjects, shard_size, ids, size.workflow, size.listed_bytes)
        return tried.workflow_bytes <= max_workflow_bytes

    low, high = 1, max(1, size.subjects)
    if not passes(high):
        return None
    while low < high:  # larger shards are fewer, and take less
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle + 1, high)
    return low


def _runs(size: RunSize, max_workflow_bytes: int, max_argument_bytes: int) -> int:
    """Into how many runs of equal numbers of shards the cohort must be split for each to pass, its subjects named."""
    listed = size.listed_bytes or max(0, size.argument_bytes - 3 * (size.subjects + size.shards))
    growing = size.workflow_bytes - size.workflow.run_bytes + _LISTED_COPIES * (listed - size.listed_bytes)
    a_shard = growing / max(1, size.shards)
    most = max(1, int((max_workflow_bytes - size.workflow.run_bytes) / a_shard))
    return max(math.ceil(size.shards / most), math.ceil(size.argument_bytes / max_argument_bytes))
