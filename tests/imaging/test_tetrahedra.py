from __future__ import annotations

import numpy as np
import pytest
import pyvista as pv
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.imaging.coordinates.laplace import solve_laplace, stiffness
from cardioscar.imaging.meshing.stuffing import lattice_step_mm, stuff_isosurface
from cardioscar.imaging.tetrahedra import (
    boundary_faces,
    divide,
    scaled_jacobian,
    signed_volumes,
    tetrahedra_of,
    tetrahedral_grid,
)


def block(size: int = 5) -> tuple[np.ndarray, np.ndarray]:
    grid = pv.ImageData(dimensions=(size, size + 1, size + 2)).cast_to_unstructured_grid()
    return np.asarray(grid.points, dtype=float), tetrahedra_of(grid)


def stuffed(radius: float, center: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    axes = np.mgrid[:41, :41, :41] - 20.0
    distance = np.linalg.norm(axes - center[:, None, None, None], axis=0) - radius
    return stuff_isosurface(distance, np.full(3, -20.0), 1.0)


def test_hexahedra_become_tetrahedra_of_the_same_volume():
    nodes, cells = block()
    volumes = signed_volumes(nodes, cells)
    assert (volumes > 0).all()
    assert volumes.sum() == pytest.approx(4 * 5 * 6)


def test_division_keeps_volume_and_makes_eight():
    nodes, cells = stuffed(9.0, np.zeros(3))
    finer_nodes, finer = divide(nodes, cells)
    assert len(finer) == 8 * len(cells)
    assert (signed_volumes(finer_nodes, finer) > 0).all()
    assert signed_volumes(finer_nodes, finer).sum() == pytest.approx(signed_volumes(nodes, cells).sum())
    assert len(boundary_faces(finer)) == 4 * len(boundary_faces(cells))


def test_scaled_jacobian_agrees_with_verdict():
    nodes, cells = stuffed(9.3, np.array([0.2, 0.1, 0.4]))
    verdict = tetrahedral_grid(nodes, cells).cell_quality("scaled_jacobian")["scaled_jacobian"]
    assert np.allclose(scaled_jacobian(nodes, cells), verdict)


def test_boundary_faces_point_outward():
    nodes, cells = block()
    faces = nodes[boundary_faces(cells)]
    normals = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0]) / 2
    # Divergence theorem
    assert np.einsum("ij,ij->", normals, faces.mean(axis=1)) / 3 == pytest.approx(4 * 5 * 6)


def test_boundary_faces_of_a_mesh_of_millions_of_nodes_are_found_by_another_way():
    """Three node numbers above two million do not fit in one key."""
    _, cells = stuffed(6.0, np.zeros(3))
    faces, far = boundary_faces(cells), boundary_faces(cells + 2_000_000) - 2_000_000
    assert len(faces) > 100
    assert sorted(map(tuple, faces)) == sorted(map(tuple, far))


def test_the_boundary_of_no_cells_is_nothing():
    assert boundary_faces(np.empty((0, 4), dtype=np.int64)).shape == (0, 3)


@settings(max_examples=15)
@given(radius=st.floats(5, 14), center=st.tuples(*[st.floats(-1, 1)] * 3))
def test_stuffed_sphere(radius, center):
    nodes, cells = stuffed(radius, np.array(center))
    assert scaled_jacobian(nodes, cells).min() > 0.1
    # Flat faces with edges of up to 2 steps lie inside the sphere by edge² / 12 radius on average.
    assert signed_volumes(nodes, cells).sum() == pytest.approx(4 / 3 * np.pi * radius**3, rel=1.6 / radius**2)
    surface = np.unique(boundary_faces(cells))
    # The distance is linear between lattice nodes: the error is of second order, edge² / 8 radius and a little.
    distance = np.linalg.norm(nodes[surface] - np.array(center), axis=1) - radius
    assert np.abs(distance).max() < 0.8 / radius
    edges = np.sort(boundary_faces(cells)[:, [(0, 1), (1, 2), (2, 0)]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()


def test_nothing_inside_gives_no_cells():
    nodes, cells = stuff_isosurface(np.ones((9, 9, 9)), np.zeros(3), 1.0)
    assert len(nodes) == len(cells) == 0


def test_lattice_cells_have_the_volume_of_regular_tetrahedra():
    step = lattice_step_mm(3.0)
    nodes, cells = stuffed(12.0, np.zeros(3))
    assert np.median(signed_volumes(nodes, cells)) * step**3 == pytest.approx(3.0**3 / (6 * np.sqrt(2)))


def test_laplace_reproduces_linear_fields():
    nodes, cells = divide(*block(4))
    exact = nodes @ np.array([0.3, -1.0, 0.5])
    fixed = np.isin(np.arange(len(nodes)), boundary_faces(cells))
    assert not fixed.all()
    matrix = stiffness(nodes, cells)
    assert np.abs(matrix.sum(axis=1)).max() < 1e-12
    assert np.allclose(solve_laplace(matrix, nodes, fixed, np.where(fixed, exact, 0.0), tolerance=1e-10), exact)


def test_laplace_without_flux():
    nodes, cells = block(6)
    fixed = (nodes[:, 2] == 0) | (nodes[:, 2] == nodes[:, 2].max())
    found = solve_laplace(stiffness(nodes, cells), nodes, fixed, nodes[:, 2], tolerance=1e-10)
    assert np.allclose(found, nodes[:, 2])
