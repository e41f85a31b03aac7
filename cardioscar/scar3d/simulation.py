"""What a simulator needs beside nodes, elements and tags: fibres in each element, and the nodes of each surface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.coordinates.fibres import fibres

if TYPE_CHECKING:
    import pyvista as pv

NEEDED = ("transmural", "apicobasal")
_SURFACE = 1e-3
"""Depth, as a share of the wall, up to which a node lies on a surface."""


def with_fibres(grid: pv.UnstructuredGrid) -> pv.UnstructuredGrid:
    """The grid with cell data `fiber` and `sheet`, by a rule from the LV coordinates of its nodes.

    A grid that has fibres keeps them. One without coordinates is returned as it is; elements outside the wall, whose
    coordinates are not numbers, get the fibre (1, 0, 0), as openCARP's tools write it for tissue without direction.
    """
    if "fiber" in grid.cell_data or any(name not in grid.point_data for name in NEEDED):
        return grid
    gradients, values = [], []
    for name in NEEDED:
        bare = grid.copy(deep=False)
        bare.clear_data()
        bare.point_data["value"] = np.asarray(grid.point_data[name], dtype=np.float64)
        bare = bare.compute_derivative(scalars="value", gradient="gradient").point_data_to_cell_data()
        gradients.append(np.asarray(bare.cell_data["gradient"], dtype=float))
        values.append(np.asarray(bare.cell_data["value"], dtype=float))
    depth = values[0]
    known = np.isfinite(np.column_stack([*gradients, depth])).all(axis=1)
    fiber = np.tile([1.0, 0.0, 0.0], (grid.n_cells, 1))
    sheet = np.tile([0.0, 1.0, 0.0], (grid.n_cells, 1))
    fiber[known], sheet[known] = fibres(gradients[0][known], gradients[1][known], depth[known])
    whole = grid.copy(deep=False)
    whole.cell_data["fiber"], whole.cell_data["sheet"] = fiber, sheet
    return whole


def write_surfaces(stem: Path, transmural: np.ndarray) -> None:
    """Write `_endo.vtx` and `_epi.vtx`: openCARP's lists of nodes, a count, the domain, an index a line.

    Args:
        stem: Path without ending.
        transmural: 0 at the endocardium to 1 at the epicardium of each node; NaN outside the wall.
    """
    for name, on in (("endo", transmural <= _SURFACE), ("epi", transmural >= 1 - _SURFACE)):
        nodes = np.flatnonzero(on)
        with atomic_file(stem.with_name(f"{stem.name}_{name}.vtx")) as partial:
            partial.write_text(f"{len(nodes)}\nextra\n" + "".join(f"{node}\n" for node in nodes), encoding="ascii")
