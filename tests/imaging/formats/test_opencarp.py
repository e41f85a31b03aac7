from __future__ import annotations

import logging
import time

import numpy as np
import pytest
import pyvista as pv

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.formats.opencarp import read_opencarp, write_opencarp
from cardioscar.imaging.lvmesh import LVMesh

POINTS_UM = 30_000 * np.array(
    [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1], [0.5, 0.5, 2], [0, 2, 0]]
)
# one of each: the unit cube in openCARP's node order (upper face turned round), a pyramid on it, a prism, a tetrahedron
ELEMENTS = ["Hx 0 1 2 3 4 7 6 5 1", "Py 4 5 6 7 8 2", "Pr 0 1 3 4 7 5 3", "Tt 0 1 3 4 1"]
FLAT = ["Tr 0 1 2 5", "Ln 0 1 5", "Qd 0 1 2 3 5"]


def write(folder, elements=ELEMENTS, points=POINTS_UM, count=None):
    rows = "\n".join(" ".join(f"{x:g}" for x in p) for p in points)
    (folder / "lv.pts").write_text(f"{len(points) if count is None else count}\n{rows}\n")
    (folder / "lv.elem").write_text(f"{len(elements)}\n" + "\n".join(elements) + "\n")
    return folder / "lv.pts"


def volumes_ml(grid) -> np.ndarray:
    return np.abs(grid.compute_cell_sizes(length=False, area=False).cell_data["Volume"]) / 1000


def test_every_element_type_in_millimetres(tmp_path, caplog):
    path = write(tmp_path, ELEMENTS[:2] + FLAT + ELEMENTS[2:])
    (tmp_path / "lv.lon").write_text("2\n" + "\n".join(f"{k} 0 1 0 1 0" for k in range(7)))
    with caplog.at_level(logging.INFO):
        mesh = read_mesh(path)
    np.testing.assert_allclose(mesh.nodes_mm, POINTS_UM / 1000)
    assert mesh.grid.celltypes.tolist() == [12, 14, 13, 10]
    assert mesh.grid.cell_data["element_tag"].tolist() == [1, 2, 3, 1]
    np.testing.assert_allclose(volumes_ml(mesh.grid), 27 * np.array([1, 1 / 3, 1 / 2, 1 / 6]), rtol=1e-6)
    np.testing.assert_array_equal(mesh.grid.cell_data["fiber"][:, 0], [0, 1, 5, 6])
    assert "lv.elem: 3 of 7 elements have no volume and are left out" in caplog.messages


def test_node_order_of_vtk_is_recognised(tmp_path):
    path = write(tmp_path, ["Hx 0 1 2 3 4 5 6 7 1", "Pr 0 1 3 4 5 7 3"])
    np.testing.assert_allclose(volumes_ml(read_opencarp(path)), [27, 13.5], rtol=1e-6)


def test_ras_and_missing_tags(tmp_path):
    path = write(tmp_path, ["Tt 0 1 3 4"])
    (tmp_path / "lv.lon").write_text("1\n1 0 0\n")
    grid = read_opencarp(path.with_suffix(".elem"), frame="RAS")
    np.testing.assert_allclose(grid.points, POINTS_UM / 1000 * [-1, -1, 1])
    np.testing.assert_allclose(grid.cell_data["fiber"], [[-1, 0, 0]])
    assert grid.cell_data["element_tag"].tolist() == [0]


def test_round_trip_of_mixed_cells(tmp_path):
    mesh = LVMesh(read_opencarp(write(tmp_path)))
    mesh.grid.cell_data["fiber"] = np.random.default_rng(0).normal(size=(4, 3)).round(6)
    write_opencarp(tmp_path / "out.v1", mesh, np.array([3, 1, 2, 1]))
    assert (tmp_path / "out.v1.elem").read_text().splitlines()[1:] == [
        "Hx 0 1 2 3 4 7 6 5 3",
        "Py 4 5 6 7 8 1",
        "Pr 0 1 3 4 7 5 2",
        "Tt 0 1 3 4 1",
    ]
    back = read_opencarp(tmp_path / "out.v1.pts")
    np.testing.assert_allclose(back.points, mesh.nodes_mm, atol=1e-9)
    np.testing.assert_array_equal(back.cell_connectivity, mesh.grid.cell_connectivity)
    np.testing.assert_array_equal(back.celltypes, mesh.grid.celltypes)
    np.testing.assert_array_equal(back.cell_data["element_tag"], [3, 1, 2, 1])
    np.testing.assert_allclose(back.cell_data["fiber"], mesh.grid.cell_data["fiber"])


