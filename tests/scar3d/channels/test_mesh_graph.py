"""Edges, neighbours and gradients on meshes small enough to count."""

from __future__ import annotations

import numpy as np
import pytest

from cardioscar.scar3d.channels import mesh_graph
from cardioscar.scar3d.channels.mesh_graph import adjacency, mesh_edges, nodal_gradient
from tests.scar3d.slab import Slab

TWO = np.array([[0, 1, 2, 3], [4, 3, 2, 1]])


def test_shared_edges_are_counted_once() -> None:
    expected = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [1, 4], [2, 3], [2, 4], [3, 4]]
    assert mesh_edges(TWO, 5).tolist() == expected


def test_only_edges_between_kept_nodes_are_kept() -> None:
    kept = np.array([True, True, False, True, False])
    assert mesh_edges(TWO, 5, kept=kept).tolist() == [[0, 1], [0, 3], [1, 3]]
    assert mesh_edges(TWO, 5, kept=np.zeros(5, dtype=bool)).shape == (0, 2)


def test_pieces_give_the_same_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    slab = Slab(step_mm=8.0)
    whole = mesh_edges(slab.cells, len(slab.nodes_mm))
    monkeypatch.setattr(mesh_graph, "CHUNK", 7)
    np.testing.assert_array_equal(mesh_edges(slab.cells, len(slab.nodes_mm)), whole)
    pairs = {
        tuple(sorted(pair)) for cell in slab.cells.tolist() for pair in zip(cell, cell[1:] + cell[:1], strict=True)
    }
    assert pairs <= set(map(tuple, whole.tolist()))


def test_neighbours_are_mutual() -> None:
    graph = adjacency(mesh_edges(TWO, 5), 5, np.arange(9.0) + 1).toarray()
    np.testing.assert_array_equal(graph, graph.T)
    assert graph[0, 4] == 0
    assert graph[0, 1] == 1


def test_the_gradient_of_a_linear_field_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    slab, slope = Slab(step_mm=8.0), np.array([0.5, -2.0, 3.0])
    values = slab.nodes_mm @ slope + 7
    np.testing.assert_allclose(nodal_gradient(slab.nodes_mm, slab.cells, values), np.tile(slope, (len(values), 1)))
    monkeypatch.setattr(mesh_graph, "CHUNK", 11)
    np.testing.assert_allclose(nodal_gradient(slab.nodes_mm, slab.cells, values)[5], slope)


def test_cells_turned_inside_out_and_nodes_of_no_cell_do_no_harm() -> None:
    nodes = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [9, 9, 9]])
    slope = np.array([1.0, 2.0, 3.0])
    gradient = nodal_gradient(nodes, np.array([[1, 0, 2, 3]]), nodes @ slope)
    np.testing.assert_allclose(gradient[:4], np.tile(slope, (4, 1)))
    np.testing.assert_array_equal(gradient[4], 0)
