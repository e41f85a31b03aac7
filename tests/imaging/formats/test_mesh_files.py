from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from cardioscar.errors import GeometryError, InputError, PlatformError
from cardioscar.imaging.formats.mesh_files import read_mesh, read_surface, write_mesh
from cardioscar.imaging.lvmesh import LVMesh


@pytest.fixture
def grid() -> pv.UnstructuredGrid:
    grid = pv.ImageData(dimensions=(5, 6, 7), spacing=(10, 10, 10), origin=(1, 2, 3)).cast_to_unstructured_grid()
    grid.cell_data["region"] = np.arange(grid.n_cells)
    grid.point_data["scar"] = np.linspace(0, 1, grid.n_points)
    grid.point_data["normal"] = np.random.default_rng(0).normal(size=(grid.n_points, 3))
    return grid


@pytest.mark.parametrize("name", ["a.vtu", "a.vtk", "ascii.vtk"])
def test_reading_keeps_nodes_cells_and_data(name, grid, tmp_path):
    grid.save(tmp_path / name, binary=not name.startswith("ascii"))
    mesh = read_mesh(tmp_path / name)
    np.testing.assert_allclose(mesh.nodes_mm, grid.points)
    np.testing.assert_array_equal(mesh.grid.cell_connectivity, grid.cell_connectivity)
    np.testing.assert_allclose(mesh.grid.point_data["scar"], grid.point_data["scar"])
    np.testing.assert_array_equal(mesh.grid.cell_data["region"], grid.cell_data["region"])
    assert mesh.source == name


def test_xml_under_the_legacy_ending(grid, tmp_path):
    grid.save(tmp_path / "a.vtu")
    (tmp_path / "a.vtu").rename(tmp_path / "a.vtk")
    assert read_mesh(tmp_path / "a.vtk").n_nodes == grid.n_points


def test_ras_is_turned_with_its_vectors(grid, tmp_path):
    grid.save(tmp_path / "a.vtu")
    mesh = read_mesh(tmp_path / "a.vtu", frame="RAS")
    np.testing.assert_allclose(mesh.nodes_mm, grid.points * [-1, -1, 1])
    np.testing.assert_allclose(mesh.grid.point_data["normal"], grid.point_data["normal"] * [-1, -1, 1])
    np.testing.assert_allclose(mesh.grid.point_data["scar"], grid.point_data["scar"])
    assert mesh.volume_ml == pytest.approx(read_mesh(tmp_path / "a.vtu").volume_ml)
    with pytest.raises(InputError, match="frame: expected LPS or RAS, found 'RSA'"):
        read_mesh(tmp_path / "a.vtu", frame="RSA")


def test_flat_cells_go_and_all_nodes_stay(tmp_path, caplog):
    points = np.vstack([np.eye(3), np.zeros((1, 3)), [[1, 1, 1], [5, 5, 5]]]) * 30
    cells = [3, 0, 1, 2, 4, 0, 1, 2, 3, 2, 0, 4, 4, 0, 1, 2, 4]
    grid = pv.UnstructuredGrid(cells, [5, 10, 3, 10], points)
    grid.cell_data["region"] = [7, 8, 9, 10]
    grid.point_data["node"] = np.arange(6)
    grid.save(tmp_path / "mixed.vtu")
    with caplog.at_level(logging.INFO):
        mesh = read_mesh(tmp_path / "mixed.vtu")
    assert mesh.n_nodes == 6
    np.testing.assert_array_equal(mesh.grid.point_data["node"], np.arange(6))
    np.testing.assert_array_equal(mesh.grid.cell_data["region"], [8, 10])
    np.testing.assert_array_equal(mesh.grid.celltypes, [10, 10])
    assert mesh.node_volumes_ml[5] == 0
    assert "mixed.vtu: 2 of 4 cells have no volume and are left out" in caplog.messages


@pytest.mark.parametrize("suffix", [".ply", ".stl", ".vtp", ".vtk"])
def test_surfaces_are_read_for_the_mesher_only(suffix, tmp_path):
    sphere = pv.Sphere(radius=30)
    path = tmp_path / f"epi{suffix}"
    sphere.save(path)
    surface = read_surface(path)
    assert (surface.n_points, surface.n_cells) == (842, 1680)
    assert surface.is_manifold
    turned = read_surface(path, frame="RAS")
    np.testing.assert_allclose(turned.points, surface.points * [-1, -1, 1])
    assert turned.volume == pytest.approx(surface.volume)
    with pytest.raises(GeometryError, match=r"volumetric cells \(fill a closed surface with `cardioscar mesh`\)"):
        read_mesh(path)


def test_a_volume_is_no_surface(grid, tmp_path):
    grid.save(tmp_path / "a.vtu")
    with pytest.raises(GeometryError, match=r"a\.vtu: expected a surface, found volumetric cells"):
        read_surface(tmp_path / "a.vtu")


