"""Points of a grid in tetrahedra, against VTK's search and against a formula."""

from __future__ import annotations

import numpy as np
import pytest
import pyvista as pv

from cardioscar.imaging import cells_on_grid
from cardioscar.imaging.cells_on_grid import points_in_cells


def sampled(nodes: np.ndarray, cells: np.ndarray, shape: tuple[int, int, int], values: np.ndarray) -> np.ndarray:
    found = np.full(np.prod(shape), np.nan)
    for point, corners, weights in points_in_cells(nodes, cells, shape):
        found[point] = (values[corners] * weights).sum(axis=1)
    return found.reshape(shape)


@pytest.mark.parametrize("at_once", [2_000_000, 500])
def test_a_linear_field_comes_back_in_the_ball_and_nowhere_else(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells_on_grid, "_AT_ONCE", at_once)
    grid = pv.SolidSphere(outer_radius=7.3, center=(8, 9, 3)).triangulate()
    nodes, cells = np.asarray(grid.points, float), np.asarray(grid.cell_connectivity).reshape(-1, 4)
    shape = (15, 20, 5)  # part of the ball lies outside of it
    field = nodes @ [0.3, -0.2, 0.7] + 1
    found = sampled(nodes, cells, shape, field)
    place = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3).astype(float)
    inside = np.asarray(grid.find_containing_cell(place)) >= 0
    told = np.isfinite(found.ravel())
    assert (inside != told).mean() < 0.002  # points on the very boundary
    np.testing.assert_allclose(found.ravel()[told], (place @ [0.3, -0.2, 0.7] + 1)[told], atol=1e-6)


def test_flat_cells_hold_nothing_and_far_ones_are_passed_over() -> None:
    nodes = np.array(
        [[0.0, 0, 0], [4, 0, 0], [0, 4, 0], [2, 2, 0], [90, 90, 90], [91, 90, 90], [90, 91, 90], [90, 90, 91]]
    )
    assert list(points_in_cells(nodes, np.array([[4, 5, 6, 7]]), (5, 5, 5))) == []
    [(point, _, _)] = points_in_cells(nodes, np.array([[0, 1, 2, 3]]), (5, 5, 5))
    assert len(point) == 0
