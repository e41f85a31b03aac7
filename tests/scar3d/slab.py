"""A flat piece of wall with scar whose corridors are known: x and y along the wall, z through it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

SIZE_MM, THICK_MM = 80.0, 10.0
RADIUS_MM = 24.0
"""Of the disc of scar in the middle."""


@dataclass(frozen=True)
class Slab:
    """Nodes about `step_mm` apart, moved a little at random, and tetrahedra."""

    step_mm: float = 2.0
    seed: int = 0

    @cached_property
    def _grid(self):
        import pyvista as pv

        across, through = round(SIZE_MM / self.step_mm) + 1, round(THICK_MM / self.step_mm) + 1
        steps = (SIZE_MM / (across - 1), SIZE_MM / (across - 1), THICK_MM / (through - 1))
        grid = pv.ImageData(dimensions=(across, across, through), spacing=steps).to_tetrahedra(5)
        points = np.asarray(grid.points, dtype=float) - [SIZE_MM / 2, SIZE_MM / 2, 0]
        moved = points + np.random.default_rng(self.seed).uniform(-0.15, 0.15, points.shape) * self.step_mm
        for axis, limit in ((0, SIZE_MM / 2), (1, SIZE_MM / 2)):
            edge = np.abs(np.abs(points[:, axis]) - limit) < 1e-3
            moved[edge, axis] = points[edge, axis]
        surface = (points[:, 2] < 1e-3) | (points[:, 2] > THICK_MM - 1e-3)
        moved[surface, 2] = points[surface, 2]
        return pv.UnstructuredGrid(grid.cells, grid.celltypes, moved)

    @property
    def grid(self):
        return self._grid.copy()

    @cached_property
    def nodes_mm(self) -> np.ndarray:
        return np.asarray(self._grid.points, dtype=float)

    @cached_property
    def cells(self) -> np.ndarray:
        from cardioscar.imaging.tetrahedra import tetrahedra_of

        return tetrahedra_of(self._grid)

    @property
    def transmural(self) -> np.ndarray:
        return self.nodes_mm[:, 2] / THICK_MM

    @property
    def edge_mm(self) -> float:
        from cardioscar.imaging.lvmesh import LVMesh

        return LVMesh(self._grid).edge_mm

    def disc(self, *, at_mm: tuple[float, float] = (0.0, 0.0), radius_mm: float = RADIUS_MM) -> np.ndarray:
        """Scar through the whole wall within a circle."""
        return np.hypot(*(self.nodes_mm[:, :2] - at_mm).T) < radius_mm

    def strip(self, width_mm: float, *, angle_deg: float = 0.0) -> np.ndarray:
        """Tissue within a straight band through the middle, at an angle to y."""
        angle = np.radians(angle_deg)
        return np.abs(self.nodes_mm[:, 0] * np.cos(angle) - self.nodes_mm[:, 1] * np.sin(angle)) < width_mm / 2

    def smooth(self, signed_mm: np.ndarray) -> np.ndarray:
        """A probability that falls over about a millimetre, from the distance to the border, positive in scar."""
        return 1 / (1 + np.exp(-signed_mm / 0.4))

    def corridor(self, width_mm: float, *, angle_deg: float = 0.0) -> np.ndarray:
        """Probability of a disc of scar with a straight corridor through its middle."""
        angle = np.radians(angle_deg)
        across = np.abs(self.nodes_mm[:, 0] * np.cos(angle) - self.nodes_mm[:, 1] * np.sin(angle))
        radius = np.hypot(*self.nodes_mm[:, :2].T)
        return self.smooth(np.minimum(RADIUS_MM - radius, across - width_mm / 2))
