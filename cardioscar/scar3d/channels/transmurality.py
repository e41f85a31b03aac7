"""Transmurality: the share of the wall's depth that is scar, in small patches of the wall and by AHA segment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from scipy.spatial import cKDTree

from cardioscar.imaging.tetrahedra import Tetrahedra
from cardioscar.scar3d.channels.mesh_graph import nodal_gradient
from cardioscar.types import NodeMask, NodeValues, Points, Segments

_DEPTHS = 5
# Nodes that place the patches; more of them place these no better.
_PLACING_NODES = 50_000
_ROUNDS = 4


@dataclass(frozen=True)
class Transmurality:
    """How far the scar goes through the wall.

    Attributes:
        share: Share of the wall's depth that is scar in the patch of each node, 0 to 1, shape (nodes,).
        area_mm2: Area of wall that each node stands for, at its depth, shape (nodes,).
    """

    share: NodeValues
    area_mm2: NodeValues

    def by_segment(self, segment: Segments) -> dict[int, dict[str, float]]:
        """Transmurality of each segment that has tissue.

        Args:
            segment: AHA segment of each node, 1 to 17.

        Returns:
            By segment: `transmurality_mean` and `transmurality_max` of its patches, and `area_over_half`, the share of
            its area where scar is more than half as deep as the wall; all 0 to 1.
        """
        areas = np.bincount(segment, self.area_mm2, 18)
        sums = np.bincount(segment, self.area_mm2 * self.share, 18)
        over = np.bincount(segment, self.area_mm2 * (self.share > 0.5), 18)
        most = np.zeros(18)
        np.maximum.at(most, segment, self.share)
        return {
            n: {
                "transmurality_mean": float(sums[n] / areas[n]),
                "transmurality_max": float(most[n]),
                "area_over_half": float(over[n] / areas[n]),
            }
            for n in range(1, 18)
            if areas[n] > 0
        }


def wall_transmurality(
    nodes_mm: Points,
    cells: Tetrahedra,
    transmural: NodeValues,
    scar: NodeMask,
    node_volumes_ml: NodeValues,
    *,
    patch_mm: float = 4.0,
) -> Transmurality:
    r"""Measure how much of the wall's depth is scar.

    Each node is moved to the middle of the wall along the gradient of the transmural coordinate, and the middle surface
    is divided into patches. In a patch the share is the mean over five depths of the share of scar at that depth, so
    that it does not matter that the outer half of a curved wall is larger:

    $$T = \frac15 \sum_{d=1}^{5} \frac{\sum_{i \in d} v_i s_i}{\sum_{i \in d} v_i}$$

    Args:
        nodes_mm: Node positions, shape (nodes, 3).
        cells: Tetrahedra.
        transmural: 0 at the endocardium to 1 at the epicardium, shape (nodes,).
        scar: Scar, shape (nodes,).
        node_volumes_ml: Volume of each node in ml, shape (nodes,).
        patch_mm: Width of a patch, at least an edge of the mesh.

    Returns:
        Transmurality at the nodes.
    """
    depth = np.clip(np.asarray(transmural, dtype=float), 0, 1)
    slope = nodal_gradient(nodes_mm, cells, depth)
    square = np.einsum("ij,ij->i", slope, slope)
    # a wall is some millimetres thick at least; flatter slopes are nodes of no cell
    middle = nodes_mm + ((0.5 - depth) / np.maximum(square, 1e-4))[:, None] * slope
    patch, count = _patches(middle, patch_mm)
    level = np.minimum((depth * _DEPTHS).astype(int), _DEPTHS - 1)
    box, size = patch * _DEPTHS + level, count * _DEPTHS
    volumes = np.bincount(box, node_volumes_ml, size).reshape(count, _DEPTHS)
    scars = np.bincount(box, node_volumes_ml * scar, size).reshape(count, _DEPTHS)
    known = volumes > 0
    shares = np.where(known, scars / np.where(known, volumes, 1), 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return Transmurality(shares[patch], 1000 * node_volumes_ml * np.sqrt(square))


def _patches(points_mm: Points, patch_mm: float) -> tuple[Int[np.ndarray, " points"], int]:
    """Divide points on a surface into patches of about equal size (Lloyd's algorithm, from boxes)."""
    sample = points_mm[:: max(1, len(points_mm) // _PLACING_NODES)]
    boxes = np.unique(np.floor(sample / patch_mm), axis=0, return_inverse=True)[1].ravel()
    for _ in range(_ROUNDS):
        counts = np.bincount(boxes)
        centres = np.stack([np.bincount(boxes, sample[:, axis]) for axis in range(3)], axis=1)[counts > 0]
        tree = cKDTree(centres / counts[counts > 0][:, None])
        boxes = tree.query(sample)[1]
    return tree.query(points_mm)[1], tree.n
