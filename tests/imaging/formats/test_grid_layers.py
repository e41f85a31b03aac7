from __future__ import annotations

import numpy as np
import pytest
import pyvista as pv
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.grid_layers import read_grid_layers, write_grid_layers
from cardioscar.imaging.slices import Slice, SliceStack


def stack_of(turn=(0.3, -0.2, 0.5, 0.8), *, n=3, pixel=(1.25, 1.5), thickness=8.0, gap=10.0, seed=0) -> SliceStack:
    """Oblique slices with a ring of observed pixels each, every slice tilted a little against the others."""
    rng = np.random.default_rng(seed)
    i, j = np.meshgrid(np.arange(24), np.arange(20), indexing="ij")
    slices = []
    for number in range(n):
        tilt = Rotation.from_rotvec(rng.normal(scale=0.03, size=3)) * Rotation.from_quat(turn)
        affine = np.eye(4)
        affine[:3, :3] = tilt.as_matrix() * [*pixel, thickness]
        affine[:3, 3] = np.array([12.0, -40, 55]) + number * gap * affine[:3, 2] / thickness
        radius = np.hypot(i - 12, j - 10)
        observed = (radius > 4) & (radius < 9)
        observed[12, 1] = number % 2
        values = np.where(observed, rng.random(observed.shape), np.nan).astype(np.float32)
        slices.append(Slice(values, observed, affine, number))
    return SliceStack(tuple(slices), "layers")


def pixel_values(one: Slice) -> tuple[np.ndarray, np.ndarray]:
    """Observed pixel centres in mm, in an order that does not depend on the axes, and their values."""
    centers, values = one.pixel_centers_mm(), one.values[one.observed]
    order = np.lexsort(centers.round(3).T)
    return centers[order], values[order]


@given(
    turn=st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1),
    pixel=st.tuples(*[st.floats(0.7, 3)] * 2),
    thick=st.booleans(),
)
@settings(max_examples=12)
def test_the_lattice_is_recovered(tmp_path_factory, turn, pixel, thick):
    stack = stack_of(turn, pixel=pixel)
    folder = tmp_path_factory.mktemp("layers")
    write_grid_layers(folder, stack, thick=thick)
    back = read_grid_layers(folder, thickness_mm=None if thick else 8.0)
    assert len(back) == 3
    for before, after in zip(stack, back, strict=True):
        expected, values = pixel_values(before)
        found, found_values = pixel_values(after)
        np.testing.assert_allclose(found, expected, atol=1e-3)
        np.testing.assert_allclose(found_values, values, atol=1e-6)
        assert after.thickness_mm == pytest.approx(8, rel=1e-5)
        assert abs(after.normal @ before.normal) == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(sorted(after.pixel_mm), sorted(pixel), rtol=1e-4)
        # where the axes go must not matter: the observed prism of each pixel is what is compared
        corner = after.affine @ [*(np.array(after.values.shape) - 0.5), 0.5, 1]
        assert np.abs(after.mm_to_index(corner[None, :3])[0, 2]) == pytest.approx(0.5)


def test_thickness_of_flat_layers(tmp_path):
    write_grid_layers(tmp_path, stack_of(gap=9.0))
    assert read_grid_layers(tmp_path, thickness_mm=5).slices[0].thickness_mm == pytest.approx(5)
    assert read_grid_layers(tmp_path).slices[0].thickness_mm == pytest.approx(9, abs=0.6)
    thin = tmp_path / "thin"
    write_grid_layers(thin, stack_of(thickness=0.1), thick=True)
    assert read_grid_layers(thin, thickness_mm=6).slices[1].thickness_mm == pytest.approx(6)
    write_grid_layers(tmp_path / "one", stack_of(n=1))
    with pytest.raises(GeometryError, match="one: expected a slice thickness for a single flat layer, found none"):
        read_grid_layers(tmp_path / "one")
    with pytest.raises(GeometryError, match="a positive slice thickness, found -1 mm"):
        read_grid_layers(tmp_path, thickness_mm=-1)


def test_order_by_the_number_in_the_name(tmp_path):
    write_grid_layers(tmp_path, stack_of())
    for number, name in ((2, "grid_layer_11_updated"), (1, "grid_layer_9_updated"), (0, "grid_layer_2_updated")):
        (tmp_path / f"grid_layer_{number}.vtk").rename(tmp_path / f"{name}.vtk")
    back = read_grid_layers(tmp_path, thickness_mm=8)
    assert [s.number for s in back] == [0, 1, 2]
    for before, after in zip(stack_of(), back, strict=True):
        np.testing.assert_allclose(pixel_values(after)[1], pixel_values(before)[1], atol=1e-6)
    (tmp_path / "grid_layer_9.vtk").write_bytes((tmp_path / "grid_layer_2_updated.vtk").read_bytes())
    with pytest.raises(InputError, match="one layer for each slice number, found a second layer 9"):
        read_grid_layers(tmp_path, thickness_mm=8)
    (tmp_path / "grid_layer_9.vtk").rename(tmp_path / "layer.vtk")
    with pytest.raises(InputError, match=r"layer\.vtk: expected a slice number in the file name, found none"):
        read_grid_layers(tmp_path, thickness_mm=8)


