"""Every subject is in one shard, no shard is too large, and none costs much more than another."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.cohort.sharding import plan_shards
from cardioscar.errors import ConfigError

known = st.floats(0, 1e6)
sizes = st.integers(1, 40)


@st.composite
def cohorts(draw: st.DrawFn, cost: st.SearchStrategy[float] = known) -> list[tuple[str, float]]:
    costs = draw(st.lists(cost, max_size=120))
    return [(f"P{number:03d}", value) for number, value in enumerate(costs)]


def total(shard: list[str], costs: list[tuple[str, float]]) -> float:
    return math.fsum(dict(costs)[subject] for subject in shard)


@given(cohorts(st.floats()), sizes)
def test_every_subject_is_in_one_shard_in_the_order_of_the_cohort(costs, shard_size):
    shards = plan_shards(costs, shard_size)
    assert sorted(subject for shard in shards for subject in shard) == [subject for subject, _ in costs]
    assert all(shard == sorted(shard) for shard in shards)
    assert [shard[0] for shard in shards] == sorted(shard[0] for shard in shards)


@given(cohorts(), sizes)
def test_there_are_as_few_shards_as_the_size_allows_and_their_sizes_differ_by_one(costs, shard_size):
    lengths = [len(shard) for shard in plan_shards(costs, shard_size)]
    assert len(lengths) == math.ceil(len(costs) / shard_size)
    assert not lengths or max(lengths) - min(lengths) <= 1
    assert all(1 <= length <= shard_size for length in lengths)


@given(cohorts().filter(bool), sizes)
def test_two_shards_differ_by_no_more_than_the_dearest_subject(costs, shard_size):
    loads = [total(shard, costs) for shard in plan_shards(costs, shard_size)]
    dearest = max(cost for _, cost in costs)
    slack = 1e-6 * (1 + sum(loads))
    assert max(loads) - min(loads) <= dearest + slack
    # no division into so many shards can do better than the mean, or than the dearest subject alone
    optimum_at_least = max(sum(loads) / len(loads), dearest)
    assert max(loads) <= 2 * optimum_at_least + slack


@given(cohorts(st.floats()), sizes)
def test_the_same_cohort_gives_the_same_shards(costs, shard_size):
    assert plan_shards(list(costs), shard_size) == plan_shards(tuple(costs), shard_size)


@pytest.mark.parametrize("unknown", [math.nan, math.inf, -1.0])
def test_an_unknown_cost_counts_as_the_median(unknown):
    costs = [("P1", 1.0), ("P2", unknown), ("P3", 5.0), ("P4", 9.0)]
    assert plan_shards(costs, 2) == plan_shards([("P1", 1.0), ("P2", 5.0), ("P3", 5.0), ("P4", 9.0)], 2)


def test_nothing_known_gives_shards_of_equal_length():
    shards = plan_shards([(f"P{number}", math.nan) for number in range(7)], 3)
    assert sorted(map(len, shards)) == [2, 2, 3]


def test_a_shard_holds_at_least_one_subject():
    with pytest.raises(ConfigError) as refusal:
        plan_shards([("P1", 1.0)], 0)
    assert refusal.value.where == "shard_size"