@pytest.mark.parametrize("name", ["a.vtu", "a.vtk", "ascii.vtk", "a.ply", "ascii.ply", "a.stl", "ascii.stl", "a.vtp"])
def test_truncated_text_and_empty_files(name, grid, tmp_path, capfd):
    path = tmp_path / name
    mesh = pv.Sphere(radius=30) if path.suffix in (".ply", ".stl", ".vtp") else grid
    mesh.save(path, binary=not name.startswith("ascii"))
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for length in [*rng.integers(1, len(whole) - 64, 12), len(whole) // 2]:
        path.write_bytes(whole[:length])
        for read in (read_mesh, read_surface):
            with pytest.raises(InputError, match=f"^{name}: expected "):
                read(path)
    path.write_bytes(b"some text\n" * 50)
    with pytest.raises(InputError, match=f"^{name}: expected "):
        read_mesh(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=f"^{name}: expected a mesh file, found an empty file"):
        read_mesh(path)
    assert str(tmp_path) not in "".join(capfd.readouterr())


def test_impossible_meshes(grid, tmp_path):
    path = tmp_path / "a.vtk"
    grid.save(path, binary=False)
    text = path.read_text()
    path.write_text(text.replace("CONNECTIVITY vtktypeint64\n0 ", "CONNECTIVITY vtktypeint64\n9999 "))
    with pytest.raises(
        GeometryError, match=r"a\.vtk: expected cells on the nodes 0 to 209, found 1 references to others"
    ):
        read_mesh(path)
    far = grid.copy()
    far.points[3] = np.nan
    far.save(path)
    with pytest.raises(GeometryError, match=r"finite node coordinates, found 1 non-finite nodes of 210"):
        read_mesh(path)
    flat = grid.copy()
    flat.points[:, 2] = 0
    flat.save(path)
    with pytest.raises(GeometryError, match=r"cells with a volume, found 120 flat cells"):
        read_mesh(path)
    metres = grid.copy()
    metres.points /= 1000
    metres.save(path)
    with pytest.raises(GeometryError, match=r"at least 20 mm, found 0\.06 mm \(coordinates in metres\?\)"):
        read_mesh(path)
    pv.UnstructuredGrid(np.empty(0, int), np.empty(0, np.uint8), grid.points).save(tmp_path / "b.vtu")
    with pytest.raises(GeometryError, match=r"b\.vtu: expected a mesh with nodes and cells, found 210 nodes, 0 cells"):
        read_mesh(tmp_path / "b.vtu")


def test_missing_unreadable_and_unknown_files(tmp_path):
    with pytest.raises(InputError, match=r"a\.vtu: expected a mesh file, found none of that name"):
        read_mesh(tmp_path / "a.vtu")
    (tmp_path / "loop.vtu").symlink_to(tmp_path / "loop.vtu")
    with pytest.raises(InputError, match=r"loop\.vtu: expected a readable file, found Too many levels"):
        read_mesh(tmp_path / "loop.vtu")
    with pytest.raises(InputError, match=r"a\.obj: expected a mesh \(\.vtu, .*\), found another ending"):
        read_mesh(tmp_path / "a.obj")


def test_written_meshes_are_equal_byte_for_byte(grid, tmp_path):
    mesh = LVMesh(grid)
    write_mesh(tmp_path / "a.vtu", mesh)
    assert mesh.volume_ml > 0  # fills VTK's caches
    grid.points.VTKObject.GetRange(-1)
    grid.set_active_scalars("scar")
    write_mesh(tmp_path / "b.vtu", LVMesh(grid))
    assert (tmp_path / "a.vtu").read_bytes() == (tmp_path / "b.vtu").read_bytes()
    back = read_mesh(tmp_path / "a.vtu")
    np.testing.assert_array_equal(back.grid.points, grid.points)
    np.testing.assert_array_equal(back.grid.celltypes, grid.celltypes)
    for data, expected in ((back.grid.point_data, grid.point_data), (back.grid.cell_data, grid.cell_data)):
        assert set(data) == set(expected)
        for name in expected:
            np.testing.assert_array_equal(data[name], expected[name])
    assert len(list(tmp_path.iterdir())) == 2


def test_unwritable_output(grid, tmp_path):
    with pytest.raises(PlatformError, match=r"^a\.vtu: could not be written"):
        write_mesh(tmp_path / "none" / "a.vtu", LVMesh(grid))
    with pytest.raises(InputError, match=r"a\.ply: expected the ending \.vtu"):
        write_mesh(tmp_path / "a.ply", LVMesh(grid))


@pytest.mark.real
def test_real_surfaces(data_dir):
    files = [*(data_dir / "cobiveco_geo").glob("geo*"), *(data_dir / "bivme_patient1" / "vtk").glob("*_000.vtk")]
    sizes = {path.name: (read_surface(path).n_points, read_surface(path).n_cells) for path in files}
    assert sizes["geo1_heart.vtp"] == (24991, 49978)
    assert sizes["geo2_heart_epi.ply"] == (11321, 22388)
    assert sizes["patient1_EPICARDIAL_000.vtk"] == (2502, 4864)
    assert len(sizes) == 7
    assert "class" in read_surface(data_dir / "cobiveco_geo" / "geo1_heart.vtp").point_data
    for path in files:
        with pytest.raises(GeometryError, match=f"^{path.name}: expected volumetric cells"):
            read_mesh(path)


def test_reading_and_writing_meshes_imports_only_the_parts_of_vtk_that_do_it(tmp_path: Path) -> None:
    """All of VTK takes 0.6 s of processor time and 100 MiB, in every container."""
    program = """
import sys
from pathlib import Path
import numpy as np
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.formats.mesh_files import read_mesh, write_mesh
from cardioscar.imaging.tetrahedra import tetrahedral_grid
nodes = np.vstack([np.zeros(3), 50 * np.eye(3)])
path = Path(sys.argv[1])
write_mesh(path, LVMesh(tetrahedral_grid(nodes, np.array([[0, 1, 2, 3]]))))
print(read_mesh(path).n_nodes, "vtk" in sys.modules, "vtkmodules.vtkIOXML" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "mesh.vtu")], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["4", "False", "True"]
