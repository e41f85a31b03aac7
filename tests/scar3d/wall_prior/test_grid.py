from __future__ import annotations

import numpy as np
import pytest

from cardioscar.scar3d.wall_prior.grid import LVGrid, cell_centers, grid_of_nodes, grid_shape
from cardioscar.scar3d.wall_prior.ventricle import Ventricle
from tests.scar3d.wall_prior.conftest import Subject


def test_a_linear_field_comes_back_at_any_node() -> None:
    shape = (12, 16, 5)
    centers = cell_centers(shape)
    grid = LVGrid(np.zeros((*shape, 3)))
    rng = np.random.default_rng(0)
    nodes = np.column_stack([rng.uniform(0.05, 0.95, 200), rng.uniform(-2.7, 2.7, 200), rng.uniform(0.1, 0.9, 200)])
    slopes = np.array([3.0, -2.0, 1.0])
    np.testing.assert_allclose(grid.at(centers @ slopes, nodes), nodes @ slopes, atol=1e-5)


def test_the_grid_closes_around_the_circumference() -> None:
    grid = LVGrid(np.zeros((4, 8, 2, 3)))
    values = np.cos(cell_centers((4, 8, 2))[..., 1])
    before, behind = (np.array([[0.5, angle, 0.5]]) for angle in (np.pi - 1e-9, -np.pi + 1e-9))
    np.testing.assert_allclose(grid.at(values, before), grid.at(values, behind), atol=1e-6)
    # between the last and the first cell lies the mean of both, not the value of one
    np.testing.assert_allclose(grid.at(values, before), values[0, [0, -1], 0].mean(), atol=1e-6)


def test_cells_of_a_mesh_lie_where_its_coordinates_say(ventricle: Ventricle, subject: Subject) -> None:
    grid = grid_of_nodes(subject.nodes_mm, subject.coordinates, cell_mm=4.0, layers=4)
    true = ventricle.place(cell_centers(grid.shape))
    miss = np.linalg.norm(grid.points_mm - true, axis=-1)
    # 6,000 nodes in about 120 ml are 2.7 mm apart
    assert np.median(miss) < 1.2
    assert np.quantile(miss, 0.95) < 3.0


def test_a_mesh_and_its_analytic_ventricle_get_about_the_same_number_of_cells(
    ventricle: Ventricle, subject: Subject
) -> None:
    mesh = grid_of_nodes(subject.nodes_mm, subject.coordinates, cell_mm=2.4, layers=5).shape
    np.testing.assert_allclose(mesh, ventricle.grid(cell_mm=2.4, layers=5).shape, atol=8)


def test_steps_add_up_to_the_size_of_the_heart(ventricle: Ventricle) -> None:
    grid = ventricle.grid(cell_mm=2.4, layers=5)
    along, around, through = grid.steps_mm()
    middle = ventricle.place(np.array([[0.5, angle, 0.5] for angle in np.linspace(-np.pi, np.pi, 400)]))
    girth = np.linalg.norm(np.diff(middle, axis=0), axis=1).sum()
    level = np.abs(cell_centers(grid.shape)[:, 0, 0, 0] - 0.5).argmin()
    assert around[level, :, 2].sum() == pytest.approx(girth, rel=0.04)
    assert np.median(along) == pytest.approx(2.4, rel=0.35)
    wall = ventricle.radius_mm[1] - ventricle.radius_mm[0]
    assert through[-1].sum(axis=1).mean() == pytest.approx(wall, rel=0.15)
    assert grid.long_axis[2] > 0.9


@pytest.mark.parametrize("size", [20.0, 95.0, 1000.0])
def test_the_number_of_cells_can_be_halved_twice_and_is_bounded(size: float) -> None:
    along, around, layers = grid_shape(size, 2 * size, cell_mm=2.4, layers=5)
    assert along % 4 == around % 4 == 0
    assert 16 <= along <= around <= 160
    assert layers == 5
