"""What the cells of a mesh say about its shape as a whole: parts, handles, places where its surface touches itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.tetrahedra import Triangles
from cardioscar.types import Points


@dataclass(frozen=True)
class WallTopology:
    """Counts of a mesh.

    Attributes:
        parts: Connected parts, the largest first in `part_ml`.
        part_ml: Volume of each part in ml.
        surface_euler: Euler number (nodes − edges + faces) of the surface of the largest part: 2 of a left ventricle, 0
            where its apex is cut off; each hole through the wall takes 2 away.
        open_edges: Edges of that surface that do not belong to exactly two faces: there it touches itself.
        crowded_faces: Faces of three cells or more, which overlap.
    """

    parts: int
    part_ml: tuple[float, ...]
    surface_euler: int
    open_edges: int
    crowded_faces: int


def wall_topology(mesh: LVMesh) -> WallTopology:
    """Count parts of a mesh, and the handles of its surface."""
    volume = np.bincount(mesh.part, weights=mesh.node_volumes_ml)
    used = np.zeros(len(volume), dtype=bool)
    used[mesh.part[mesh.tetrahedra[:, 0]]] = True
    order = np.argsort(-np.where(used, volume, -1), kind="stable")[: used.sum()]
    faces = mesh.boundary
    if len(order) > 1:
        faces = faces[mesh.part[faces[:, 0]] == order[0]]
    euler, open_edges = surface_numbers(faces)
    return WallTopology(len(order), tuple(volume[order].tolist()), euler, open_edges, mesh.crowded_faces)


def surface_numbers(faces: Triangles) -> tuple[int, int]:
    """Euler number of a surface, and the number of its edges that do not belong to exactly two faces.

    >>> surface_numbers(np.array([[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]]))
    (2, 0)
    """
    edges = np.sort(faces[:, [(0, 1), (1, 2), (2, 0)]].reshape(-1, 2), axis=1).astype(np.int64)
    _, owners = np.unique(edges[:, 0] * (int(faces.max(initial=0)) + 1) + edges[:, 1], return_counts=True)
    return len(np.unique(faces)) - len(owners) + len(faces), int((owners != 2).sum())


def euler_below(
    nodes_mm: Points, faces: Triangles, direction: Float[np.ndarray, " xyz"], shares: Sequence[float] = (0.85, 0.9, 1.0)
) -> int:
    """Euler number of a surface without its basal rim, where steps of the wall may be handles that are no holes.

    The part of the surface below a height has the Euler number of the nodes, edges and faces that lie below it whole: 2
    where it is the two cups of a left ventricle, 0 of one with its apex cut off.

    Args:
        nodes_mm: Nodes that the faces refer to.
        faces: Closed surface.
        direction: Unit vector from apex to base.
        shares: Heights, as shares of the whole; the greatest number found counts.
    """
    height = nodes_mm @ direction
    used = np.unique(faces)
    low, length = height[used].min(), np.ptp(height[used])
    edges = np.unique(np.sort(faces[:, [(0, 1), (1, 2), (2, 0)]].reshape(-1, 2), axis=1), axis=0)
    numbers = []
    for share in shares:
        below = height <= low + share * length
        numbers.append(below[used].sum() - below[edges].all(axis=1).sum() + below[faces].all(axis=1).sum())
    return int(max(numbers))
