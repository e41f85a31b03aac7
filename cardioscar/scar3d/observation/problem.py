"""What a reconstruction is given: the mesh's nodes, the slices, and which nodes each pixel sees."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from cardioscar.errors import InputError
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.slices import SliceStack
from cardioscar.imaging.tetrahedra import Tetrahedra
from cardioscar.scar3d.observation.groups import group_nodes, merge_for
from cardioscar.scar3d.observation.interpolation import hard_labels
from cardioscar.scar3d.observation.observations import Observations
from cardioscar.scar3d.observation.reach import Reach, reach_of
from cardioscar.scar3d.observation.sorting import SortedGroups, complete_batches, sort_by_group
from cardioscar.types import GroupNumbers, GroupValues, Points


@dataclass(frozen=True)
class Problem:
    """One subject's reconstruction problem.

    Attributes:
        nodes_mm: All mesh nodes in mm LPS, shape (nodes, 3).
        groups: Observed nodes in group order.
        targets: Scar fraction of each group, 0 to 1, shape (groups,).
        pixels: Pixels that each group averages, shape (groups,).
        slice_number: Slice of each group, shape (groups,).
        stack: The slices that may be seen, with their frames.
        coordinates: Apicobasal (0 apex to 1 base), angle about the long axis (−π to π, rad) and transmural (0
            endocardium to 1) coordinate of each node, shape (nodes, 3); None where the mesh has none.
        tetrahedra: Corners of the mesh's cells, shape (cells, 4), between which `refine` puts points where nodes are
            few; None where they are not known, or not needed.
    """

    nodes_mm: Points
    groups: SortedGroups
    targets: GroupValues
    pixels: GroupNumbers
    slice_number: GroupNumbers
    stack: SliceStack
    coordinates: Points | None = None
    tetrahedra: Tetrahedra | None = None

    @classmethod
    def of(
        cls,
        nodes_mm: Points,
        order: SortedGroups,
        observations: Observations,
        stack: SliceStack,
        coordinates: Points | None = None,
        tetrahedra: Tetrahedra | None = None,
    ) -> Problem:
        """The problem whose sorted nodes and pixels are known; the arguments as above."""
        if observations.slice_number is None:
            raise InputError("observations", "the slice of each group", "none")
        return cls(
            nodes_mm,
            order,
            observations.targets,
            observations.pixels,
            observations.slice_number,
            stack,
            coordinates,
            tetrahedra,
        )

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.targets)

    @cached_property
    def hard_labels(self) -> bool:
        """Whether the pixels are labels, scar or not, rather than fractions, see `interpolation.hard_labels`."""
        return hard_labels(self.stack)

    @cached_property
    def reach(self) -> Reach:
        """Distances from all nodes to the observed pixels; 0 for a node that a pixel sees."""
        unseen = np.ones(len(self.nodes_mm), dtype=bool)
        unseen[self.groups.node_order] = False
        found = reach_of(self.stack, self.nodes_mm[unseen])

        def everywhere(values: np.ndarray) -> np.ndarray:
            result = np.zeros(len(unseen), dtype=values.dtype)
            result[unseen] = values
            return result

        return Reach(*(everywhere(getattr(found, one.name)) for one in fields(found)))

    @cached_property
    def apical_end(self) -> int:
        """Which end of the stack is the apex, as `Reach.end` counts; 0 where the mesh has no LV coordinates."""
        if self.coordinates is None:
            return 0
        height = self.nodes_mm @ next(s for s in self.stack if s.observed.any()).normal
        return int(-np.sign(np.cov(height, np.asarray(self.coordinates)[:, 0])[0, 1]))

    def observations(self, *, batch_nodes: int = 10_000) -> Observations:
        """The groups as a fit takes them."""
        return Observations(
            self.nodes_mm[self.groups.node_order],
            self.groups.group_offsets,
            self.targets,
            self.pixels,
            complete_batches(self.groups.group_offsets, batch_nodes),
            self.slice_number,
        )


def build_problem(
    nodes_mm: Points,
    stack: SliceStack,
    *,
    wall_ml: float,
    nodes_per_group: float = 4.0,
    coordinates: Points | None = None,
    tetrahedra: Tetrahedra | None = None,
) -> Problem:
    """Map pixels to nodes, merging pixels where the mesh is coarser than they are.

    Args:
        nodes_mm: All mesh nodes in mm LPS, shape (nodes, 3).
        stack: Slices with scar fractions 0 to 1.
        wall_ml: Wall volume of the mesh in ml.
        nodes_per_group: Nodes wanted in a group, see `merge_for`.
        coordinates: LV coordinates of the nodes, see `Problem`.
        tetrahedra: Corners of the mesh's cells, see `Problem`.

    Returns:
        The problem.

    Raises:
        GeometryError: If no node lies in any observed pixel.
    """
    merge = merge_for(len(nodes_mm), wall_ml, stack, nodes_per_group=nodes_per_group)
    found = group_nodes(nodes_mm, stack, merge=merge)
    return Problem(
        nodes_mm=np.asarray(nodes_mm),
        groups=sort_by_group(found.group_index, found.n_groups),
        targets=found.targets,
        pixels=found.pixels,
        slice_number=found.slice_number,
        stack=stack,
        coordinates=coordinates,
        tetrahedra=tetrahedra,
    )


def stored_coordinates(mesh: LVMesh) -> Points | None:
    """LV coordinates that a mesh carries as point data, see `Problem`; None where it carries none."""
    data = mesh.grid.point_data
    names = ("apicobasal", "rotational", "transmural")
    if not all(name in data for name in names):
        return None
    return np.column_stack([np.asarray(data[name], dtype=np.float64) for name in names])
