"""Lines through corridors whose middle is known."""

from __future__ import annotations

import numpy as np
import pytest

from cardioscar.scar3d.channels.centreline import centreline, width_mm
from cardioscar.scar3d.channels.mesh_graph import adjacency


def bent_band(radius_mm: float = 30.0, half_mm: float = 4.0, seed: int = 0):
    """Points of a band along a quarter of a circle, their neighbours, and their distance to its sides."""
    rng = np.random.default_rng(seed)
    angle, off = rng.uniform(0, np.pi / 2, 900), rng.uniform(-half_mm, half_mm, 900)
    angle[:2], off[:2] = (0, np.pi / 2), 0
    points = np.column_stack([(radius_mm + off) * np.cos(angle), (radius_mm + off) * np.sin(angle), np.zeros(900)])
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    pairs = np.argwhere(np.triu(distance < 2.2, 1))
    graph = adjacency(pairs, 900, distance[tuple(pairs.T)])
    return graph, points, half_mm - np.abs(off)


def test_it_follows_the_middle_of_a_bent_band() -> None:
    graph, points, clearance = bent_band()
    line = centreline(graph, points, clearance, 0, 1)
    off = np.hypot(*line.points_mm[:, :2].T) - 30
    assert np.abs(off).max() < 1
    assert line.length_mm == pytest.approx(30 * np.pi / 2, rel=0.03)
    np.testing.assert_allclose(line.points_mm[[0, -1]], points[:2], atol=1e-9)
    assert (line.nodes[0], line.nodes[-1]) == (0, 1)
    np.testing.assert_allclose(line.orientation, [-(0.5**0.5), 0.5**0.5, 0], atol=1e-9)
    steps = np.linalg.norm(np.diff(line.points_mm, axis=0), axis=1)
    assert steps.std() < 0.05 * steps.mean()


def test_its_ends_go_on_straight() -> None:
    graph, points, clearance = bent_band()
    plain = centreline(graph, points, clearance, 0, 1)
    longer = centreline(graph, points, clearance, 0, 1, beyond_mm=(2.0, 3.0))
    assert longer.length_mm == pytest.approx(plain.length_mm + 5, abs=0.1)
    np.testing.assert_allclose(longer.points_mm[longer.inner], plain.points_mm)
    assert longer.points_mm[0, 1] == pytest.approx(-2, abs=0.3)
    assert longer.points_mm[-1, 0] == pytest.approx(-3, abs=0.4)


@pytest.mark.parametrize("beyond", [-2.0, 0.0])
def test_nothing_is_taken_from_its_ends(beyond: float) -> None:
    graph, points, clearance = bent_band()
    line = centreline(graph, points, clearance, 0, 1, beyond_mm=(beyond, beyond))
    np.testing.assert_allclose(line.points_mm[[0, -1]], points[:2], atol=1e-9)


def test_the_width_is_twice_the_clearance_of_the_middle() -> None:
    graph, points, clearance = bent_band()
    width = width_mm(centreline(graph, points, clearance, 0, 1), points, clearance, edge_mm=1.5)
    assert np.median(width) == pytest.approx(8, abs=0.8)
    assert width.min() > 6


def test_a_line_of_two_nodes() -> None:
    points = np.array([[0.0, 0, 0], [0, 0, 5]])
    line = centreline(adjacency(np.array([[0, 1]]), 2, np.array([5.0])), points, np.ones(2), 0, 1)
    assert line.length_mm == pytest.approx(5)
    np.testing.assert_allclose(line.orientation, [0, 0, 1])
