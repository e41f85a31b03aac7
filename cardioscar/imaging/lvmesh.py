"""A volumetric mesh of the left-ventricular wall."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from cardioscar.errors import GeometryError
from cardioscar.imaging.cell_kinds import VOLUMETRIC
from cardioscar.imaging.tetrahedra import Tetrahedra, Triangles, connected_parts, counted_faces, tetrahedra_and_volumes
from cardioscar.types import NodeValues, Points

if TYPE_CHECKING:
    import pyvista as pv

# An adult LV, atria excluded, measures 60 to 130 mm; hearts of mice and giants are not expected here.
EXTENT_MM = (20.0, 400.0)


@dataclass(frozen=True)
class LVMesh:
    """A volumetric LV mesh in the LPS frame, in millimetres.

    Attributes:
        grid: Unstructured grid with volumetric cells (tetrahedra, hexahedra, wedges, pyramids); its point data
            travel with it.
        source: File name, for messages.
    """

    grid: pv.UnstructuredGrid
    source: str = "mesh"

    def __post_init__(self) -> None:
        points = np.asarray(self.grid.points)
        if len(points) == 0 or self.grid.n_cells == 0:
            raise GeometryError(
                self.source, "a mesh with nodes and cells", f"{len(points)} nodes, {self.grid.n_cells} cells"
            )
        bad = int((~np.isfinite(points).all(axis=1)).sum())
        if bad:
            raise GeometryError(self.source, "finite node coordinates", f"{bad} non-finite nodes of {len(points)}")
        if not np.isin(self.grid.celltypes, VOLUMETRIC).any():
            raise GeometryError(
                self.source,
                "volumetric cells (fill a closed surface with `cardioscar mesh`)",
                f"a surface of {self.grid.n_cells} cells",
            )
        extent = float(np.ptp(points, axis=0).max())
        if extent < EXTENT_MM[0]:
            hint = " (coordinates in metres?)" if extent < 1 else " (coordinates in centimetres?)"
            raise GeometryError(self.source, f"an extent of at least {EXTENT_MM[0]:g} mm", f"{extent:g} mm{hint}")
        if extent > EXTENT_MM[1]:
            hint = " (coordinates in micrometres?)" if extent > 10_000 else ""
            raise GeometryError(self.source, f"an extent of at most {EXTENT_MM[1]:g} mm", f"{extent:g} mm{hint}")

    @property
    def nodes_mm(self) -> Points:
        """Node positions in mm LPS, float64, shape (nodes, 3)."""
        return np.asarray(self.grid.points, dtype=np.float64)

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return int(self.grid.n_points)

    @cached_property
    def _nodes_per_cell(self) -> np.ndarray:
        # `grid.offset` is deprecated since pyvista 0.49, its successor unknown before: ask VTK
        from vtkmodules.util.numpy_support import vtk_to_numpy

        return np.diff(vtk_to_numpy(self.grid.GetCells().GetOffsetsArray()))

    @cached_property
    def _cell_volumes_mm3(self) -> np.ndarray:
        sized = self.grid.compute_cell_sizes(length=False, area=False, volume=True)
        return np.array(sized.cell_data["Volume"], dtype=np.float64)

    @property
    def cell_volumes_ml(self) -> Float[np.ndarray, " cells"]:
        """Volume of each cell in ml."""
        return np.abs(self._cell_volumes_mm3) / 1000

    @cached_property
    def _tetrahedra(self) -> tuple[Tetrahedra, np.ndarray]:
        return tetrahedra_and_volumes(self.grid)

    @property
    def tetrahedra(self) -> Tetrahedra:
        """The cells as tetrahedra of positive volume over the mesh's own nodes, see `tetrahedra_of`."""
        return self._tetrahedra[0]

    @property
    def tetrahedron_volumes_mm3(self) -> Float[np.ndarray, " tetrahedra"]:
        """Volume of each of `tetrahedra` in mm³."""
        return self._tetrahedra[1]

    @cached_property
    def _faces(self) -> tuple[Triangles, int]:
        return counted_faces(self.tetrahedra)

    @property
    def boundary(self) -> Triangles:
        """Outward faces of the tetrahedra that belong to one of them only, see `boundary_faces`."""
        return self._faces[0]

    @property
    def crowded_faces(self) -> int:
        """Faces of three tetrahedra or more: such cells overlap."""
        return self._faces[1]

    @cached_property
    def part(self) -> Int[np.ndarray, " nodes"]:
        """Which connected part of the mesh each node belongs to, from 0; a node of no cell is a part of its own."""
        return connected_parts(self.n_nodes, self.tetrahedra)

    @cached_property
    def node_volumes_ml(self) -> NodeValues:
        """Volume that each node stands for in ml: an equal share of each cell that it belongs to.

        Returns:
            Shape (nodes,), summing to the mesh volume. Nodes of no cell have zero.
        """
        counts = self._nodes_per_cell
        share = np.repeat(self.cell_volumes_ml / np.maximum(counts, 1), counts)
        return np.bincount(np.asarray(self.grid.cell_connectivity), weights=share, minlength=self.n_nodes)

    @property
    def volume_ml(self) -> float:
        """Wall volume in ml."""
        return float(self.node_volumes_ml.sum())

    @cached_property
    def edge_mm(self) -> float:
        """Typical distance between neighbouring nodes in mm: median over cells of the edge that their volume has."""
        cells = self._cell_volumes_mm3
        counts = self._nodes_per_cell
        solid = np.abs(cells) > 0
        # A regular tetrahedron of edge a has volume a³/(6√2); a cube a³.
        factor = np.where(counts == 4, 6 * np.sqrt(2), 1.0)
        return float(np.median(np.cbrt(np.abs(cells[solid]) * factor[solid]))) if solid.any() else float("nan")