def test_voxels_are_written_as_hexahedra(tmp_path):
    grid = pv.ImageData(dimensions=(3, 2, 2), spacing=(20, 20, 20)).cast_to_unstructured_grid()
    write_opencarp(tmp_path / "v", LVMesh(grid), np.array([1, 2]))
    back = read_opencarp(tmp_path / "v.pts")
    assert back.celltypes.tolist() == [12, 12]
    np.testing.assert_allclose(volumes_ml(back), [8, 8])


BAD = {
    "millimetres": ({"points": POINTS_UM / 1000}, GeometryError, "lv.pts", "micrometres, found an extent of 60 (milli"),
    "metres": ({"points": POINTS_UM / 1e6}, GeometryError, "lv.pts", "an extent of at least 20 mm, found 6e-05 mm"),
    "few nodes": ({"count": 11}, InputError, "lv.pts", "11 nodes of 3 coordinates, found 30 numbers (truncated?)"),
    "no count": ({"count": "many"}, InputError, "lv.pts", "a count in the first line, found other text"),
    "unknown type": ({"elements": ["Zz 1 2 3 4"]}, InputError, "lv.elem", "numbers separated by blanks, found other"),
    "short element": ({"elements": ["Tt 0 1 2"]}, InputError, "lv.elem", "found 1 with too few or too many numbers"),
    "far node": ({"elements": ["Tt 0 1 2 99 1"]}, GeometryError, "lv.elem", "nodes 0 to 9, found 1 references"),
    "surface": ({"elements": FLAT}, GeometryError, "lv.elem", "elements with volume (Tt, Hx, Pr, Py), found none"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files(case, tmp_path):
    options, kind, where, message = BAD[case]
    with pytest.raises(InputError) as caught:
        read_mesh(write(tmp_path, **options))
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"{where}: expected ")
    assert message in str(caught.value)


def test_truncated_missing_and_empty_partners(tmp_path):
    path = write(tmp_path)
    elem = tmp_path / "lv.elem"
    elem.write_text(elem.read_text().replace("Tt 0 1 3 4 1\n", ""))
    with pytest.raises(InputError, match=r"lv\.elem: expected 4 elements of known type .*, found 3 \(truncated\?\)"):
        read_mesh(path)
    elem.write_text("")
    with pytest.raises(InputError, match=r"lv\.elem: expected an openCARP mesh, found an empty file"):
        read_mesh(path)
    elem.unlink()
    with pytest.raises(InputError, match=r"lv\.elem: expected the file beside its openCARP partner, found none"):
        read_mesh(path)
    path = write(tmp_path)
    (tmp_path / "lv.lon").write_text("1\n1 0 0\n")
    with pytest.raises(InputError, match=r"lv\.lon: expected 1 or 2 directions for each of 4 elements, found 1, 3"):
        read_mesh(path)


def test_tags_must_fit(tmp_path):
    mesh = LVMesh(read_opencarp(write(tmp_path)))
    with pytest.raises(InputError, match=r"element_tags: expected 4 integers, found shape \(3,\)"):
        write_opencarp(tmp_path / "o", mesh, np.arange(3))
    with pytest.raises(InputError, match=r"element_tags: expected 4 integers, found shape \(4,\), float64"):
        write_opencarp(tmp_path / "o", mesh, np.ones(4))


def test_large_meshes_are_parsed_at_speed(tmp_path):
    n = 40
    grid = pv.ImageData(dimensions=(n, n, n)).to_tetrahedra(5)
    write_opencarp(tmp_path / "big", LVMesh(grid), np.ones(grid.n_cells, int))
    start = time.process_time()
    back = read_opencarp(tmp_path / "big.pts")
    seconds = time.process_time() - start
    assert back.n_points == n**3
    # Measured 0.3 s for 64,000 nodes (1.4 s for 314,000); a Python loop over lines needs more than 2 s.
    assert seconds < 1.5
