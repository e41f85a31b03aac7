"""Surfaces of equal depth in the wall, from endocardium to epicardium, coloured by the scar map (layers)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from cardioscar.errors import GeometryError
from cardioscar.imaging.formats.mesh_arrays import RESULTS
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.tetrahedra import tetrahedra_of, tetrahedral_grid

if TYPE_CHECKING:
    import pyvista as pv

DEPTHS = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0)
"""Percent of the wall, 0 at the endocardium and 100 at the epicardium."""


def depth_shell(mesh: LVMesh, percent: float) -> pv.PolyData:
    """The surface on which the transmural coordinate is one value, with the map on it.

    Cells are divided into tetrahedra; in each the coordinate and the map are linear, so both are exact on the surface.
    What is a whole number or an angle is the nearest node's.

    Args:
        mesh: The wall with point data `transmural` and `scar_probability`.
        percent: Depth, above 0 and below 100.

    Returns:
        Triangles in mm LPS with the point data of the map.

    Raises:
        GeometryError: If the wall has no LV coordinates, no map, or no such surface.
    """
    data = mesh.grid.point_data
    for name, hint in (("transmural", " (a wall without LV coordinates has no depth)"), ("scar_probability", "")):
        if name not in data:
            raise GeometryError(mesh.source, f"point data '{name}'", f"none of that name{hint}")
    if not 0 < percent < 100:
        raise GeometryError(mesh.source, "a depth above 0 and below 100 %", f"{percent:g} %")
    bare = tetrahedral_grid(mesh.nodes_mm, tetrahedra_of(mesh.grid))
    there = [name for name in RESULTS if name in data]
    linear = [name for name in there if RESULTS[name] == "linear"]
    for name in linear:
        bare.point_data[name] = np.asarray(data[name], dtype=np.float64)
    shell = bare.contour([percent / 100], scalars="transmural").triangulate()
    if shell.n_cells == 0:
        raise GeometryError(mesh.source, f"wall at {percent:g} % of its depth", "none")
    nearest = cKDTree(mesh.nodes_mm).query(np.asarray(shell.points))[1]
    made = type(shell)(np.asarray(shell.points, dtype=np.float64), faces=np.asarray(shell.faces))
    for name in there:
        values = np.asarray(shell.point_data[name], np.float32) if name in linear else np.asarray(data[name])[nearest]
        made.point_data[name] = values
    return made
