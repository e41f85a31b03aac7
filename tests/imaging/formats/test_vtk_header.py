from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
from vtkmodules.vtkIOGeometry import vtkSTLWriter
from vtkmodules.vtkIOLegacy import vtkUnstructuredGridWriter
from vtkmodules.vtkIOPLY import vtkPLYWriter

from cardioscar.errors import InputError
from cardioscar.imaging.formats.mesh_files import read_mesh, read_surface
from cardioscar.imaging.formats.vtk_files import read_vtk, read_vtk_and_frame
from cardioscar.imaging.formats.vtk_header import read_vtk_header

TURN = np.array([-1, -1, 1])


@pytest.fixture
def grid() -> pv.UnstructuredGrid:
    return pv.ImageData(dimensions=(5, 6, 7), spacing=(10, 10, 10), origin=(1, 2, 3)).cast_to_unstructured_grid()


def write_with_space(path: Path, grid: pv.UnstructuredGrid, space: str) -> None:
    """As 3D Slicer writes the frame: in the header of legacy VTK and STL, a comment of PLY, field data of XML."""
    header = f"3D Slicer output. SPACE={space}"
    surface = grid.extract_surface(algorithm="dataset_surface").triangulate()
    if path.suffix in (".vtu", ".vtp"):
        mesh = grid.copy() if path.suffix == ".vtu" else surface
        mesh.field_data["SPACE"] = [space]
        mesh.save(path)
        return
    if path.suffix == ".vtk":
        writer = vtkUnstructuredGridWriter()
        writer.SetHeader(header)
        writer.SetInputData(grid)
    elif path.suffix == ".stl":
        writer = vtkSTLWriter()
        writer.SetHeader(header)
        writer.SetFileTypeToBinary()
        writer.SetInputData(surface)
    else:
        writer = vtkPLYWriter()
        writer.AddComment(f"SPACE={space}")
        writer.SetInputData(surface)
    writer.SetFileName(str(path))
    writer.Write()


@pytest.mark.parametrize("suffix", [".vtu", ".vtk", ".vtp", ".ply", ".stl"])
def test_the_frame_that_a_file_states_is_heeded(suffix: str, grid: pv.UnstructuredGrid, tmp_path: Path) -> None:
    path, lps = tmp_path / f"mesh{suffix}", np.array(grid.bounds).reshape(3, 2)
    read = read_mesh if suffix in (".vtu", ".vtk") else read_surface
    write_with_space(path, grid, "RAS")
    turned = read(path)
    bounds = (turned.grid if suffix in (".vtu", ".vtk") else turned).bounds
    np.testing.assert_allclose(np.array(bounds).reshape(3, 2), np.sort(lps * TURN[:, None], axis=1), atol=1e-4)
    assert read_vtk_and_frame(path)[1] == read_vtk_and_frame(path, frame="RAS")[1] == "RAS"
    with pytest.raises(
        InputError, match=f"mesh{suffix}: expected the frame that the file itself states, RAS, found mesh_frame: LPS"
    ):
        read(path, frame="LPS")
    write_with_space(path, grid, "LPS")
    np.testing.assert_allclose(read_vtk(path).bounds, grid.bounds, atol=1e-4)
    with pytest.raises(InputError, match="states, LPS, found mesh_frame: RAS"):
        read(path, frame="RAS")
    write_with_space(path, grid, "LAS")
    with pytest.raises(
        InputError, match="expected SPACE=LPS or SPACE=RAS where its header states a frame, found another"
    ):
        read(path)


def test_a_file_that_states_nothing_is_lps(grid: pv.UnstructuredGrid, tmp_path: Path) -> None:
    grid.save(tmp_path / "a.vtu")
    assert read_vtk_and_frame(tmp_path / "a.vtu")[1] == "LPS"
    assert read_vtk_and_frame(tmp_path / "a.vtu", frame="RAS")[1] == "RAS"


PARALLEL = """<?xml version="1.0"?>
<VTKFile type="{0}" version="1.0" byte_order="LittleEndian" header_type="UInt64">
<{0} GhostLevel="0"><PPointData></PPointData><PCellData></PCellData>
<PPoints><PDataArray type="Float64" Name="Points" NumberOfComponents="3"/></PPoints>
<Piece Source="{1}"/><DataSet index="0" file="{1}"/></{0}></VTKFile>"""
REFERRING = ("PUnstructuredGrid", "PPolyData", "vtkMultiBlockDataSet", "vtkPartitionedDataSetCollection", "Collection",
             "vtkHierarchicalBoxDataSet", "vtkOverlappingAMR")  # fmt: skip


