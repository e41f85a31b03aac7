from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cardioscar.phantom.mesh import wall_mesh
from cardioscar.phantom.shape import direction_from_angles, draw_shape


@pytest.fixture(scope="module", params=[1_000, 8_000, 30_000])
def case(request):
    rng = np.random.default_rng(request.param)
    shape = draw_shape(
        rng,
        length_mm=(82, 98),
        wall_mm=(8, 11),
        thin_direction=direction_from_angles(1.0, 2.0),
        thinning=0.3,
    )
    mesh, at = wall_mesh(shape, request.param, rng)
    return request.param, shape, mesh, at, mesh.grid.cell_connectivity.reshape(-1, 4)


def test_has_the_wanted_number_of_nodes_and_uses_all(case):
    wanted, _, mesh, _, cells = case
    assert mesh.n_nodes == pytest.approx(wanted, rel=0.05)
    assert set(np.unique(cells)) == set(range(mesh.n_nodes))


def test_tetrahedra_are_positive_and_well_shaped(case):
    _, _, mesh, _, cells = case
    p = mesh.nodes_mm[cells]
    volume = np.linalg.det(p[:, 1:] - p[:, :1]) / 6
    assert volume.min() > 0
    squares = sum(((p[:, i] - p[:, j]) ** 2).sum(axis=1) for i, j in combinations(range(4), 2))
    quality = 12 * (3 * volume) ** (2 / 3) / squares  # mean ratio: 1 for a regular tetrahedron
    assert quality.min() > 0.1
    assert np.median(quality) > 0.7


def test_cells_share_faces_and_enclose_one_cup(case):
    *_, cells = case
    faces = np.sort(np.concatenate([cells[:, list(c)] for c in combinations(range(4), 3)]), axis=1)
    unique, counts = np.unique(faces, axis=0, return_counts=True)
    assert set(counts) == {1, 2}
    outer = unique[counts == 1]
    edges, uses = np.unique(
        np.sort(np.concatenate([outer[:, list(c)] for c in combinations(range(3), 2)]), axis=1),
        axis=0,
        return_counts=True,
    )
    assert (uses == 2).all()
    # A cup is a ball to topology: its closed surface has Euler characteristic 2.
    assert len(np.unique(outer)) - len(edges) + len(outer) == 2


def test_volume_is_that_of_the_formula(case):
    wanted, shape, mesh, _, _ = case
    rng = np.random.default_rng(0)
    low, high = mesh.nodes_mm.min(axis=0) - 1, mesh.nodes_mm.max(axis=0) + 1
    hits = shape.coordinates(rng.uniform(low, high, (400_000, 3))).in_wall
    # Flat facets cut off the convex side: the error falls with the square of the node distance.
    assert mesh.volume_ml == pytest.approx(hits.mean() * np.prod(high - low) / 1000, rel=0.01 + 20 / wanted)


def test_base_is_flat_and_nodes_lie_in_the_wall(case):
    _, shape, mesh, at, _ = case
    found = shape.coordinates(mesh.nodes_mm)
    assert found.in_wall.all()
    np.testing.assert_allclose(found.transmural, at.transmural, atol=1e-9)
    assert (np.abs(found.local_mm[:, 2]) < 1e-9).sum() >= 3 * 15
    assert found.local_mm[:, 2].max() < 1e-9