def polydata(grid: pv.UnstructuredGrid) -> pv.PolyData:
    return pv.PolyData(grid.points, faces=grid.cells)


def structured(_: pv.UnstructuredGrid) -> pv.StructuredGrid:
    x, y = np.meshgrid(np.arange(7) * 1.5, np.arange(5) * 1.25, indexing="ij")
    return pv.StructuredGrid(x[..., None], y[..., None], np.full_like(x, 3.0)[..., None])


def image(_: pv.UnstructuredGrid) -> pv.ImageData:
    return pv.ImageData(dimensions=(7, 5, 1), spacing=(1.5, 1.25, 1), origin=(0, 0, 3))


@pytest.mark.parametrize("convert", [polydata, structured, image])
def test_other_kinds_of_grid_and_another_array(convert, tmp_path):
    write_grid_layers(tmp_path, stack_of(n=1))
    mesh = convert(pv.read(tmp_path / "grid_layer_0.vtk"))
    mesh.cell_data["scar"] = np.linspace(0, 1, mesh.n_cells)
    mesh.save(tmp_path / "grid_layer_0.vtk", binary=False)
    (one,) = read_grid_layers(tmp_path, thickness_mm=8, array="scar")
    assert one.observed.sum() == mesh.n_cells
    np.testing.assert_allclose(one.pixel_centers_mm().mean(axis=0), mesh.cell_centers().points.mean(axis=0), atol=1e-3)
    np.testing.assert_allclose(sorted(one.pixel_mm), [1.25, 1.5], rtol=1e-3)
    with pytest.raises(
        InputError, match=r"grid_layer_0\.vtk: expected a cell array 'ScalarValue', found 1 cell array of anot"
    ):
        read_grid_layers(tmp_path, thickness_mm=8)


def test_ras_layers(tmp_path):
    write_grid_layers(tmp_path, stack_of())
    plain, turned = (read_grid_layers(tmp_path, thickness_mm=8, frame=f) for f in ("LPS", "RAS"))
    for a, b in zip(plain, turned, strict=True):
        expected, found = a.pixel_centers_mm() * [-1, -1, 1], b.pixel_centers_mm()
        np.testing.assert_allclose(sorted(found.tolist()), sorted(expected.tolist()), atol=1e-3)


def broken(kind: str, grid: pv.UnstructuredGrid) -> pv.DataSet:
    if kind == "irregular":
        grid.points[5] += [0.4, 0.3, 0]
    elif kind == "triangles":
        grid = grid.triangulate()
        grid.cell_data["ScalarValue"] = np.zeros(grid.n_cells)
    elif kind == "skewed":
        grid.points[:] = grid.points @ np.array([[1, 0.3, 0], [0, 1, 0], [0, 0, 1]]).T
    elif kind == "repeated":
        values = np.append(grid.cell_data["ScalarValue"], 0.5)
        grid = pv.UnstructuredGrid(np.append(grid.cells, grid.cells[:5]), np.full(len(values), 9), grid.points)
        grid.cell_data["ScalarValue"] = values
    elif kind == "percent":
        grid.cell_data["ScalarValue"] = np.full(grid.n_cells, 50.0)
    return grid


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("irregular", "expected cells on one regular lattice, found a corner"),
        ("triangles", r"expected cells that are all quads or all hexahedra, found VTK cell types \[5\]"),
        ("skewed", "expected orthogonal image axes, found axes"),
        ("repeated", "expected one cell at each lattice place, found several"),
        ("percent", "expected probabilities from 0 to 1, found .* cells outside"),
    ],
)
def test_broken_layers(kind, message, tmp_path):
    write_grid_layers(tmp_path, stack_of(n=1))
    broken(kind, pv.read(tmp_path / "grid_layer_0.vtk")).save(tmp_path / "grid_layer_0.vtk")
    with pytest.raises(InputError, match=rf"^grid_layer_0\.vtk: {message}"):
        read_grid_layers(tmp_path, thickness_mm=8)


def test_folders(tmp_path):
    with pytest.raises(InputError, match="none: expected a folder of grid layers, found none of that name"):
        read_grid_layers(tmp_path / "none", thickness_mm=8)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: expected grid layers \(\.vtk files\), found none"):
        read_grid_layers(tmp_path / "empty", thickness_mm=8)
    stack = stack_of()
    blind = Slice(stack.slices[0].values, np.zeros((24, 20), bool), stack.slices[0].affine, 4)
    with pytest.raises(InputError, match="layers: expected observed pixels in each slice, found none in slice 4"):
        write_grid_layers(tmp_path / "out", SliceStack((blind,), "layers"))
