"""Shards of subjects that cost about the same: the unit of work of a pod.

A task of a shard ends with its slowest subject's last byte, and the run with its slowest shard. So subjects are dealt
by estimated cost: in rounds of one subject a shard, dearest subjects first, the dearest of a round to the shard that
has least so far. Two shards then differ by no more than the dearest subject costs, and by one subject in number.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from cardioscar.errors import ConfigError

# Measured on phantoms of 3,000 to 300,000 nodes, one core, default settings with figures: 3.1 s a subject, and as much
# again for every 25,000 nodes; within a third of the measured time over the whole range.
_NODES_PER_UNIT = 25_000
# One mesh of 30,000 nodes in each format: compressed .vtu, binary .vtk, and the .pts of a pair.
_BYTES_PER_NODE = {".vtu": 56, ".vtk": 235, ".pts": 40}
# Nodes of a wall of average size that is meshed from labels with edges of 1.5 mm.
_MESHED_NODES, _MESHED_EDGE_MM = 67_000, 1.5


def estimate_cost(sizes: Mapping[str, int], *, mesh_suffix: str = ".vtu", edge_mm: float = _MESHED_EDGE_MM) -> float:
    """Guess what a subject costs from the sizes of its files, which a listing gives without opening one.

    Args:
        sizes: Size of the file of each role (`mesh`, `labels`, …) in bytes, as far as they are known.
        mesh_suffix: Ending of the mesh's name, for formats take more or fewer bytes for a node.
        edge_mm: Edge length of a mesh that is built from labels, in mm.

    Returns:
        Cost relative to a subject with a mesh of few nodes, on one core with default settings and figures. 0 for a
        subject without files, which fails at once; NaN (unknown) for a mesh in another format.

    >>> estimate_cost({"mesh": 5_600_000})
    5.0
    >>> estimate_cost({"labels": 1_500})
    3.68
    """
    if not sizes:
        return 0.0
    if "mesh" in sizes:
        nodes = sizes["mesh"] / _BYTES_PER_NODE.get(mesh_suffix.lower(), math.nan)
    else:
        nodes = _MESHED_NODES * (_MESHED_EDGE_MM / edge_mm) ** 3
    return 1 + nodes / _NODES_PER_UNIT


def plan_shards(costs: Sequence[tuple[str, float]], shard_size: int, max_cost: float | None = None) -> list[list[str]]:
    """Deal a cohort's subjects into shards of about equal cost.

    Args:
        costs: Subject ids with their costs in any unit, in the cohort's order. A cost that is not a finite number of
            at least 0 is unknown, and counts as the median of the others.
        shard_size: At most so many subjects in a shard. There are as few shards as this allows, unless `max_cost`
            asks for more.
        max_cost: At most this cost in a shard; a subject that costs more has a shard for itself.

    Returns:
        Shards of ids. Ids in a shard keep the cohort's order, shards follow their first ids; the same input gives the
        same shards.

    Raises:
        ConfigError: If the shard size or the largest cost is not positive.

    >>> plan_shards([("P1", 9.0), ("P2", 1.0), ("P3", 2.0), ("P4", 8.0)], shard_size=2)
    [['P1', 'P2'], ['P3', 'P4']]
    >>> plan_shards([("P1", 9.0), ("P2", 1.0), ("P3", 2.0), ("P4", 8.0)], shard_size=4, max_cost=10.0)
    [['P1', 'P2'], ['P3', 'P4']]
    """
    if shard_size < 1:
        raise ConfigError("shard_size", "a whole number of at least 1", str(shard_size))
    if max_cost is not None and not max_cost > 0:
        raise ConfigError("max_cost", "a positive number", f"{max_cost:g}")
    weights = _known([cost for _, cost in costs])
    limit = math.inf if max_cost is None else max_cost
    alone = [[position] for position, weight in enumerate(weights) if weight > limit]
    rest = [position for position, weight in enumerate(weights) if weight <= limit]
    shards = alone + _within(limit, rest, weights, shard_size)
    return [[costs[position][0] for position in shard] for shard in sorted(sorted(shard) for shard in shards)]


def _known(costs: Sequence[float]) -> list[float]:
    """The costs, with the median in place of each that is unknown."""
    usable = [cost for cost in costs if 0 <= cost < math.inf]
    typical = statistics.median(usable) if usable else 1.0
    return [cost if 0 <= cost < math.inf else typical for cost in costs]


def _within(limit: float, positions: Sequence[int], weights: Sequence[float], shard_size: int) -> list[list[int]]:
    """The fewest shards of allowed size that bisection finds to stay within the limit."""
    few, many = math.ceil(len(positions) / shard_size), len(positions)
    shards = _dealt(positions, weights, few)
    if _dearest(shards, weights) <= limit:
        return shards
    while few + 1 < many:  # `few` shards are too dear, `many` are not: one subject each is always within
        middle = (few + many) // 2
        if _dearest(_dealt(positions, weights, middle), weights) <= limit:
            many = middle
        else:
            few = middle
    return _dealt(positions, weights, many)


def _dealt(positions: Sequence[int], weights: Sequence[float], count: int) -> list[list[int]]:
    dearest_first = sorted(positions, key=lambda position: (-weights[position], position))
    shards: list[list[int]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for start in range(0, len(positions), max(count, 1)):
        lightest_first = sorted(range(count), key=lambda shard: (loads[shard], shard))
        for shard, position in zip(lightest_first, dearest_first[start : start + count], strict=False):
            shards[shard].append(position)
            loads[shard] += weights[position]
    return shards


def _dearest(shards: Sequence[Sequence[int]], weights: Sequence[float]) -> float:
    return max((sum(weights[position] for position in shard) for shard in shards), default=0.0)
