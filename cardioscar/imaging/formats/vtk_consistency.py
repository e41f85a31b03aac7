"""Whether the cells of a VTK data set are what their types say; VTK's filters crash where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cardioscar.errors import GeometryError
from cardioscar.imaging import cell_kinds

if TYPE_CHECKING:
    import pyvista as pv
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkDataObject


def is_consistent(output: vtkDataObject) -> bool:
    """Whether the cells of an unstructured grid or a surface are in order and as long as their types say."""
    if output.IsA("vtkPolyData"):
        return all(_in_order(a) for a in (output.GetVerts(), output.GetLines(), output.GetPolys(), output.GetStrips()))
    if not output.IsA("vtkUnstructuredGrid"):
        return True
    from vtkmodules.util.numpy_support import vtk_to_numpy

    cells, types = output.GetCells(), output.GetCellTypes()
    n_cells = cells.GetNumberOfCells() if cells else 0
    if n_cells != (types.GetNumberOfValues() if types else 0) or not _in_order(cells):
        return False
    if n_cells == 0:
        return True
    kinds, counts = vtk_to_numpy(types), np.diff(vtk_to_numpy(cells.GetOffsetsArray()))
    pairs = np.flatnonzero(np.bincount(kinds.astype(np.int64) * 1000 + np.minimum(counts, 999)))
    return all(cell_kinds.fits(*divmod(int(pair), 1000)) for pair in pairs)


def check_connectivity(mesh: pv.DataSet, where: str) -> None:
    """Refuse cells on nodes that are not there.

    Args:
        mesh: What was read.
        where: File name, for messages.

    Raises:
        GeometryError: With the number of such references.
    """
    import pyvista as pv

    if isinstance(mesh, pv.UnstructuredGrid):
        arrays = [mesh.GetCells()]
    elif isinstance(mesh, pv.PolyData):
        arrays = [mesh.GetVerts(), mesh.GetLines(), mesh.GetPolys(), mesh.GetStrips()]
    else:
        return
    for array in arrays:
        nodes = np.asarray(pv.convert_array(array.GetConnectivityArray()))
        if nodes.size and (nodes.min() < 0 or nodes.max() >= mesh.n_points):
            bad = int(((nodes < 0) | (nodes >= mesh.n_points)).sum())
            raise GeometryError(where, f"cells on the nodes 0 to {mesh.n_points - 1}", f"{bad} references to others")


def _in_order(cells: vtkCellArray | None) -> bool:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    if not cells or not cells.GetNumberOfCells():
        return True
    offsets = vtk_to_numpy(cells.GetOffsetsArray())
    length = cells.GetConnectivityArray().GetNumberOfValues()
    return bool(offsets[0] == 0 and offsets[-1] == length and (np.diff(offsets) >= 0).all())