@pytest.mark.parametrize("name", ["mesh.vtu", "mesh.vtk", "mesh.vtp"])
@pytest.mark.parametrize("kind", REFERRING)
def test_files_that_name_other_files_are_refused(
    kind: str, name: str, grid: pv.UnstructuredGrid, tmp_path: Path
) -> None:
    grid.save(tmp_path / "other.vtu")
    decoy = '<!-- <VTKFile type="UnstructuredGrid"> -->'
    text = PARALLEL.format(kind, tmp_path / "other.vtu")
    for content in (text, text.replace("\n", f"\n{decoy}\n", 1), text.removeprefix('<?xml version="1.0"?>\n')):
        (tmp_path / name).write_text(content)
        with pytest.raises(
            InputError, match=f"{name}: expected a file that holds one mesh.*found one that names other files"
        ):
            read_mesh(tmp_path / name)


def test_a_piece_cannot_bring_another_file(grid: pv.UnstructuredGrid, tmp_path: Path) -> None:
    """The reader of one data set does not follow a source, whatever element it stands in."""
    grid.save(tmp_path / "other.vtu")
    text = PARALLEL.format("PUnstructuredGrid", tmp_path / "other.vtu")
    (tmp_path / "mesh.vtu").write_text(text.replace("PUnstructuredGrid", "UnstructuredGrid"))
    with pytest.raises(InputError, match=r"^mesh\.vtu: expected "):
        read_mesh(tmp_path / "mesh.vtu")


def test_document_types_and_other_kinds_are_refused(tmp_path: Path) -> None:
    entity = '<!DOCTYPE VTKFile [<!ENTITY a SYSTEM "/etc/hostname">]>'
    (tmp_path / "a.vtu").write_text(f'<?xml version="1.0"?>\n{entity}\n<VTKFile type="PolyData">&a;</VTKFile>')
    with pytest.raises(InputError, match="expected XML without a document type, found one that declares its own"):
        read_vtk_header(tmp_path / "a.vtu")
    for kind, finding in (
        ("Table", "a VTK file of another kind"),
        ("HyperTreeGrid", "another kind"),
        ("", "another kind"),
    ):
        (tmp_path / "a.vtu").write_text(f'<VTKFile type="{kind}"></VTKFile>')
        with pytest.raises(InputError, match=finding):
            read_vtk_header(tmp_path / "a.vtu")
    (tmp_path / "a.vtu").write_text("<html>VTKFile</html>")
    with pytest.raises(InputError, match="found a VTK file of another kind"):
        read_vtk_header(tmp_path / "a.vtu")


def test_images_are_no_mesh(tmp_path: Path) -> None:
    image = pv.ImageData(dimensions=(9, 9, 9), spacing=(5, 5, 5))
    image.save(tmp_path / "image.vtk")
    with pytest.raises(InputError, match=r"image\.vtk: expected a mesh of the LV wall, found an image"):
        read_mesh(tmp_path / "image.vtk")


@pytest.mark.parametrize("what", ["NumberOfPoints", "NumberOfCells"])
def test_claims_beyond_the_size_of_the_file(what: str, grid: pv.UnstructuredGrid, tmp_path: Path) -> None:
    grid.save(tmp_path / "a.vtu")
    data = (tmp_path / "a.vtu").read_bytes()
    for claim in (b"1000000000000", b"9" * 40):
        (tmp_path / "a.vtu").write_bytes(
            re.sub(rb'%s="\d+"' % what.encode(), b'%s="%s"' % (what.encode(), claim), data)
        )
        with pytest.raises(
            InputError, match=r"a\.vtu: expected a complete \.vtu file, found [0-9,]+ nodes or cells in"
        ):
            read_mesh(tmp_path / "a.vtu")
    grid.save(tmp_path / "a.vtk", binary=False)
    text = (tmp_path / "a.vtk").read_text()
    for line in ("POINTS 210", "CELLS 121"):
        assert line in text
        (tmp_path / "a.vtk").write_text(text.replace(line, line.split()[0] + " 1000000000000"))
        with pytest.raises(InputError, match=r"found 1,000,000,000,000 nodes or cells in"):
            read_mesh(tmp_path / "a.vtk")
