from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cardioscar.errors import InputError
from cardioscar.metrics.surface_distance import border, hd95_mm


def lattice(n: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Cubic lattice with 2 mm between nodes, in hexahedral cells."""
    index = np.arange(n**3).reshape(n, n, n)
    corners = [index[i : n - 1 + i, j : n - 1 + j, k : n - 1 + k].ravel() for i, j, k in product((0, 1), repeat=3)]
    cells = np.column_stack(corners)
    nodes = 2.0 * np.array(list(product(range(n), repeat=3)))
    return nodes, (cells.ravel(), np.arange(0, cells.size + 1, 8))


NODES, CELLS = lattice(8)


def directed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances by brute force."""
    return np.linalg.norm(a[:, None] - b[None], axis=2).min(axis=1)


def test_shifted_half_space_is_off_by_the_shift():
    assert hd95_mm(NODES[:, 0] <= 4, NODES[:, 0] <= 8, NODES, cells=CELLS) == pytest.approx(4.0)


def test_identical_maps_are_at_distance_zero():
    mask = np.linalg.norm(NODES - 7, axis=1) < 5
    assert hd95_mm(mask, mask, NODES, cells=CELLS) == 0


def test_border_of_a_half_space_is_its_last_layer_without_the_outer_faces():
    mask = NODES[:, 0] <= 6
    np.testing.assert_array_equal(border(mask, NODES, cells=CELLS), NODES[:, 0] == 6)


def test_the_larger_directed_percentile_counts():
    # False islands are 3 of 23 predicted border nodes (directed 5 mm; pooled with the other side 4.5 mm).
    x = np.zeros((200, 3))
    x[:, 0] = np.arange(200)
    truth = np.zeros(200, dtype=bool)
    truth[::10] = True
    prediction = truth.copy()
    prediction[[175, 185, 195]] = True
    segments = (np.repeat(np.arange(200), 2)[1:-1], np.arange(0, 399, 2))
    assert hd95_mm(truth, prediction, x, cells=segments) == pytest.approx(5.0)
    assert hd95_mm(prediction, truth, x, cells=segments) == pytest.approx(5.0)


@given(arrays(bool, 216), arrays(bool, 216))
def test_agrees_with_brute_force_and_is_symmetric(truth, prediction):
    nodes, cells = lattice(6)
    found = hd95_mm(truth, prediction, nodes, cells=cells)
    if not truth.any() or not prediction.any():
        assert math.isnan(found)
        return
    index = (nodes / 2).astype(int)

    def surface(mask: np.ndarray) -> np.ndarray:
        grid = np.pad(mask.reshape(6, 6, 6), 1, mode="edge")
        surrounded = np.ones(216, dtype=bool)
        for step in product((0, 1, 2), repeat=3):
            surrounded &= grid[tuple((index + step).T)]
        rim = mask & ~surrounded
        return nodes[rim if rim.any() else mask]

    a, b = surface(truth), surface(prediction)
    expected = max(np.percentile(directed(a, b), 95), np.percentile(directed(b, a), 95))
    assert found == pytest.approx(expected)
    assert hd95_mm(prediction, truth, nodes, cells=cells) == pytest.approx(found)


@given(st.integers(0, 2**32 - 1))
def test_point_cloud_distance_moves_with_the_cloud(seed):
    rng = np.random.default_rng(seed)
    cloud = rng.uniform(0, 30, (400, 3))
    truth, prediction = cloud[:, 0] < 12, cloud[:, 0] < 18
    found = hd95_mm(truth, prediction, cloud)
    # Borders are two sheets 6 mm apart, each as thick as the reach of the nearest nodes.
    assert 3 < found < 14
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert hd95_mm(truth, prediction, cloud @ turn + 100) == pytest.approx(found)


def test_empty_is_nan_and_full_is_finite():
    full, none = np.ones(512, dtype=bool), np.zeros(512, dtype=bool)
    assert math.isnan(hd95_mm(none, full, NODES))
    assert math.isnan(hd95_mm(full, none, NODES, cells=CELLS))
    assert hd95_mm(full, full, NODES, cells=CELLS) == 0
    assert hd95_mm(full, full, NODES) == 0


def test_refuses_positions_that_do_not_fit():
    with pytest.raises(InputError, match="nodes_mm: expected finite positions"):
        hd95_mm(np.ones(4), np.ones(4), np.zeros((3, 3)))


def test_mesh_gives_its_own_neighbours():
    import pyvista as pv

    from cardioscar.imaging.lvmesh import LVMesh
    from cardioscar.metrics.surface_distance import mesh_hd95_mm

    nodes, cells = lattice(12)
    voxels = cells[0].reshape(-1, 8)[:, [0, 4, 2, 6, 1, 5, 3, 7]]
    mesh = LVMesh(pv.UnstructuredGrid({pv.CellType.VOXEL: voxels}, nodes))
    assert mesh_hd95_mm(nodes[:, 2] <= 8, nodes[:, 2] <= 14, mesh) == pytest.approx(6.0)
