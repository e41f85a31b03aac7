"""The size of a run is known, and refused, before it starts."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import ConfigError
from cardioscar.services.kubeflow.run_size import (
    MAX_WORKFLOW_BYTES,
    RunSize,
    WorkflowSize,
    check_run_size,
    check_shards,
)


def test_a_patient_is_one_shard():
    size = check_run_size(1, 20, 8)
    assert (size.pods, size.nodes) == (18, 63)


def test_a_last_shard_that_is_not_full_counts():
    assert check_run_size(21, 20, 8).pods - check_run_size(20, 20, 8).pods == 12


@pytest.mark.parametrize("shard_size", [0, -3])
def test_a_shard_holds_at_least_one_subject(shard_size):
    with pytest.raises(ConfigError, match="shard_size: expected a whole number of at least 1"):
        check_run_size(10, shard_size, 80)


@given(subjects=st.integers(30, 5_000))
def test_the_proposed_shard_size_is_the_smallest_that_passes(subjects):
    with pytest.raises(ConfigError) as refusal:
        check_run_size(subjects, 1, 0, max_argument_bytes=10**9)
    proposed = int(re.search(r"at least (\d+)", refusal.value.rule).group(1))
    check_run_size(subjects, proposed, 0, max_argument_bytes=10**9)
    with pytest.raises(ConfigError):
        check_run_size(subjects, proposed - 1, 0, max_argument_bytes=10**9)


@given(
    ids=st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True), min_size=1, max_size=200),
    shard_size=st.integers(1, 50),
)
def test_the_estimate_of_the_argument_is_never_below_its_json(ids, shard_size):
    shards = [ids[i : i + shard_size] for i in range(0, len(ids), shard_size)]
    length = len(json.dumps(shards).encode())
    with pytest.raises(ConfigError, match="split the cohort"):
        check_run_size(
            len(ids), shard_size, sum(map(len, ids)), max_workflow_bytes=10**12, max_argument_bytes=length - 1
        )


def test_a_cohort_whose_ids_fill_an_argument_is_split():
    with pytest.raises(ConfigError, match=r"at most 131072 bytes a run, .* into 6 runs"):
        check_run_size(10_000, 1000, 10_000 * 64, max_workflow_bytes=10**12)


@given(subjects=st.integers(30, 20_000), shard_size=st.integers(1, 40))
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
    with pytest.raises(
        ConfigError,
        match=r"at least 4 for 100 subjects, found 1 at most \(100 shards, .* 3.4 MiB of 1.0: .* into 4 runs",
    ):
        check_shards(shards)


@given(
    ids=st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True), min_size=1, max_size=200),
    shard_size=st.integers(1, 50),
)
def test_the_estimate_covers_the_real_shards(ids, shard_size):
    real = check_shards([ids[i : i + shard_size] for i in range(0, len(ids), shard_size)], max_workflow_bytes=10**12)
    estimate = check_run_size(len(ids), shard_size, sum(map(len, ids)), max_workflow_bytes=10**12)
    assert (estimate.pods, estimate.nodes) == (real.pods, real.nodes)
    assert 0 <= estimate.argument_bytes - real.argument_bytes <= 4 * real.shards + 4


def test_a_run_near_a_limit_is_let_through_with_a_warning():
    assert check_run_size(1000, 55, 8000).warnings() == []  # 19 shards
    (warning,) = check_run_size(1000, 43, 8000).warnings()  # 24 shards
    assert warning.startswith("a workflow of about 989")
    assert warning.endswith("bytes of at most 1048576: take larger shards, or more runs")


def test_the_warning_names_the_limit_that_is_near():
    assert RunSize(1000, 8, 86_000).warnings() == []
    near_workflow, near_bytes = RunSize(1000, 8, 104_858).warnings()
    assert near_workflow.startswith("a workflow of about 897632 bytes of at most 1048576")
    assert near_bytes.startswith("the list of ids takes 104858 bytes of at most 131072")


def test_ids_take_part_in_the_size():
    """They stand in the inputs of each task of their shard."""
    short, long = (RunSize(160, 20, 160 * (length + 4)).workflow_bytes for length in (8, 40))
    assert long - short == pytest.approx(4.8 * 160 * 32, rel=0.01)
    assert RunSize(160, 20, 160 * 12).workflow_bytes == 126_000 + 20 * 34_000  # what a shard's bytes hold already


def test_a_pipeline_says_what_it_takes():
    fused = WorkflowSize.of({"run_pods": 6.0, "shard_pods": 4.0, "run_bytes": 108_000.0, "shard_bytes": 11_000.0})
    assert check_run_size(640, 8, 640 * 8, workflow=fused).pods == 326
    with pytest.raises(ConfigError, match="80 shards, a workflow of about 2.7 MiB"):
        check_run_size(640, 8, 640 * 8)
    assert WorkflowSize.of({}) == WorkflowSize.of(None) == WorkflowSize()
    with pytest.raises(ConfigError, match="workflow: .*unknown key 'pods'"):
        WorkflowSize.of({"pods": 6})


def test_the_limit_is_that_of_argo():
    assert MAX_WORKFLOW_BYTES == 1_048_576
    check_run_size(27 * 8, 8, 27 * 64)
    with pytest.raises(ConfigError, match="expected at least 9 for 224 subjects, found 8"):
        check_run_size(28 * 8, 8, 28 * 64)
