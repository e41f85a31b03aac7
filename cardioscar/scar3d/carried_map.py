"""A scar map on another mesh of the same heart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from cardioscar.errors import GeometryError
from cardioscar.imaging.formats.mesh_arrays import RESULTS
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.sampling import sample_nodes

LEAST_INSIDE = 0.5
"""Share of the nodes that should lie in the mapped wall: with fewer it is another heart, or another frame."""


@dataclass(frozen=True)
class Carried:
    """What came of it.

    Attributes:
        inside: Share of the nodes inside the mapped wall, 0 to 1.
        beyond: Share of them out of reach.
        scar_ml: Scar on the other mesh in ml.
    """

    inside: float
    beyond: float
    scar_ml: float


def carry_map(source: LVMesh, mesh: LVMesh, *, reach_mm: float = 5.0) -> Carried:
    """Put the results of a map at the nodes of another mesh, in place.

    Numbers are linear in the cells of the mapped wall and the nearest node's beside it; what is a whole number or an
    angle is the nearest node's.

    Args:
        source: The wall with the map as point data.
        mesh: The other mesh.
        reach_mm: Nodes farther from the mapped nodes get NaN; whole numbers 0.

    Returns:
        How well the meshes fit.

    Raises:
        GeometryError: If the source holds no map, or fewer than half of the nodes lie in its wall.
    """
    if "scar_probability" not in source.grid.point_data:
        raise GeometryError(source.source, "point data 'scar_probability'", "none of that name")
    distance, nearest = cKDTree(source.nodes_mm).query(mesh.nodes_mm)
    inside = sample_nodes(source, np.zeros(source.n_nodes), mesh.nodes_mm)[1]
    near = inside | (distance <= reach_mm)
    if inside.mean() < LEAST_INSIDE:
        finding = f"{100 * inside.mean():.0f} % of {mesh.n_nodes} (another heart, frame or unit?)"
        raise GeometryError(mesh.source, "nodes in the mapped wall, at least half of them", finding)
    for name, how in RESULTS.items():
        if name not in source.grid.point_data:
            continue
        values = np.asarray(source.grid.point_data[name])
        whole = np.issubdtype(values.dtype, np.integer)
        if how == "linear" and not whole:
            found = sample_nodes(source, values.astype(float), mesh.nodes_mm)[0].astype(np.float32)
        else:
            found = values[nearest]
        found[~near] = 0 if whole else np.nan
        mesh.grid.point_data[name] = found
    data = mesh.grid.point_data
    scar = np.asarray(data["scar_binary"]) > 0 if "scar_binary" in data else np.zeros(mesh.n_nodes, dtype=bool)
    return Carried(float(inside.mean()), float((~near).mean()), float(mesh.node_volumes_ml @ scar))
