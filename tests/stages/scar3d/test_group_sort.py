from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cardioscar.stages.scar3d import group_sort, preprocess


@pytest.fixture
def groups(make_cohort: Callable[..., Path], tmp_path: Path) -> Path:
    preprocess.run(make_cohort("P001"), ["P001"], tmp_path / "groups")
    return tmp_path / "groups"


@pytest.mark.parametrize("batch_nodes", [1, 100, 10_000])
def test_nodes_lie_group_by_group_in_whole_batches(batch_nodes: int, groups: Path, tmp_path: Path) -> None:
    [row] = group_sort.run(groups, ["P001"], tmp_path / "out", {"batch_nodes": batch_nodes})
    assert row.outcome == "ok"
    with np.load(groups / "P001" / "groups.npz") as before, np.load(tmp_path / "out" / "P001" / "sorted.npz") as after:
        order, offsets = after["node_order"], after["group_offsets"]
        of_node = before["group_index"][order]
        np.testing.assert_array_equal(of_node, np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)))
        np.testing.assert_array_equal(np.sort(order), np.flatnonzero(before["group_index"] >= 0))
        np.testing.assert_array_equal(after["nodes_mm"], before["nodes_mm"][order])
        for name in ("targets", "pixels", "slice_number"):
            np.testing.assert_array_equal(after[name], before[name])
        batches = after["batch_groups"]
        assert (batches[0], batches[-1]) == (0, len(before["targets"]))
        assert (np.diff(batches) > 0).all()
        sizes = offsets[batches[1:]] - offsets[batches[:-1]]
        single = np.diff(batches) == 1
        assert (sizes[~single] <= batch_nodes).all()


def test_batches_are_a_setting_of_their_own(groups: Path, tmp_path: Path) -> None:
    reused = []
    for batch_nodes in (100, 100, 200):
        group_sort.run(
            groups, ["P001"], tmp_path / "out", {"batch_nodes": batch_nodes}, on_done=lambda _, r: reused.append(r)
        )
    assert reused == [False, True, False]
