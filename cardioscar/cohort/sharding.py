"""Shards of subjects that cost about the same: the unit of work of a pod.

A task of a shard ends with its slowest subject's last byte, and the run with its slowest shard. So subjects are dealt
by estimated cost: in rounds of one subject a shard, dearest subjects first, the dearest of a round to the shard that
has least so far. Two shards then differ by no more than the dearest subject costs, and by one subject in number.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from cardioscar.errors import ConfigError


def plan_shards(costs: Sequence[tuple[str, float]], shard_size: int) -> list[list[str]]:
    """Deal a cohort's subjects into shards of about equal cost.

    Args:
        costs: Subject ids with their costs in any unit, in the cohort's order. A cost that is not a finite number of
            at least 0 is unknown, and counts as the median of the others.
        shard_size: At most so many subjects in a shard. There are as few shards as this allows.

    Returns:
        Shards of ids. Ids in a shard keep the cohort's order, shards follow their first ids; the same input gives the
        same shards.

    Raises:
        ConfigError: If the shard size is not positive.

    >>> plan_shards([("P1", 9.0), ("P2", 1.0), ("P3", 2.0), ("P4", 8.0)], shard_size=2)
    [['P1', 'P2'], ['P3', 'P4']]
    """
    if shard_size < 1:
        raise ConfigError("shard_size", "a whole number of at least 1", str(shard_size))
    weights = _known([cost for _, cost in costs])
    shards = _dealt(weights, math.ceil(len(weights) / shard_size))
    return [[costs[position][0] for position in shard] for shard in sorted(sorted(shard) for shard in shards)]


def _known(costs: Sequence[float]) -> list[float]:
    """The costs, with the median in place of each that is unknown."""
    usable = [cost for cost in costs if 0 <= cost < math.inf]
    typical = statistics.median(usable) if usable else 1.0
    return [cost if 0 <= cost < math.inf else typical for cost in costs]


def _dealt(weights: Sequence[float], count: int) -> list[list[int]]:
    dearest_first = sorted(range(len(weights)), key=lambda position: (-weights[position], position))
    shards: list[list[int]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for start in range(0, len(weights), max(count, 1)):
        lightest_first = sorted(range(count), key=lambda shard: (loads[shard], shard))
        for shard, position in zip(lightest_first, dearest_first[start : start + count], strict=False):
            shards[shard].append(position)
            loads[shard] += weights[position]
    return shards
