"""Nodes in group order, and batches of whole groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardioscar.errors import ConfigError, InputError
from cardioscar.types import GroupIndex, GroupOffsets


@dataclass(frozen=True)
class SortedGroups:
    """Observed nodes, group after group (compressed sparse rows).

    Attributes:
        node_order: Mesh node of each sorted node, shape (observed nodes,), int64. Unobserved nodes are absent.
        group_offsets: First sorted node of each group, then the number of sorted nodes, shape (groups + 1,).
    """

    node_order: np.ndarray
    group_offsets: GroupOffsets


def sort_by_group(group_index: GroupIndex, n_groups: int) -> SortedGroups:
    """Sort nodes by group; within a group they keep the order of the mesh.

    Args:
        group_index: Group of each node, -1 for unobserved, shape (nodes,).
        n_groups: Number of groups.

    Returns:
        The order and the CSR offsets.

    Raises:
        InputError: If a group has no node (its mean is undefined) or an index is out of range.

    >>> sort_by_group(np.array([1, -1, 0, 1]), 2)
    SortedGroups(node_order=array([2, 0, 3]), group_offsets=array([0, 1, 3]))
    """
    observed = np.flatnonzero(group_index >= 0)
    labels = group_index[observed]
    if (len(labels) and labels.max() >= n_groups) or (group_index < -1).any():
        raise InputError("group_index", f"groups -1 to {n_groups - 1}", f"{group_index.min()} to {group_index.max()}")
    counts = np.bincount(labels, minlength=n_groups)
    if (counts == 0).any():
        raise InputError("group_index", "at least one node in each group", f"{(counts == 0).sum()} empty groups")
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return SortedGroups(observed[np.argsort(labels, kind="stable")], offsets)


def complete_batches(group_offsets: GroupOffsets, batch_nodes: int) -> np.ndarray:
    """Cut the groups into batches of about `batch_nodes` nodes without ever splitting a group.

    A batch ends before the group that would take it past `batch_nodes`; a group larger than that is a batch alone.

    Args:
        group_offsets: CSR offsets, shape (groups + 1,).
        batch_nodes: Target size in nodes, at least 1.

    Returns:
        First group of each batch, then the number of groups, shape (batches + 1,).

    Raises:
        ConfigError: If `batch_nodes` is below 1.

    >>> complete_batches(np.array([0, 3, 5, 9, 10]), 5)
    array([0, 2, 4])
    """
    if batch_nodes < 1:
        raise ConfigError("batch_nodes", "at least 1", str(batch_nodes))
    starts, n_groups = [0], len(group_offsets) - 1
    while starts[-1] < n_groups:
        first = starts[-1]
        # the last group that still ends within the target, but one group at least
        end = int(np.searchsorted(group_offsets, group_offsets[first] + batch_nodes, side="right")) - 1
        starts.append(max(end, first + 1))
    return np.array(starts)
