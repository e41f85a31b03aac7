"""Points inside the cells of a coarse mesh: a pixel's mean is its tissue's, not that of the few nodes it holds."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from cardioscar.imaging.tetrahedra import Tetrahedra, signed_volumes
from cardioscar.scar3d.observation.groups import group_nodes, merge_for
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.observation.sorting import sort_by_group
from cardioscar.types import NodeValues, Points

POINTS_PER_MM3 = 0.35
"""Nodes in a mm³ of wall from which a mesh is fine enough: about 1.7 mm apart, 42,000 in a wall of 120 ml."""
FEW = 0.05
"""A mesh that lacks fewer points than this share of its nodes is left as it is."""
FINE = 4.0
"""Of a mesh with so many times the wanted nodes, no part is taken for coarse: its cells need not be looked at."""
_STEP = 1.2207440846057596 ** -np.arange(1.0, 4.0)
"""Steps of an evenly spread sequence in three dimensions (Kronecker's, of the root of x⁴ = x + 1)."""


@dataclass(frozen=True)
class Refinement:
    """A problem with more points than its mesh has nodes.

    Attributes:
        problem: The same heart and slices; first the mesh's nodes in their order, then the points inside its cells.
        weights: Linear interpolation from the nodes to the points inside the cells, shape (points, nodes).
    """

    problem: Problem
    weights: sparse.csr_array

    def extend(self, values: NodeValues) -> Float[np.ndarray, " nodes_and_points"]:
        """Values at the nodes, shape (nodes,), and interpolated at the points: shape (nodes + points,)."""
        return np.concatenate([values, (self.weights @ values).astype(values.dtype)])


def may_be_coarse(nodes: int, wall_ml: float) -> bool:
    """Whether some part of a mesh may have too few nodes to say what a pixel's tissue is.

    >>> may_be_coarse(66_000, 122.0), may_be_coarse(300_000, 122.0)
    (True, False)
    """
    return nodes < FINE * POINTS_PER_MM3 * wall_ml * 1000


def refine(problem: Problem, *, points_per_mm3: float = POINTS_PER_MM3) -> Refinement | None:
    """Add points inside the cells that are too large, and map the pixels to nodes and points.

    A pixel's prism holds a handful of nodes of a coarse mesh: their mean misses that of the tissue by the square root
    of y (1 - y) / n, and pixels must be merged to hold even those. With points through all of the tissue the
    constraint depends on pixels and wall alone. A cell gets the points that its volume asks for beyond its shares of
    its corners, so a mesh that is fine in places gets them elsewhere. Blocks of merged pixels become smaller or stay.

    Args:
        problem: Nodes, groups and slices of a mesh with its tetrahedra.
        points_per_mm3: Wanted density of nodes and points together.

    Returns:
        The refinement; None where the mesh is fine enough, or its tetrahedra are not known.
    """
    cells = problem.tetrahedra
    if cells is None or len(cells) == 0:
        return None
    volume_mm3 = np.abs(signed_volumes(np.asarray(problem.nodes_mm, dtype=np.float64), cells))
    wall_ml, nodes = float(volume_mm3.sum()) / 1000, len(problem.nodes_mm)
    in_cells = np.bincount(cells.reshape(-1), minlength=nodes)
    lacking = np.maximum(points_per_mm3 * volume_mm3 - (1 / np.maximum(in_cells, 1))[cells].sum(axis=1), 0)
    if lacking.sum() < FEW * nodes:
        return None
    weights = _inside(cells, lacking, nodes)
    points: Points = np.concatenate([problem.nodes_mm, weights @ problem.nodes_mm])
    own = math.ceil(math.sqrt(problem.pixels.max()))  # without merging here there is none there
    found = group_nodes(
        points, problem.stack, merge=min(own, merge_for(len(points), wall_ml, problem.stack, nodes_per_group=4.0))
    )
    finer = dataclasses.replace(
        problem,
        nodes_mm=points,
        groups=sort_by_group(found.group_index, found.n_groups),
        targets=found.targets,
        pixels=found.pixels,
        slice_number=found.slice_number,
        coordinates=None if problem.coordinates is None else _at_points(problem.coordinates, weights),
        tetrahedra=None,
    )
    return Refinement(finer, weights)


def _at_points(coordinates: Float[np.ndarray, "nodes 3"], weights: sparse.csr_array) -> Points:
    """LV coordinates of the nodes, and interpolated at the points: the angle by its direction, as it has a seam."""
    along, angle, through = np.asarray(coordinates, dtype=np.float64).T
    turned = np.arctan2(weights @ np.sin(angle), weights @ np.cos(angle))
    inside = np.column_stack([weights @ along, turned, weights @ through])
    return np.concatenate([coordinates, inside])


def _inside(cells: Tetrahedra, lacking: Float[np.ndarray, " cells"], nodes: int) -> sparse.csr_array:
    """So many points in each cell up to one, as weights of the nodes; a cell's only one lies at its middle."""
    upto = np.cumsum(lacking)
    number = round(float(upto[-1]))
    cell = np.searchsorted(upto, (np.arange(number) + 0.5) / number * upto[-1])
    count = np.bincount(cell, minlength=len(cells))
    rank = np.arange(number) - (np.cumsum(count) - count)[cell]
    weight = np.where((count[cell] == 1)[:, None], 0.25, _spread(rank))
    corners = cells[cell]
    return sparse.csr_array(
        (weight.reshape(-1), corners.reshape(-1), np.arange(0, 4 * number + 1, 4)), shape=(number, nodes)
    )


def _spread(rank: Int[np.ndarray, " points"]) -> Float[np.ndarray, "points 4"]:
    """Barycentric coordinates of the first, second, … of a sequence of points that fill a tetrahedron evenly."""
    cut = np.sort((0.5 + (rank[:, None] + 1) * _STEP) % 1, axis=1)  # the gaps between three cuts of a unit length
    return np.diff(cut, axis=1, prepend=0.0, append=1.0)
