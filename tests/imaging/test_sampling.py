"""Nodal values at other places stay within what the cell's corners say."""

from __future__ import annotations

import numpy as np
import pytest
import pyvista as pv
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.sampling import nodes_to_volume, sample_nodes, sampling_weights
from cardioscar.imaging.tetrahedra import tetrahedra_of
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom


@pytest.fixture(scope="module")
def mesh() -> LVMesh:
    return make_phantom(PhantomConfig(seed=100, nodes=2_500), 0).mesh


def boxes(kind: int) -> LVMesh:
    """A block of hexahedra, or the same cut into wedges or pyramids."""
    grid = pv.ImageData(
        dimensions=(6, 6, 6), spacing=(7.0, 8.0, 9.0), origin=(3.0, -4.0, 5.0)
    ).cast_to_unstructured_grid()
    corners = grid.cells_dict[11][:, [0, 1, 3, 2, 4, 5, 7, 6]]
    if kind == 12:
        return LVMesh(pv.UnstructuredGrid({12: corners}, grid.points))
    assert kind == 13
    wedges = np.concatenate([corners[:, [0, 1, 2, 4, 5, 6]], corners[:, [0, 2, 3, 4, 6, 7]]])
    return LVMesh(pv.UnstructuredGrid({13: wedges}, grid.points))


@pytest.mark.parametrize("offset_mm", [0.0, 1e-12, 1e-7, 1e-4, 1e-2])
@pytest.mark.parametrize("corners", [1, 2, 3])
def test_points_at_and_beside_nodes_edges_and_faces_stay_in_the_range_of_the_nodes(
    mesh: LVMesh, corners: int, offset_mm: float
) -> None:
    rng = np.random.default_rng(corners)
    cells = mesh.grid.cells_dict[10][rng.integers(0, mesh.grid.n_cells, 3_000), :corners]
    points = np.einsum("nc,ncx->nx", rng.dirichlet(np.ones(corners), len(cells)), mesh.nodes_mm[cells])
    points += offset_mm * rng.standard_normal(points.shape)
    # a map as the stages write it: exact zeros and ones, and a narrow border
    values = np.clip(rng.normal(0.5, 1.0, mesh.n_nodes), 0, 1).astype(np.float32)
    found, _ = sample_nodes(mesh, values, points)
    assert found.min() >= 0
    assert found.max() <= 1
    level = np.float32(0.3)
    np.testing.assert_allclose(sample_nodes(mesh, np.full(mesh.n_nodes, level), points)[0], level, rtol=1e-12)


@pytest.mark.parametrize("kind", [12, 13])
def test_other_cells_stay_in_the_range_of_their_corners(kind: int) -> None:
    block = boxes(kind)
    rng = np.random.default_rng(kind)
    low, high = block.nodes_mm.min(axis=0), block.nodes_mm.max(axis=0)
    points = rng.uniform(low, high, (500, 3))
    points[:250] = np.round((points[:250] - low) / 3.5) * 3.5 + low  # many of them on faces
    values = (rng.random(block.n_nodes) < 0.5).astype(float)
    found, inside = sample_nodes(block, values, points)
    assert inside.mean() > 0.9
    assert found.min() >= 0
    assert found.max() <= 1
    assert ((found > 0) & (found < 1)).any()
    # what is linear in space is interpolated exactly, so the range cuts nothing off
    linear = block.nodes_mm @ np.array([0.3, -0.2, 0.1])
    np.testing.assert_allclose(
        sample_nodes(block, linear, points)[0][inside], (points @ np.array([0.3, -0.2, 0.1]))[inside], atol=1e-5
    )


@given(seed=st.integers(0, 10_000))
def test_a_linear_field_is_sampled_exactly_and_within_its_own_range(mesh: LVMesh, seed: int) -> None:
    rng = np.random.default_rng(seed)
    slope = rng.standard_normal(3)
    cells = mesh.grid.cells_dict[10][rng.integers(0, mesh.grid.n_cells, 50)]
    points = np.einsum("nc,ncx->nx", rng.dirichlet(np.ones(4), len(cells)), mesh.nodes_mm[cells])
    values = mesh.nodes_mm @ slope
    found, inside = sample_nodes(mesh, values, points)
    assert inside.all()
    np.testing.assert_allclose(found, points @ slope, atol=1e-5 * max(1.0, float(np.abs(values).max())))
    assert values.min() <= found.min() <= found.max() <= values.max()


def test_far_points_take_the_nearest_node_and_a_volume_of_a_map_is_a_map(mesh: LVMesh) -> None:
    values = (np.arange(mesh.n_nodes) % 2).astype(np.float32)
    found, inside = sample_nodes(mesh, values, mesh.nodes_mm + 200.0)
    assert not inside.any()
    assert set(np.unique(found)) <= {0.0, 1.0}
    volume = nodes_to_volume(mesh, values, np.eye(4), voxel_mm=2.0)
    assert volume.values.min() >= 0
    assert volume.values.max() <= 1


def test_weights_sample_as_the_values_are_sampled(mesh: LVMesh) -> None:
    rng = np.random.default_rng(0)
    cells = tetrahedra_of(mesh.grid)[rng.integers(0, mesh.grid.n_cells, 150)]
    within = np.einsum("nc,ncx->nx", rng.dirichlet(np.ones(4), len(cells)), mesh.nodes_mm[cells])
    middle = mesh.nodes_mm.mean(axis=0)
    beyond = middle + 1.6 * (mesh.nodes_mm[rng.integers(0, mesh.n_nodes, 50)] - middle)
    values = rng.random(mesh.n_nodes)
    points = np.concatenate([within, beyond])
    weights = sampling_weights(mesh, points)
    expected, held = sample_nodes(mesh, values, points)
    assert held[:150].all()
    assert (~held).sum() > 20
    # near a face VTK may take a point for one of the cell beside it, and continues that cell linearly
    np.testing.assert_allclose(weights @ values, expected, atol=2e-4)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
