"""VTK's readers and writers with errors of one clear line and nothing on stderr."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from cardioscar.errors import GeometryError, InputError, PlatformError
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.cell_kinds import cell_offsets
from cardioscar.imaging.formats.claimed_memory import claimed_memory
from cardioscar.imaging.formats.completeness import check_ply, check_stl
from cardioscar.imaging.formats.reader_probe import COMPLAINT, READER_MODULES, check_reader_survives, checksum
from cardioscar.imaging.formats.vtk_consistency import check_connectivity, is_consistent
from cardioscar.imaging.formats.vtk_header import read_vtk_header, stated_frame

if TYPE_CHECKING:
    import pyvista as pv
    from vtkmodules.vtkCommonCore import vtkStringOutputWindow
    from vtkmodules.vtkCommonExecutionModel import vtkAlgorithm

# of VTK only the modules that are used: all of it takes 0.6 s of processor time and 100 MiB

VTK_SUFFIXES = (".vtu", ".vtk", ".vtp", ".ply", ".stl")
"""Endings of the files that `read_vtk` knows."""

_BAD = re.compile(COMPLAINT, re.IGNORECASE)


def read_vtk(path: Path, *, frame: str | None = None, own: bool = False) -> pv.DataSet:
    """Read one VTK, PLY or STL data set whole, in the LPS frame.

    Args:
        path: `.vtk` (legacy, or XML under that name), `.vtu`, `.vtp`, `.ply` or `.stl`.
        frame: Frame of the file's coordinates, `LPS` or `RAS`; None takes the one that the file states (`SPACE=` in the
            header, as 3D Slicer writes it), else LPS. From RAS, positions and all floating-point arrays of three
            components (vectors) are turned.
        own: The file was written by cardioscar itself, so that its reader need not be tried in another process first.

    Returns:
        The data set as pyvista knows it, its arrays with it.

    Raises:
        InputError: If the file is missing, unreadable, empty, of another format, truncated or damaged, names other
            files, or states another frame than `frame`.
        GeometryError: If it is empty, or a cell refers to a node that is not there.
    """
    return read_vtk_and_frame(path, frame=frame, own=own)[0]


def read_vtk_and_frame(path: Path, *, frame: str | None = None, own: bool = False) -> tuple[pv.DataSet, str]:
    """Read a data set as `read_vtk` does, and say in which frame its file was."""
    with claimed_memory(path.name):
        return _read(path, frame, own)


def _read(path: Path, frame: str | None, own: bool) -> tuple[pv.DataSet, str]:
    import pyvista as pv

    if frame not in ("LPS", "RAS", None):
        raise InputError("frame", "LPS or RAS", repr(frame))
    if path.suffix.lower() not in VTK_SUFFIXES:
        raise InputError(path.name, f"a mesh ({', '.join(VTK_SUFFIXES)})", "another ending")
    header = read_vtk_header(path)
    if path.suffix.lower() == ".ply":
        check_ply(path)
    elif path.suffix.lower() == ".stl":
        check_stl(path)
    expected = None if own else check_reader_survives(path, header.reader)
    reader = _reader(header.reader)
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
    if output is None or reader.GetErrorCode() or _reports_failure(window) or not is_consistent(output):
        raise InputError(path.name, f"a complete {path.suffix} file", "a truncated or damaged one")
    if expected is not None and checksum(output) != expected:
        raise InputError(path.name, f"a complete {path.suffix} file", "one that lacks some of its values")
    mesh = _wrapped(output, path)
    if not isinstance(mesh, pv.DataSet):
        raise InputError(path.name, "one mesh", f"a {type(mesh).__name__}")
    if mesh.n_points == 0 or mesh.n_cells == 0:
        raise GeometryError(path.name, "a mesh with nodes and cells", f"{mesh.n_points} nodes, {mesh.n_cells} cells")
    check_connectivity(mesh, path.name)
    stated = header.frame or stated_frame(mesh.field_data, path)
    if frame and stated and frame != stated:
        raise InputError(path.name, f"the frame that the file itself states, {stated}", f"mesh_frame: {frame}")
    known = frame or stated or "LPS"
    if known == "RAS":
        _turn(mesh)
    return mesh, known


def write_vtk(path: Path, grid: pv.UnstructuredGrid | pv.PolyData) -> None:
    """Write an unstructured grid, or a surface; equal ones give equal bytes, and the file appears whole or not at all.

    Args:
        path: `.vtu` (XML, appended, compressed by zlib) or `.vtk` (legacy, binary); `.vtp` of a surface.
        grid: Cells, points and their arrays.

    Raises:
        InputError: If the ending is another.
        PlatformError: If it cannot be written (folder missing, disk full).
    """
    from vtkmodules.vtkIOLegacy import vtkUnstructuredGridWriter
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter, vtkXMLUnstructuredGridWriter

    is_surface = grid.IsA("vtkPolyData")
    if path.suffix.lower() == (".vtp" if is_surface else ".vtu"):
        writer = vtkXMLPolyDataWriter() if is_surface else vtkXMLUnstructuredGridWriter()
        writer.SetDataModeToAppended()
        writer.EncodeAppendedDataOff()
        writer.SetCompressorTypeToZLib()
        writer.SetCompressionLevel(1)  # half the time of the default for 3 % more bytes
    elif path.suffix.lower() == ".vtk" and not is_surface:
        writer = vtkUnstructuredGridWriter()
        writer.SetFileTypeToBinary()
    else:
        raise InputError(path.name, "the ending .vtp" if is_surface else "the ending .vtu or .vtk", f"'{path.suffix}'")
    writer.SetInputData(_bare(grid))
    with atomic_file(path) as partial, _captured() as window:
        writer.SetFileName(str(partial))
        done = writer.Write()
        if not done or writer.GetErrorCode() or _reports_failure(window) or not partial.exists():
            raise PlatformError(f"{path.name}: could not be written (folder missing or disk full?)")


def some_cells(grid: pv.UnstructuredGrid, kept: Bool[np.ndarray, " cells"]) -> pv.UnstructuredGrid:
    """The grid with some of its cells and with all its points, some of which `extract_cells` would drop."""
    import pyvista as pv

    counts = np.diff(cell_offsets(grid))
    nodes = np.asarray(grid.cell_connectivity)[np.repeat(kept, counts)]
    ends = np.cumsum(counts[kept])
    cells = np.insert(nodes, ends - counts[kept], counts[kept])
    some = pv.UnstructuredGrid(cells, np.asarray(grid.celltypes)[kept], grid.points)
    for name in grid.point_data:
        some.point_data[name] = grid.point_data[name]
    for name in grid.cell_data:
        some.cell_data[name] = np.asarray(grid.cell_data[name])[kept]
    return some


def _bare(grid: pv.UnstructuredGrid | pv.PolyData) -> pv.UnstructuredGrid | pv.PolyData:
    """The same grid without the ranges that VTK caches in its arrays and writes only where it knows them."""
    import pyvista as pv

    if isinstance(grid, pv.PolyData):
        bare = pv.PolyData(np.array(grid.points), faces=np.array(grid.faces))
    else:
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


def _reader(name: str) -> vtkAlgorithm:
    """A new reader; the data set readers of XML do not follow the names of other files, the generic one does."""
    from importlib import import_module

    return getattr(import_module(f"vtkmodules.{READER_MODULES[name]}"), name)()


def _wrapped(output: Any, path: Path) -> Any:
    """The data set as pyvista knows it, which only warns of arrays that are too short, and names them."""
    import pyvista as pv

    with warnings.catch_warnings():
        warnings.simplefilter("error", pv.InvalidMeshWarning)
        try:
            return pv.wrap(output)
        except pv.InvalidMeshWarning:
            rule = f"a complete {path.suffix} file"
            raise InputError(path.name, rule, "arrays that do not fit its nodes and cells") from None


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
