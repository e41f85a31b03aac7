from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import ConfigError, InputError
from cardioscar.scar3d.observation.sorting import complete_batches, sort_by_group

group_lists = st.lists(st.integers(1, 30), min_size=1, max_size=40)


@given(sizes=group_lists, seed=st.integers(0, 1000))
def test_sorting_keeps_every_observed_node_once_and_in_its_group(sizes: list[int], seed: int) -> None:
    labels = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(7, -1)])
    np.random.default_rng(seed).shuffle(labels)
    result = sort_by_group(labels, len(sizes))
    assert np.diff(result.group_offsets).tolist() == sizes
    assert sorted(result.node_order) == np.flatnonzero(labels >= 0).tolist()
    for group, (a, b) in enumerate(pairwise(result.group_offsets)):
        members = result.node_order[a:b]
        assert (labels[members] == group).all()
        assert (np.diff(members) > 0).all()


@given(sizes=group_lists, target=st.integers(1, 100))
def test_no_group_is_ever_split_and_none_is_lost(sizes: list[int], target: int) -> None:
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    bounds = complete_batches(offsets, target)
    assert bounds[0] == 0
    assert bounds[-1] == len(sizes)
    assert (np.diff(bounds) > 0).all()
    nodes = np.diff(offsets[bounds])
    for batch, (first, last) in enumerate(pairwise(bounds)):
        assert nodes[batch] <= target or last - first == 1
        # and no batch stops early: the next group would not have fitted
        if last < len(sizes):
            assert nodes[batch] + sizes[last] > target


def test_an_empty_group_is_refused() -> None:
    with pytest.raises(InputError, match="1 empty groups"):
        sort_by_group(np.array([0, 2, 2]), 3)


def test_an_index_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="expected groups -1 to 1"):
        sort_by_group(np.array([0, 5]), 2)


def test_a_batch_holds_at_least_one_node() -> None:
    with pytest.raises(ConfigError, match="batch_nodes"):
        complete_batches(np.array([0, 1]), 0)
