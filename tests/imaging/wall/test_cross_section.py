"""How much of each pixel a mesh fills."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import pyvista as pv
from scipy.spatial.transform import Rotation

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.slices import Slice
from cardioscar.imaging.wall.cross_section import MeshSurface


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> LVMesh:
    """A block of hexahedra, and a second one apart from it, as outlines come in several pieces."""
    grid = pv.ImageData(
        dimensions=(4, 4, 4), spacing=np.subtract(high, low) / 3, origin=low
    ).cast_to_unstructured_grid()
    return LVMesh(grid.merge(grid.translate((0, 60, 0)), merge_points=False))


def piece(affine: np.ndarray) -> Slice:
    return Slice(np.zeros((30, 30)), np.ones((30, 30), bool), affine, 0)


def share_at(mesh: LVMesh, slab: Slice, index: Sequence[tuple[float, float]]) -> np.ndarray:
    coverage = MeshSurface.of(mesh).coverage(slab, np.array([0, 0]), np.array([29, 29]), per_pixel=4)
    at = np.rint(coverage.to_grid(np.array(index))).astype(int)
    return coverage.share[tuple(at.T)]


def test_pixels_on_an_edge_are_filled_by_the_part_within() -> None:
    # 2 mm pixels; the block's edges lie at 10 and 40 mm, in the middle of pixels 5 and 20
    slab = piece(np.diag([2.0, 2.0, 6.0, 1.0]))
    found = share_at(box((10, 10, -20), (40, 40, 20)), slab, [(12, 12), (5, 12), (12, 20), (5, 5), (2, 12), (25, 12)])
    # a fifth of a pixel is the grid's width over the pixel's
    np.testing.assert_allclose(found, [1, 0.5, 0.5, 0.25, 0, 0], atol=0.11)


def test_a_slab_that_sticks_out_of_the_mesh_is_filled_in_part() -> None:
    slab = piece(np.diag([2.0, 2.0, 10.0, 1.0]))
    # the block reaches from 1 mm above the slab's middle plane upwards: four tenths of the slab, two of five planes
    np.testing.assert_allclose(share_at(box((10, 10, 1), (40, 40, 30)), slab, [(12, 12)]), 0.4, atol=1e-6)


def test_oblique_slices_see_the_same_as_straight_ones() -> None:
    turn = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()
    straight = np.diag([1.5, 2.0, 6.0, 1.0])
    moved = np.eye(4)
    moved[:3, :3] = turn
    moved[:3, 3] = [5, -80, 12]
    mesh = box((10, 10, -20), (40, 40, 20))
    other = LVMesh(mesh.grid.transform(moved, inplace=False))
    index = [(i, j) for i in range(0, 30, 3) for j in range(0, 30, 3)]
    expected = share_at(mesh, piece(straight), index)
    assert 0 < expected.mean() < 1
    np.testing.assert_allclose(share_at(other, piece(moved @ straight), index), expected, atol=0.01)


@pytest.mark.parametrize("per_pixel", [3, 4])
def test_the_area_of_the_cross_section_is_kept(per_pixel: int) -> None:
    slab = piece(np.diag([2.0, 2.0, 6.0, 1.0]))
    coverage = MeshSurface.of(box((10, 10, -20), (40, 40, 20))).coverage(
        slab, np.array([-3, -3]), np.array([32, 32]), per_pixel=per_pixel
    )
    area_mm2 = coverage.share.sum() * (2.0 / per_pixel) ** 2
    assert area_mm2 == pytest.approx(900, rel=0.02)


def test_surface_cells_beside_the_solid_ones_change_nothing() -> None:
    slab = piece(np.diag([2.0, 2.0, 6.0, 1.0]))
    mesh = box((10, 10, -20), (40, 40, 20))
    skin = pv.UnstructuredGrid(mesh.grid.extract_surface(algorithm="dataset_surface"))
    both = LVMesh(mesh.grid.merge(skin, merge_points=True))
    assert (both.grid.celltypes == pv.CellType.QUAD).any()
    index = [(12, 12), (5, 12), (25, 12)]
    np.testing.assert_array_equal(share_at(both, slab, index), share_at(mesh, slab, index))
