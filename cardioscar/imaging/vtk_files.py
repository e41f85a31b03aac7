"""VTK's readers and writers with errors of one clear line and nothing on stderr."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardioscar.errors import GeometryError, InputError, PlatformError
from cardioscar.imaging.atomic import atomic_file
from cardioscar.imaging.completeness import check_ply, check_stl
from cardioscar.imaging.file_head import read_head
from cardioscar.imaging.reader_probe import check_reader_survives

if TYPE_CHECKING:
    import pyvista as pv
    from vtkmodules.vtkCommonCore import vtkStringOutputWindow
    from vtkmodules.vtkCommonDataModel import vtkDataObject
    from vtkmodules.vtkCommonExecutionModel import vtkAlgorithm

# of VTK only the modules that are used: all of it takes 0.6 s of processor time and 100 MiB

VTK_SUFFIXES = (".vtu", ".vtk", ".vtp", ".ply", ".stl")
"""Endings of the files that `read_vtk` knows."""

# Nodes of the VTK cell types of fixed length, linear then quadratic
_CELL_NODES = {1: 1, 3: 2, 5: 3, 8: 4, 9: 4, 10: 4, 11: 8, 12: 8, 13: 6, 14: 5}
_CELL_NODES |= {21: 3, 22: 6, 23: 8, 24: 10, 25: 20, 26: 15, 27: 13, 28: 9, 29: 27}

# VTK reports a file that ends early as an error, or only as a warning with one of these words.
_BAD = re.compile(r"error|could not|cannot|unable|premature|mismatch|corrupt|fail", re.IGNORECASE)


def read_vtk(path: Path, *, frame: str = "LPS") -> pv.DataSet:
    """Read one VTK, PLY or STL data set whole, in the LPS frame.

    Args:
        path: `.vtk` (legacy, or XML under that name), `.vtu`, `.vtp`, `.ply` or `.stl`.
        frame: Frame of the file's coordinates, `LPS` or `RAS`. None of these formats states it. From RAS,
            positions and all floating-point arrays of three components (vectors) are turned.

    Returns:
        The data set as pyvista knows it, its arrays with it.

    Raises:
        InputError: If the file is missing, unreadable, empty, of another format, truncated or damaged.
        GeometryError: If it is empty, or a cell refers to a node that is not there.
    """
    import pyvista as pv

    _check_frame(frame)
    if path.suffix.lower() not in VTK_SUFFIXES:
        raise InputError(path.name, f"a mesh ({', '.join(VTK_SUFFIXES)})", f"the ending '{path.suffix}'")
    head = read_head(path, kind="a mesh file", size=256)
    if path.suffix.lower() == ".ply":
        check_ply(path)
    elif path.suffix.lower() == ".stl":
        check_stl(path)
    reader = _reader(path, head)
    check_reader_survives(path, reader.GetClassName())
    with _captured() as window:
        if reader.IsA("vtkDataReader"):
            # Where the file ends right behind a number, VTK's ASCII parser does not report the truncation.
            text = path.read_bytes() + b"\n"
            reader.ReadFromInputStringOn()
            reader.SetBinaryInputString(text, len(text))
        else:
            reader.SetFileName(str(path))
        reader.Update()
        output = reader.GetOutput()
    if output is None or reader.GetErrorCode() or _reports_failure(window) or not _is_consistent(output):
        raise InputError(path.name, f"a complete {path.suffix} file", "a truncated or damaged one")
    mesh = pv.wrap(output)
    if not isinstance(mesh, pv.DataSet):
        raise InputError(path.name, "one mesh", f"a {type(mesh).__name__}")
    if mesh.n_points == 0 or mesh.n_cells == 0:
        raise GeometryError(path.name, "a mesh with nodes and cells", f"{mesh.n_points} nodes, {mesh.n_cells} cells")
    _check_connectivity(mesh, path.name)
    if frame == "RAS":
        _turn(mesh)
    return mesh


def write_vtk(path: Path, grid: pv.UnstructuredGrid) -> None:
    """Write an unstructured grid; equal grids give equal bytes, and the file appears whole or not at all.

    Args:
        path: `.vtu` (XML, appended, compressed by zlib) or `.vtk` (legacy, binary).
        grid: Cells, points and their arrays.

    Raises:
        InputError: If the ending is another.
        PlatformError: If it cannot be written (folder missing, disk full).
    """
    from vtkmodules.vtkIOLegacy import vtkUnstructuredGridWriter
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridWriter

    if path.suffix.lower() == ".vtu":
        writer = vtkXMLUnstructuredGridWriter()
        writer.SetDataModeToAppended()
        writer.EncodeAppendedDataOff()
        writer.SetCompressorTypeToZLib()
        writer.SetCompressionLevel(1)  # half the time of the default for 3 % more bytes
    elif path.suffix.lower() == ".vtk":
        writer = vtkUnstructuredGridWriter()
        writer.SetFileTypeToBinary()
    else:
        raise InputError(path.name, "the ending .vtu or .vtk", f"'{path.suffix}'")
    writer.SetInputData(_bare(grid))
    with atomic_file(path) as partial, _captured() as window:
        writer.SetFileName(str(partial))
        done = writer.Write()
        if not done or writer.GetErrorCode() or _reports_failure(window) or not partial.exists():
            raise PlatformError(f"{path.name}: could not be written (folder missing or disk full?)")


def cell_offsets(grid: pv.UnstructuredGrid) -> np.ndarray:
    """Start of each cell in `grid.cell_connectivity`, then its length, shape (cells + 1,)."""
    # pyvista renamed its attribute in 0.49 and deprecated the old name; VTK has the same one in all versions.
    from vtkmodules.util.numpy_support import vtk_to_numpy

    return np.asarray(vtk_to_numpy(grid.GetCells().GetOffsetsArray()))


def _bare(grid: pv.UnstructuredGrid) -> pv.UnstructuredGrid:
    """The same grid without the ranges that VTK caches in its arrays and writes only where it knows them."""
    import pyvista as pv

    offsets = cell_offsets(grid)
    cells = np.insert(np.asarray(grid.cell_connectivity), offsets[:-1], np.diff(offsets))
    bare = pv.UnstructuredGrid(cells, np.asarray(grid.celltypes), np.array(grid.points))
    for source, target in (
        (grid.point_data, bare.point_data),
        (grid.cell_data, bare.cell_data),
        (grid.field_data, bare.field_data),
    ):
        for name in source:
            target[name] = np.array(source[name])
    return bare


def _check_frame(frame: str) -> None:
    if frame not in ("LPS", "RAS"):
        raise InputError("frame", "LPS or RAS", repr(frame))


def _reader(path: Path, head: bytes) -> vtkAlgorithm:
    suffix, is_xml = path.suffix.lower(), head.lstrip().startswith(b"<")
    if suffix == ".ply":
        from vtkmodules.vtkIOPLY import vtkPLYReader

        return vtkPLYReader()
    if suffix == ".stl":
        from vtkmodules.vtkIOGeometry import vtkSTLReader

        return vtkSTLReader()
    if suffix == ".vtk" and head.startswith(b"# vtk DataFile"):
        from vtkmodules.vtkIOLegacy import vtkDataSetReader

        return vtkDataSetReader()
    if suffix in (".vtk", ".vtu", ".vtp") and is_xml and b"VTKFile" in head:
        from vtkmodules.vtkIOXML import vtkXMLGenericDataObjectReader

        return vtkXMLGenericDataObjectReader()
    raise InputError(path.name, f"a {suffix} file", "no VTK header")


@contextlib.contextmanager
def _captured() -> Iterator[vtkStringOutputWindow]:
    """Collect what VTK would print: its messages name full paths, which may identify people."""
    from vtkmodules.vtkCommonCore import vtkLogger, vtkOutputWindow, vtkStringOutputWindow

    before, window = vtkOutputWindow.GetInstance(), vtkStringOutputWindow()
    verbosity = vtkLogger.GetCurrentVerbosityCutoff()
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
    vtkOutputWindow.SetInstance(window)
    try:
        yield window
    finally:
        vtkOutputWindow.SetInstance(before)
        vtkLogger.SetStderrVerbosity(verbosity)


def _reports_failure(window: vtkStringOutputWindow) -> bool:
    text = window.GetOutput() or ""
    # VTK's wrapper hands over bytes where a damaged file leaks into the message.
    return bool(_BAD.search(text.decode("latin-1") if isinstance(text, bytes) else text))


def _is_consistent(output: vtkDataObject) -> bool:
    """Whether the cells of an unstructured grid are in order and as long as their types say.

    VTK's filters crash where they are not.
    """
    from vtkmodules.util.numpy_support import vtk_to_numpy

    if not output.IsA("vtkUnstructuredGrid"):
        return True
    cells, types = output.GetCells(), output.GetCellTypes()
    n_cells = cells.GetNumberOfCells() if cells else 0
    if n_cells != (types.GetNumberOfValues() if types else 0):
        return False
    offsets = vtk_to_numpy(cells.GetOffsetsArray()) if n_cells else np.zeros(1)
    n_nodes = cells.GetConnectivityArray().GetNumberOfValues() if n_cells else 0
    if offsets[0] != 0 or offsets[-1] != n_nodes or (np.diff(offsets) < 0).any():
        return False
    kinds, counts = vtk_to_numpy(types) if n_cells else np.empty(0, np.uint8), np.diff(offsets)
    known = [kind for kind in np.flatnonzero(np.bincount(kinds)).tolist() if kind in _CELL_NODES]
    return all((counts[kinds == kind] == _CELL_NODES[kind]).all() for kind in known)


def _check_connectivity(mesh: pv.DataSet, where: str) -> None:
    import pyvista as pv

    if isinstance(mesh, pv.UnstructuredGrid):
        nodes = np.asarray(mesh.cell_connectivity)
    elif isinstance(mesh, pv.PolyData):
        nodes = np.concatenate(
            [pv.convert_array(a.GetConnectivityArray()) for a in (mesh.GetPolys(), mesh.GetStrips())]
        )
    else:
        return
    if nodes.size and (nodes.min() < 0 or nodes.max() >= mesh.n_points):
        bad = int(((nodes < 0) | (nodes >= mesh.n_points)).sum())
        raise GeometryError(where, f"cells on the nodes 0 to {mesh.n_points - 1}", f"{bad} references to others")


def _turn(mesh: pv.DataSet) -> None:
    """RAS to LPS: half a turn about z, in place. A rotation, so cells keep their orientation."""
    import pyvista as pv

    turn = np.array([-1.0, -1.0, 1.0])
    if not isinstance(mesh, pv.PointSet | pv.PolyData | pv.UnstructuredGrid | pv.StructuredGrid):
        raise InputError("frame", "LPS for a grid without explicit points", "RAS")
    mesh.points = np.asarray(mesh.points) * turn.astype(mesh.points.dtype)
    for data in (mesh.point_data, mesh.cell_data):
        for name in data:
            array = np.asarray(data[name])
            if array.ndim == 2 and array.shape[1] == 3 and np.issubdtype(array.dtype, np.floating):
                data[name] = array * turn.astype(array.dtype)
