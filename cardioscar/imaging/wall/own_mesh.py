"""The user's own mesh beside the wall mesh that is worked on, where the two differ.

A wall mesh has each place once, straight cells, and nothing but the wall. Results go back to the nodes of the user's
own mesh, in their order: at nodes that are one place, the value of that place; at a node between the corners of a
curved cell, the linear mean of these; at a node of no cell, the value of the nearest place; at nodes of cells that were
left out (bath, right ventricle), NaN, or 0 where a result is a whole number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int
from scipy import sparse

from cardioscar.imaging.cell_kinds import LINEAR
from cardioscar.imaging.formats.mesh_arrays import RESULTS
from cardioscar.imaging.formats.vtk_files import read_vtk, some_cells, write_vtk
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.types import NodeValues

if TYPE_CHECKING:
    import pyvista as pv

FILES = ("own_mesh.vtu", "own_nodes.npz")
OTHER_TISSUE = 100
"""Tags of left-out cells are raised by this in openCARP files, so that they are no tags of scar; the bath's stay 0."""


@dataclass(frozen=True)
class OwnMesh:
    """The user's own mesh, and where its nodes and cells lie in the wall mesh.

    Attributes:
        grid: All its nodes and its cells with volume, in the user's order.
        places: Weights of the wall mesh's nodes at each own node, shape (own nodes, nodes); an empty row where the node
            belongs to left-out cells alone.
        first: The first own node at the place of each wall node, shape (nodes,).
        cell: Number of the wall mesh's cell that each own cell is, shape (own cells,); -1 where it is left out.
        tag: The tag that each own cell came with, shape (own cells,); 0 where there are no tags.
    """

    grid: pv.UnstructuredGrid
    places: sparse.csr_array
    first: Int[np.ndarray, " nodes"]
    cell: Int[np.ndarray, " own_cells"]
    tag: Int[np.ndarray, " own_cells"]

    @cached_property
    def nearest(self) -> Int[np.ndarray, " own_nodes"]:
        """The wall node of the greatest weight at each own node; -1 where there is none."""
        rows = np.repeat(np.arange(self.places.shape[0]), np.diff(self.places.indptr))
        order = np.lexsort((self.places.indices, -self.places.data, rows))
        first = np.flatnonzero(np.diff(rows[order], prepend=-1))
        found = np.full(self.places.shape[0], -1, dtype=np.int64)
        found[rows[order[first]]] = self.places.indices[order[first]]
        return found

    def spread(self, values: NodeValues, how: str) -> NodeValues:
        """Values of the wall's nodes at the own nodes.

        Args:
            values: One number a node, shape (nodes,).
            how: `linear` between corners, or `nearest`.

        Returns:
            Shape (own nodes,), of the same type; NaN, or 0 of whole numbers, where no wall is.
        """
        missing = self.nearest < 0
        if how == "linear":
            spread = (self.places @ np.asarray(values, dtype=np.float64)).astype(values.dtype)
        else:
            spread = values[np.maximum(self.nearest, 0)]
        spread[missing] = np.nan if np.issubdtype(values.dtype, np.floating) else 0
        return spread

    def with_results(self, mesh: LVMesh) -> pv.UnstructuredGrid:
        """The own nodes with the results of the wall mesh, and the own cells that are wall."""
        grid = some_cells(self.grid, self.cell >= 0)
        for name, how in RESULTS.items():
            if name in mesh.grid.point_data:
                grid.point_data[name] = self.spread(np.asarray(mesh.grid.point_data[name]), how)
        return grid

    def results_of(self, grid: pv.UnstructuredGrid, mesh: LVMesh) -> None:
        """Put results at own nodes, as `with_results` wrote them, back onto the wall mesh, in place."""
        for name in RESULTS:
            if name in grid.point_data:
                mesh.grid.point_data[name] = np.asarray(grid.point_data[name])[self.first]

    def has_straight_cells(self) -> bool:
        """Whether no own cell has nodes between its corners."""
        return bool(np.isin(self.grid.celltypes, list(LINEAR)).all())

    def element_tags(self, tags: Int[np.ndarray, " cells"]) -> Int[np.ndarray, " own_cells"]:
        """Tags of the wall's cells at the own cells; left-out ones keep theirs, raised by `OTHER_TISSUE` (bath: 0)."""
        other = np.where((self.tag == 0) & (self.tag != 0).any(), 0, self.tag + OTHER_TISSUE)
        return np.where(self.cell >= 0, tags[np.maximum(self.cell, 0)], other)

    def only(self, nodes: Bool[np.ndarray, " nodes"], cells: Bool[np.ndarray, " cells"], *, forget: bool) -> OwnMesh:
        """The own mesh beside a wall mesh that keeps only some nodes and cells of the present one.

        Args:
            nodes: Nodes of the present wall mesh that are kept.
            cells: Cells that are kept.
            forget: Take the others out of the own mesh too: they are cells by mistake.
        """
        number = np.where(cells, np.cumsum(cells) - 1, -1)
        if forget:
            known = (self.cell < 0) | cells[self.cell]
            rest = replace(self, grid=some_cells(self.grid, known), cell=self.cell[known], tag=self.tag[known])
            return rest.only(nodes, cells, forget=False)
        places = sparse.csr_array(self.places[:, np.flatnonzero(nodes)])
        return OwnMesh(self.grid, places, self.first[nodes], np.where(self.cell >= 0, number[self.cell], -1), self.tag)

    def save(self, folder: Path) -> None:
        """Write the mesh and the places of its nodes into a folder."""
        write_vtk(folder / FILES[0], self.grid)
        np.savez_compressed(
            folder / FILES[1],
            allow_pickle=False,
            weights=self.places.data,
            nodes=self.places.indices.astype(np.int32),
            offsets=self.places.indptr.astype(np.int64),
            first=self.first.astype(np.int32),
            cell=self.cell.astype(np.int32),
            tag=self.tag,
        )


def load_own_mesh(folder: Path) -> OwnMesh | None:
    """Read what `OwnMesh.save` wrote; None where the user's mesh is the wall mesh itself."""
    if not (folder / FILES[1]).is_file():
        return None
    grid = read_vtk(folder / FILES[0], own=True).cast_to_unstructured_grid()
    with np.load(folder / FILES[1], allow_pickle=False) as stored:
        shape = (grid.n_points, len(stored["first"]))
        places = sparse.csr_array((stored["weights"], stored["nodes"], stored["offsets"]), shape=shape)
        first, cell = (stored[name].astype(np.int64) for name in ("first", "cell"))
        return OwnMesh(grid, places, first, cell, stored["tag"])
