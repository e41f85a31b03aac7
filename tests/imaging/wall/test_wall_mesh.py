from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
from scipy.spatial import cKDTree
from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridWriter

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.coordinates.lv_coordinates import lv_coordinates
from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.wall.own_mesh import load_own_mesh
from cardioscar.imaging.wall.wall_mesh import WallMesh, read_wall
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom
from tests.imaging.lv_shells import ConfocalShell
from tests.imaging.mesh_variants import cells_of, curved, grid_of, in_parts, split, voxel_box, voxels, write_carp

SEPTUM = np.array([1.0, 0, 0])


@pytest.fixture(scope="module")
def tetrahedra() -> pv.UnstructuredGrid:
    """A left ventricle of about 1,500 nodes."""
    grid = make_phantom(PhantomConfig(nodes=1_500, seed=3), 0).mesh.grid.copy()
    grid.clear_data()
    return grid


@pytest.fixture(scope="module")
def hexahedra() -> pv.UnstructuredGrid:
    shell = ConfocalShell(layers=2, rings=12, sectors=30, cut_nu=0.5)
    return pv.UnstructuredGrid({pv.CellType.HEXAHEDRON: shell.cells[pv.CellType.HEXAHEDRON]}, shell.points)


@pytest.fixture(params=["tetrahedra", "hexahedra"])
def grid(request: pytest.FixtureRequest) -> pv.UnstructuredGrid:
    return request.getfixturevalue(request.param)


def read(grid: pv.UnstructuredGrid, folder: Path, name: str = "mesh.vtu", **how: object) -> WallMesh:
    grid.save(folder / name)
    return read_wall(folder / name, **how)


def quarter(grid: pv.UnstructuredGrid) -> np.ndarray:
    x, y = (grid.cell_centers().points - np.array(grid.points).mean(axis=0))[:, :2].T
    return (x > 0) * 2 + (y > 0)


def level(grid: pv.UnstructuredGrid) -> np.ndarray:
    z = grid.cell_centers().points[:, 2]
    return np.digitize(z, np.quantile(z, [1 / 3, 2 / 3]))


def check_same_heart(wall: WallMesh, plain: pv.UnstructuredGrid, *, off_mm: float = 1e-4) -> None:
    """The wall has the places and cells of the plain mesh, and its coordinates, also at the user's nodes.

    Hexahedra are cut into tetrahedra along other diagonals where their nodes have other numbers: on the coarse cells of
    this ventricle that moves coordinates by up to 0.016.
    """
    mesh, reference = wall.mesh, WallMesh(LVMesh(plain))
    assert (mesh.n_nodes, mesh.grid.n_cells) == (plain.n_points, plain.n_cells)
    distance, same = cKDTree(np.array(plain.points)).query(mesh.nodes_mm)
    assert distance.max() < off_mm
    assert len(np.unique(same)) == len(same)
    np.testing.assert_allclose(mesh.node_volumes_ml, reference.mesh.node_volumes_ml[same], rtol=2e-3, atol=1e-6)
    assert mesh.edge_mm == pytest.approx(reference.mesh.edge_mm, rel=1e-4)
    one, other = (lv_coordinates(m, septum_direction=SEPTUM) for m in (mesh, reference.mesh))
    atol = 2e-3 if plain.celltypes[0] == pv.CellType.TETRA else 3e-2
    for name in ("apicobasal", "transmural"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name)[same], atol=atol)
    assert wall.own is not None
    spread = wall.own.spread(mesh.nodes_mm[:, 0].copy(), "linear")
    points = np.asarray(wall.own.grid.points, dtype=float)
    np.testing.assert_allclose(spread, points[:, 0], atol=off_mm)
    np.testing.assert_allclose(points[wall.own.first], mesh.nodes_mm, atol=off_mm)


def test_a_sound_mesh_is_taken_as_it_is(grid: pv.UnstructuredGrid, tmp_path: Path) -> None:
    grid = grid.copy()
    grid.point_data["fiber"] = np.random.default_rng(0).normal(size=(grid.n_points, 3)).astype(np.float32)
    wall = read(grid, tmp_path)
    assert wall.own is None
    assert wall.left_out == {}
    np.testing.assert_array_equal(wall.mesh.grid.points, grid.points)
    np.testing.assert_array_equal(wall.mesh.grid.cell_connectivity, grid.cell_connectivity)
    np.testing.assert_array_equal(wall.mesh.grid.point_data["fiber"], grid.point_data["fiber"])
    assert wall.mesh.grid.points.dtype == read_mesh(tmp_path / "mesh.vtu").grid.points.dtype


