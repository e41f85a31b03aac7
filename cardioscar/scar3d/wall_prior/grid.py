"""A regular grid in the coordinates of the left ventricle: along it, around it, through its wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage
from scipy.spatial import cKDTree

from cardioscar.types import NodeValues, Points

LVNodeCoordinates = Float[np.ndarray, "nodes 3"]
"""Apicobasal 0 to 1, angle in radians −π to π, transmural 0 to 1 of each node."""

MANY_NODES = 60_000
"""The grid is placed by at most about so many nodes: more do not move its cells."""
LEVELS = 24
"""Apicobasal levels at which size and radius are measured."""


@dataclass(frozen=True)
class LVGrid:
    """Cell centres of a grid: apicobasal × circumferential × transmural; the second axis closes on itself.

    Attributes:
        points_mm: Cell centres in mm LPS, shape (a, c, t, 3).
    """

    points_mm: Float[np.ndarray, "a c t 3"]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of cells along, around and through the wall."""
        a, c, t = self.points_mm.shape[:3]
        return a, c, t

    @property
    def long_axis(self) -> np.ndarray:
        """Unit vector from apex to base."""
        rings = self.points_mm.mean(axis=(1, 2))
        third = max(1, len(rings) // 3)
        axis = rings[-third:].mean(axis=0) - rings[:third].mean(axis=0)
        return np.asarray(axis / np.linalg.norm(axis))

    def steps_mm(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Size of each cell along, around and through the wall in mm, three arrays of the grid's shape."""
        p = self.points_mm
        along = np.linalg.norm(np.gradient(p, axis=0), axis=-1)
        around = np.linalg.norm(np.roll(p, -1, axis=1) - np.roll(p, 1, axis=1), axis=-1) / 2
        through = np.linalg.norm(np.gradient(p, axis=2), axis=-1)
        return along, around, through

    def at(self, values: Float[np.ndarray, "a c t"], coordinates: LVNodeCoordinates) -> NodeValues:
        """Trilinear interpolation of a grid's values at nodes.

        Args:
            values: One number a cell.
            coordinates: Apicobasal, angle, transmural of each node.

        Returns:
            Values at the nodes, float32.
        """
        a, c, t = values.shape
        closed = np.concatenate([values[:, -1:], values, values[:, :1]], axis=1)
        index = np.empty((3, len(coordinates)))
        index[0] = coordinates[:, 0] * a - 0.5
        index[1] = (coordinates[:, 1] / (2 * np.pi) + 0.5) % 1.0 * c + 0.5  # one more for the closing column
        index[2] = coordinates[:, 2] * t - 0.5
        return np.asarray(ndimage.map_coordinates(closed, index, order=1, mode="nearest"), dtype=np.float32)


def cell_centers(shape: tuple[int, int, int]) -> Float[np.ndarray, "a c t 3"]:
    """Apicobasal, angle and transmural coordinate of the cells of a grid.

    >>> cell_centers((2, 4, 1))[0, 0].round(3).tolist()
    [[0.25, -2.356, 0.5]]
    """
    a, c, t = ((np.arange(n) + 0.5) / n for n in shape)
    return np.stack(np.meshgrid(a, (2 * c - 1) * np.pi, t, indexing="ij"), axis=-1)


def grid_shape(length_mm: float, girth_mm: float, *, cell_mm: float, layers: int) -> tuple[int, int, int]:
    """Number of cells that makes them about `cell_mm` wide: multiples of four, so that a U-Net halves them twice.

    >>> grid_shape(100.0, 190.0, cell_mm=2.4, layers=5)
    (40, 80, 5)
    """
    along, around = (4 * int(np.clip(round(size / cell_mm / 4), 4, 40)) for size in (length_mm, girth_mm))
    return along, around, layers


def grid_of_nodes(nodes_mm: Points, coordinates: LVNodeCoordinates, *, cell_mm: float, layers: int) -> LVGrid:
    """Place the grid of a mesh: each cell lies among the nodes whose coordinates are nearest to its own.

    Args:
        nodes_mm: Nodes in mm LPS, shape (nodes, 3).
        coordinates: Their LV coordinates.
        cell_mm: Wanted size of a cell along and around the wall.
        layers: Cells through the wall.
    """
    every = max(1, len(nodes_mm) // MANY_NODES)
    nodes, at = np.asarray(nodes_mm, dtype=np.float64)[::every], np.asarray(coordinates, dtype=np.float64)[::every]
    flat = _Unrolled.of(nodes, at)
    shape = grid_shape(flat.length_mm, flat.girth_mm, cell_mm=cell_mm, layers=layers)
    centers = cell_centers(shape)
    distance, near = cKDTree(flat.place(at)).query(flat.place(centers.reshape(-1, 3)), k=min(6, len(nodes)))
    distance, near = np.atleast_2d(distance.T).T, np.atleast_2d(near.T).T
    weight = 1 / (distance**2 + (0.1 * cell_mm) ** 2)
    weight /= weight.sum(axis=1, keepdims=True)
    return LVGrid(np.einsum("nk,nkx->nx", weight, nodes[near]).reshape(*shape, 3))


@dataclass(frozen=True)
class _Unrolled:
    """Millimetre scales of the coordinates: arc length and radius of each level, and wall thickness."""

    arc_mm: np.ndarray
    radius_mm: np.ndarray
    wall_mm: float

    @staticmethod
    def of(nodes_mm: Points, at: LVNodeCoordinates) -> _Unrolled:
        level = np.clip((at[:, 0] * LEVELS).astype(np.int64), 0, LEVELS - 1)
        count = np.maximum(np.bincount(level, minlength=LEVELS), 1)

        def mean(values: np.ndarray) -> np.ndarray:
            return np.bincount(level, values, LEVELS) / count

        filled = np.bincount(level, minlength=LEVELS) > 0
        middle = np.stack([mean(nodes_mm[:, x]) for x in range(3)], axis=1)
        levels = (np.arange(LEVELS) + 0.5) / LEVELS
        middle = np.stack([np.interp(levels, levels[filled], middle[filled, x]) for x in range(3)], axis=1)
        off = np.linalg.norm(nodes_mm - middle[level], axis=1)
        radius = np.interp(levels, levels[filled], mean(off)[filled])
        step = np.hypot(np.linalg.norm(np.diff(middle, axis=0), axis=1), np.diff(radius))
        arc = np.concatenate([[0.0], np.cumsum(step)]) * LEVELS / (LEVELS - 1)
        inner, outer = off[at[:, 2] < 0.2], off[at[:, 2] > 0.8]
        wall = (np.median(outer) - np.median(inner)) / 0.8 if len(inner) and len(outer) else 8.0
        return _Unrolled(arc, radius, float(np.clip(wall, 2.0, 25.0)))

    @property
    def length_mm(self) -> float:
        return float(self.arc_mm[-1])

    @property
    def girth_mm(self) -> float:
        return float(2 * np.pi * self.radius_mm.max())

    def place(self, at: LVNodeCoordinates) -> Float[np.ndarray, "n 4"]:
        """Coordinates in mm in a space where the angle has no seam."""
        levels = (np.arange(LEVELS) + 0.5) / LEVELS
        radius = np.interp(at[:, 0], levels, self.radius_mm)
        arc = np.interp(at[:, 0], np.linspace(0, 1, LEVELS), self.arc_mm)
        return np.stack(
            [arc, radius * np.cos(at[:, 1]), radius * np.sin(at[:, 1]), self.wall_mm * at[:, 2]],
            axis=1,
        )
