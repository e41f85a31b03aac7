"""The size of a run is known, and refused, before it starts."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import ConfigError
from cardioscar.stages.preflight import MAX_NODES, RunSize, check_run_size, check_shards, nodes, pods


def test_a_patient_is_one_shard():
    assert pods(subjects=1, shard_size=20) == 18
    assert nodes(subjects=1, shard_size=20) == 37


def test_a_last_shard_that_is_not_full_counts():
    assert pods(subjects=21, shard_size=20) - pods(subjects=20, shard_size=20) == 12


@pytest.mark.parametrize("shard_size", [0, -3])
def test_a_shard_holds_at_least_one_subject(shard_size):
    with pytest.raises(ConfigError, match="shard_size: expected a whole number of at least 1"):
        check_run_size(10, shard_size, 80)


@given(subjects=st.integers(80, 20_000))
def test_the_proposed_shard_size_is_the_smallest_that_passes(subjects):
    with pytest.raises(ConfigError) as refusal:
        check_run_size(subjects, 1, 0, max_argument_bytes=10**9)
    proposed = int(re.search(r"at least (\d+)", refusal.value.rule).group(1))
    check_run_size(subjects, proposed, 0, max_argument_bytes=10**9)
    assert nodes(subjects, proposed - 1) > MAX_NODES


@given(
    ids=st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True), min_size=1, max_size=200),
    shard_size=st.integers(1, 50),
)
def test_the_estimate_of_the_argument_is_never_below_its_json(ids, shard_size):
    shards = [ids[i : i + shard_size] for i in range(0, len(ids), shard_size)]
    length = len(json.dumps(shards).encode())
    with pytest.raises(ConfigError, match="split the cohort"):
        check_run_size(len(ids), shard_size, sum(map(len, ids)), max_nodes=10**9, max_argument_bytes=length - 1)


def test_a_cohort_whose_ids_fill_an_argument_is_split():
    with pytest.raises(ConfigError, match=r"at most 131072 bytes a run, .* into 6 runs"):
        check_run_size(10_000, 200, 10_000 * 64)


@given(subjects=st.integers(80, 20_000), shard_size=st.integers(1, 40))
def test_as_many_runs_as_proposed_pass_with_the_shard_size_kept(subjects, shard_size):
    try:
        check_run_size(subjects, shard_size, 8 * subjects)
        return
    except ConfigError as refusal:
        runs = int(re.search(r"into (\d+) runs", refusal.finding).group(1))
    # whole shards a run; the last run takes the rest
    shards = -(-subjects // shard_size)
    a_run = min(subjects, -(-shards // runs) * shard_size)
    check_run_size(a_run, shard_size, 8 * a_run, max_argument_bytes=131_072 + 12 * shard_size)


def test_real_shards_are_measured_to_the_byte():
    shards = [["P1", "P2"], ["P3"]]
    assert check_shards(shards) == RunSize(3, 2, len(json.dumps(shards)))
    with pytest.raises(ConfigError, match="22 bytes for 3 subjects .split the cohort into 2 runs."):
        check_shards(shards, max_argument_bytes=21)


def test_shards_that_a_largest_cost_made_too_many_are_refused():
    shards = [[f"P{number}"] for number in range(100)]
    with pytest.raises(ConfigError, match=r"at least 2 for 100 subjects, found 1 at most \(2512 nodes: .* into 2 runs"):
        check_shards(shards)


@given(
    ids=st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True), min_size=1, max_size=200),
    shard_size=st.integers(1, 50),
)
def test_the_estimate_covers_the_real_shards(ids, shard_size):
    real = check_shards([ids[i : i + shard_size] for i in range(0, len(ids), shard_size)], max_nodes=10**9)
    estimate = check_run_size(len(ids), shard_size, sum(map(len, ids)), max_nodes=10**9)
    assert (estimate.pods, estimate.nodes) == (real.pods, real.nodes)
    assert 0 <= estimate.argument_bytes - real.argument_bytes <= 4 * real.shards + 4


def test_a_run_near_a_limit_is_let_through_with_a_warning():
    assert check_run_size(1000, 16, 8000).warnings() == []  # 63 shards
    (warning,) = check_run_size(1000, 15, 8000).warnings()  # 67 shards
    assert warning.startswith("1687 workflow nodes of at most 2000")


def test_the_warning_names_the_limit_that_is_near():
    assert RunSize(1000, 63, 104_857).warnings() == []  # 1587 nodes
    near_nodes, near_bytes = RunSize(1000, 64, 104_858).warnings()
    assert near_nodes.startswith("1612 workflow nodes of at most 2000")
    assert near_bytes.startswith("the list of ids takes 104858 bytes of at most 131072")