@pytest.mark.parametrize("parts", [level, quarter], ids=["levels", "quarters"])
def test_parts_are_joined(parts, grid: pv.UnstructuredGrid, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    apart = in_parts(grid, parts(grid))
    with caplog.at_level(logging.INFO):
        wall = read(apart, tmp_path)
    check_same_heart(wall, grid)
    assert f"mesh.vtu: {apart.n_points} nodes at {grid.n_points} places (within" in caplog.text
    assert "WARNING" not in caplog.text


def test_a_node_for_each_corner_of_each_cell(grid: pv.UnstructuredGrid, tmp_path: Path) -> None:
    wall = read(split(grid), tmp_path)
    check_same_heart(wall, grid)
    assert wall.own.grid.n_points == grid.cell_connectivity.size


def test_parts_whose_numbers_were_rounded_as_text(tetrahedra: pv.UnstructuredGrid, tmp_path: Path) -> None:
    apart = in_parts(tetrahedra, quarter(tetrahedra))
    points = np.array(apart.points, dtype=float)
    apart.points = np.round(points + np.random.default_rng(1).uniform(-4e-4, 4e-4, points.shape), 3)
    apart.save(tmp_path / "mesh.vtk", binary=False)
    check_same_heart(read_wall(tmp_path / "mesh.vtk"), tetrahedra, off_mm=3e-3)


def test_pieces_of_one_file(tetrahedra: pv.UnstructuredGrid, tmp_path: Path) -> None:
    """VTK's parallel writers put several pieces into one file, each with its own nodes."""
    texts = []
    for number in range(2):
        cells = np.flatnonzero(level(tetrahedra) == 2) if number else np.flatnonzero(level(tetrahedra) < 2)
        piece = tetrahedra.extract_cells(cells)
        piece.clear_data()
        writer = vtkXMLUnstructuredGridWriter()
        writer.SetInputData(piece)
        writer.SetDataModeToAscii()
        writer.SetFileName(str(tmp_path / "piece.vtu"))
        writer.Write()
        texts.append((tmp_path / "piece.vtu").read_text())
    first, second = (text[text.index("<Piece") : text.index("</Piece>") + 8] for text in texts)
    (tmp_path / "mesh.vtu").write_text(texts[0].replace(first, first + second))
    check_same_heart(read_wall(tmp_path / "mesh.vtu"), tetrahedra)


TET, HEX = [(24, 10), (71, 10), (71, 20)], [(25, 20), (29, 27), (33, 24), (72, 27), (72, 64)]


@pytest.mark.parametrize(("kind", "size"), TET + HEX)
def test_curved_cells_are_made_straight(kind: int, size: int, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    plain = request.getfixturevalue("tetrahedra" if (kind, size) in TET else "hexahedra")
    bent = curved(plain, kind, size)
    wall = read(bent, tmp_path)
    check_same_heart(wall, plain)
    assert wall.own.grid.n_points == bent.n_points
    assert not wall.own.has_straight_cells()
    check_same_heart(read(split(bent), tmp_path, "split.vtu"), plain)


def test_wedges_straight_and_curved(hexahedra: pv.UnstructuredGrid, tmp_path: Path) -> None:
    points, cells, _ = cells_of(hexahedra)
    wedges = grid_of(points, np.vstack([cells[:, [0, 1, 2, 4, 5, 6]], cells[:, [0, 2, 3, 4, 6, 7]]]), 13)
    assert read(wedges, tmp_path).own is None
    for kind, size in ((26, 15), (32, 18), (73, 18), (73, 40)):
        check_same_heart(read(curved(wedges, kind, size), tmp_path), wedges)


def test_cells_that_are_not_understood_are_named(tetrahedra: pv.UnstructuredGrid, tmp_path: Path) -> None:
    points, cells, _ = cells_of(tetrahedra)
    prism = pv.UnstructuredGrid(
        np.concatenate([np.insert(cells, 0, 4, axis=1).ravel(), [10, *range(10)]]), [10] * len(cells) + [15], points
    )
    with pytest.raises(GeometryError, match=r"mesh\.vtu: expected tetrahedra, .*, found 1 pentagonal prisms"):
        read(prism, tmp_path)
    faces = [
        [4, *(n for face in ((0, 1, 2), (0, 3, 1), (1, 3, 2), (0, 2, 3)) for n in (3, *c[list(face)]))] for c in cells
    ]
    flat = np.concatenate([[len(f), *f] for f in faces])
    with pytest.raises(GeometryError, match=f"found {len(cells)} polyhedra"):
        read(pv.UnstructuredGrid(flat, np.full(len(cells), 42), points), tmp_path)
    with pytest.raises(InputError, match="expected a complete .vtu file"):
        read(grid_of(points, np.hstack([cells, cells, cells])[:, :11], 71), tmp_path)


@pytest.fixture(scope="module")
def bath(tetrahedra: pv.UnstructuredGrid) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Wall and bath as voxels of one box that share their nodes: points, cells, tags, volume of the wall in ml."""
    inside, low = voxel_box(tetrahedra, 4.0, 12.0)
    points, cells, _ = cells_of(voxels(np.ones_like(inside), low, 4.0))
    return points, cells, inside.ravel().astype(int), inside.sum() * 0.064


@pytest.mark.parametrize("form", ["elemTag", "carp", "carp by its elements"])
def test_the_bath_is_left_out(form: str, bath, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    points, cells, tags, ml = bath
    path = tmp_path / "mesh.vtu"
    if form == "elemTag":
        grid = grid_of(points, cells, 12)
        grid.cell_data["elemTag"] = tags
        grid.save(path)
    else:
        write_carp(tmp_path / "mesh", points, cells, tags, "Hx")
        path = tmp_path / ("mesh.pts" if form == "carp" else "mesh.elem")
    with caplog.at_level(logging.INFO):
        wall = read_wall(path)
    assert wall.mesh.volume_ml == pytest.approx(ml, rel=1e-6)
    assert wall.left_out == {"bath": (tags == 0).sum()}
    assert f"{(tags == 0).sum()} cells of tag 0 (openCARP's bath) are left out" in caplog.text
    own = wall.own
    assert own.grid.n_points == len(points)
    spread = own.spread(np.ones(wall.mesh.n_nodes, dtype=np.float32), "linear")
    of_wall = np.zeros(len(points), dtype=bool)
    of_wall[cells[tags == 1]] = True
    np.testing.assert_array_equal(np.isfinite(spread), of_wall)
    assert own.spread(np.ones(wall.mesh.n_nodes, dtype=np.uint8), "nearest").tolist() == of_wall.astype(int).tolist()
    np.testing.assert_array_equal(own.element_tags(np.full(wall.mesh.grid.n_cells, 3)), np.where(tags == 1, 3, 0))


def test_tags_choose_the_wall(bath, tmp_path: Path) -> None:
    points, cells, tags, ml = bath
    grid = grid_of(points, cells, 12)
    grid.cell_data["region"] = np.where(tags == 1, 5, 2)
    assert read(grid, tmp_path).mesh.volume_ml > 5 * ml
    wall = read(grid, tmp_path, wall_tags=(5,))
    assert wall.mesh.volume_ml == pytest.approx(ml, rel=1e-6)
    assert wall.left_out == {"other tags": (tags == 0).sum()}
    assert wall.regions == f"5 ({ml:.1f} ml)"
    np.testing.assert_array_equal(
        wall.own.element_tags(np.full(wall.mesh.grid.n_cells, 4)), np.where(tags == 1, 4, 102)
    )
    assert read(grid, tmp_path, wall_tags=(2, 5)).own is None
    with pytest.raises(
        GeometryError, match=rf"expected cells of the tags 7 .*, found the tags 2 \(.* ml\), 5 \({ml:.1f} ml\)"
    ):
        read(grid, tmp_path, wall_tags=(7,))
    grid.rename_array("region", "doe_jane")
    with pytest.raises(GeometryError, match="expected a tag of each cell for wall_tags"):
        read(grid, tmp_path, wall_tags=(5,))
    named = read(grid, tmp_path, wall_tags=(5,), tag_array="doe_jane")
    assert named.mesh.volume_ml == pytest.approx(ml, rel=1e-6)
    assert set(named.mesh.grid.cell_data) == {"array_1"}
    with pytest.raises(GeometryError, match="by the name of tag_array, found none of that name"):
        read(grid, tmp_path, tag_array="jane")


def test_an_element_without_a_tag_among_others_is_refused(bath, tmp_path: Path) -> None:
    points, cells, tags, _ = bath
    write_carp(tmp_path / "mesh", points, cells, tags + 1, "Hx")
    lines = (tmp_path / "mesh.elem").read_text().splitlines()
    lines[5] = lines[5].rpartition(" ")[0]
    (tmp_path / "mesh.elem").write_text("\n".join(lines) + "\n")
    with pytest.raises(
        InputError, match=r"mesh\.elem: expected a tag of each element, or of none, found 1 without one"
    ):
        read_wall(tmp_path / "mesh.pts")


def test_cells_twice_and_cells_with_a_node_twice(
    tetrahedra: pv.UnstructuredGrid, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    points, cells, _ = cells_of(tetrahedra)
    turned = cells[::5][:, [2, 0, 1, 3]]
    flat = cells[:40][:, [0, 1, 2, 2]]
    with caplog.at_level(logging.INFO):
        wall = read(grid_of(points, np.vstack([cells, turned, flat]), 10), tmp_path)
    check_same_heart(wall, tetrahedra)
    assert wall.left_out == {"collapsed": 40, "repeated": len(turned)}
    assert f"{len(turned)} cells repeat another and are left out" in caplog.text
    assert wall.own.grid.n_cells == len(cells)
    whole = read(grid_of(points, np.vstack([cells, cells]), 10), tmp_path)
    check_same_heart(whole, tetrahedra)


def test_inverted_cells_are_no_matter(tetrahedra: pv.UnstructuredGrid, tmp_path: Path) -> None:
    points, cells, _ = cells_of(tetrahedra)
    cells[::2] = cells[::2][:, [1, 0, 2, 3]]
    wall = read(grid_of(points, cells, 10), tmp_path)
    assert wall.own is None
    assert wall.mesh.volume_ml == pytest.approx(LVMesh(tetrahedra).volume_ml, rel=1e-6)


def test_nodes_of_no_cell_and_flat_cells(tetrahedra: pv.UnstructuredGrid, tmp_path: Path) -> None:
    points, cells, _ = cells_of(tetrahedra)
    stray = np.array([[0.0, 0, 0], [900.0, 0, 0], points[7] + 0.3])
    nodes = np.vstack([stray, points])
    faces = [3, 0, 1, 2, 3, 5, 6, 7]
    flat = np.concatenate([faces, np.insert(cells + 3, 0, 4, axis=1).ravel()])
    grid = pv.UnstructuredGrid(flat, [5, 5] + [10] * len(cells), nodes)
    grid.point_data["value"] = np.full(len(nodes), np.nan)
    wall = read(grid, tmp_path)
    assert wall.mesh.n_nodes == len(points)
    check = wall.own.spread(wall.mesh.nodes_mm[:, 2].copy(), "linear")
    np.testing.assert_allclose(check[3:], points[:, 2], atol=1e-4)
    assert check[2] == pytest.approx(points[7, 2], abs=1e-4)  # a node of no cell has the value of the nearest place
    assert np.isfinite(check).all()
    assert wall.own.first.min() == 3


def test_ghost_cells_go_unless_there_is_nothing_else(tetrahedra: pv.UnstructuredGrid, tmp_path: Path) -> None:
    grid = tetrahedra.copy()
    ghosts = np.zeros(grid.n_cells, dtype=np.uint8)
    ghosts[:10] = 1
    grid.cell_data["vtkGhostType"] = ghosts
    assert read(grid, tmp_path).left_out == {"ghosts": 10}
    grid.cell_data["vtkGhostType"] = np.ones(grid.n_cells, dtype=np.uint8)
    assert read(grid, tmp_path).left_out == {}


def test_results_that_an_input_brings_do_not_pass(tetrahedra: pv.UnstructuredGrid, tmp_path: Path) -> None:
    grid = tetrahedra.copy()
    for name in ("aha_segment", "scar_transmurality", "jane_doe"):
        grid.point_data[name] = np.ones(grid.n_points)
    wall = read(grid, tmp_path)
    assert set(wall.mesh.grid.point_data) == {"array_1"}


def test_own_mesh_comes_back_from_its_files(tetrahedra: pv.UnstructuredGrid, tmp_path: Path) -> None:
    wall = read(in_parts(tetrahedra, quarter(tetrahedra)), tmp_path)
    assert load_own_mesh(tmp_path) is None
    wall.beside().save(tmp_path)
    back = load_own_mesh(tmp_path)
    np.testing.assert_array_equal(back.grid.points, wall.own.grid.points)
    np.testing.assert_array_equal(back.first, wall.own.first)
    np.testing.assert_array_equal(back.cell, wall.own.cell)
    values = np.random.default_rng(0).normal(size=wall.mesh.n_nodes)
    np.testing.assert_array_equal(back.spread(values, "linear"), wall.own.spread(values, "linear"))
    first = (tmp_path / "own_nodes.npz").read_bytes(), (tmp_path / "own_mesh.vtu").read_bytes()
    wall.beside().save(tmp_path)
    assert first == ((tmp_path / "own_nodes.npz").read_bytes(), (tmp_path / "own_mesh.vtu").read_bytes())
