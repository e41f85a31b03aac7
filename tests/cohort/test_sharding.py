"""Every subject is in one shard, no shard is too large, and none costs much more than another."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.cohort.sharding import estimate_cost, plan_shards
from cardioscar.errors import ConfigError
from cardioscar.imaging.formats.mesh_files import write_mesh
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom

known = st.floats(0, 1e6)
sizes = st.integers(1, 40)


@st.composite
def cohorts(draw: st.DrawFn, cost: st.SearchStrategy[float] = known) -> list[tuple[str, float]]:
    costs = draw(st.lists(cost, max_size=120))
    return [(f"P{number:03d}", value) for number, value in enumerate(costs)]


def total(shard: list[str], costs: list[tuple[str, float]]) -> float:
    return math.fsum(dict(costs)[subject] for subject in shard)


@given(cohorts(st.floats()), sizes, st.none() | st.floats(1e-3, 1e6))
def test_every_subject_is_in_one_shard_in_the_order_of_the_cohort(costs, shard_size, max_cost):
    shards = plan_shards(costs, shard_size, max_cost)
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


@given(cohorts(), sizes, st.floats(1, 1e6))
def test_a_shard_stays_within_the_largest_cost_unless_one_subject_exceeds_it(costs, shard_size, max_cost):
    for shard in plan_shards(costs, shard_size, max_cost):
        assert len(shard) <= shard_size
        assert len(shard) == 1 or total(shard, costs) <= max_cost * (1 + 1e-9)


@given(cohorts(st.floats()), sizes, st.none() | st.floats(1, 1e6))
def test_the_same_cohort_gives_the_same_shards(costs, shard_size, max_cost):
    assert plan_shards(list(costs), shard_size, max_cost) == plan_shards(tuple(costs), shard_size, max_cost)


@pytest.mark.parametrize("unknown", [math.nan, math.inf, -1.0])
def test_an_unknown_cost_counts_as_the_median(unknown):
    costs = [("P1", 1.0), ("P2", unknown), ("P3", 5.0), ("P4", 9.0)]
    assert plan_shards(costs, 2) == plan_shards([("P1", 1.0), ("P2", 5.0), ("P3", 5.0), ("P4", 9.0)], 2)


def test_nothing_known_gives_shards_of_equal_length():
    shards = plan_shards([(f"P{number}", math.nan) for number in range(7)], 3)
    assert sorted(map(len, shards)) == [2, 2, 3]


def test_a_long_subject_is_alone_and_does_not_hold_up_the_others():
    costs = [("P1", 1.0), ("P2", 100.0), ("P3", 1.0), ("P4", 1.0)]
    assert plan_shards(costs, 4, max_cost=3.0) == [["P1", "P3", "P4"], ["P2"]]


@pytest.mark.parametrize(("shard_size", "max_cost", "where"), [(0, None, "shard_size"), (1, 0.0, "max_cost")])
def test_limits_are_positive(shard_size, max_cost, where):
    with pytest.raises(ConfigError) as refusal:
        plan_shards([("P1", 1.0)], shard_size, max_cost)
    assert refusal.value.where == where


@pytest.mark.parametrize("nodes", [3_000, 20_000])
def test_the_cost_of_a_mesh_file_follows_its_nodes(tmp_path: Path, nodes):
    mesh = make_phantom(PhantomConfig(nodes=nodes)).mesh
    write_mesh(tmp_path / "mesh.vtu", mesh)
    estimated = estimate_cost({"mesh": (tmp_path / "mesh.vtu").stat().st_size})
    assert estimated == pytest.approx(1 + mesh.n_nodes / 25_000, rel=0.1)


def test_finer_meshes_from_labels_cost_more():
    coarse, fine = (estimate_cost({"labels": 1_500}, edge_mm=edge_mm) for edge_mm in (3.0, 1.0))
    assert 1 < coarse < estimate_cost({"labels": 1_500}) < fine


def test_what_cannot_be_estimated_is_unknown_and_no_files_cost_nothing():
    assert math.isnan(estimate_cost({"mesh": 1_000_000}, mesh_suffix=".stl"))
    assert estimate_cost({}) == 0
