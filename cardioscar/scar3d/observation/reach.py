"""How far each node lies from what the slices show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from scipy.spatial import cKDTree

from cardioscar.errors import GeometryError
from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.types import NodeValues, Points


@dataclass(frozen=True)
class Reach:
    """Distances from nodes to observed pixels.

    A pixel is taken as the line through its slab, at its centre and from face to face, so a node between two slices is
    as far as the nearer slab's face, and a node inside a slab is about half a pixel away at most.

    Attributes:
        nearest_mm: Distance to the nearest pixel, shape (nodes,).
        bridged_mm: The same distance, shortened where pixels lie on both sides of the node: at most `nearest_mm`, and
            half of it in the middle between two slices. It is half the variance with which a process of linear
            variogram is known at the node from the nearest pixel on either side (ordinary kriging [@matheron1963]).
        between: Distance from the nearest pixel below to the nearest above, over the way from one to the other by the
            node, 0 to 1: 1 on the straight line between the two, 0 where pixels lie on one side only, shape (nodes,).
        end: -1 where the node lies before all slices along the normal of the first one, 1 where it lies after all of
            them, 0 between, shape (nodes,), int8.
    """

    nearest_mm: NodeValues
    bridged_mm: NodeValues
    between: NodeValues
    end: Int[np.ndarray, " nodes"]


def reach_of(stack: SliceStack, nodes_mm: Points) -> Reach:
    """Measure how far nodes lie from the observed pixels.

    Args:
        stack: Slices; only observed pixels (wall) count.
        nodes_mm: Positions in mm LPS, shape (nodes, 3).

    Returns:
        Distances in mm, at least 0.

    Raises:
        GeometryError: If no pixel is observed.

    >>> from dataclasses import replace
    >>> one = Slice(np.zeros((1, 1)), np.ones((1, 1), bool), np.diag([1.0, 1.0, 8.0, 1.0]), 0)
    >>> other = replace(one, affine=one.affine + np.array([[0.0] * 4, [0.0] * 4, [0, 0, 0, 16], [0.0] * 4]))
    >>> found = reach_of(SliceStack((one, other), "lge"), np.array([[0, 0, 8.0], [0, 0, 24.0]]))
    >>> found.nearest_mm.tolist(), found.bridged_mm.tolist()
    ([4.0, 4.0], [2.0, 4.0])
    """
    seen = [piece for piece in stack if piece.observed.any()]
    if not seen:
        raise GeometryError(stack.source, "at least one observed pixel", "none")
    nodes = np.asarray(nodes_mm, dtype=np.float64).reshape(-1, 3)
    (below, above), pixel = _nearest_on_sides(nodes, seen)
    nearest = np.minimum(below, above)
    both = np.flatnonzero(np.isfinite(below) & np.isfinite(above))
    apart = np.linalg.norm(pixel[0, both] - pixel[1, both], axis=1)
    # weight of the pixel below in ordinary kriging with the variogram γ(d) = d, and half the kriging variance
    share = np.clip(0.5 + (above[both] - below[both]) / (2 * np.maximum(apart, 1e-9)), 0, 1)
    bridged = nearest.copy()
    variance = share * below[both] + (1 - share) * above[both] - share * (1 - share) * apart
    bridged[both] = np.clip(variance, 0, nearest[both])
    between = np.zeros(len(nodes))
    between[both] = np.clip(apart / np.maximum(below[both] + above[both], 1e-9), 0, 1)
    end = np.isinf(above).astype(np.int8) - np.isinf(below).astype(np.int8)
    return Reach(nearest, bridged, between, end)


def distance_to_pixels_mm(stack: SliceStack, nodes_mm: Points) -> NodeValues:
    """Distance of each node to the nearest observed pixel, see `Reach`.

    >>> one = Slice(np.zeros((1, 1)), np.ones((1, 1), bool), np.diag([1.0, 1.0, 8.0, 1.0]), 0)
    >>> distance_to_pixels_mm(SliceStack((one,), "lge"), np.array([[0, 0, 3.0], [0, 0, 10.0], [5.0, 0, 0]])).round(3)
    array([0., 6., 5.])
    """
    return reach_of(stack, nodes_mm).nearest_mm


def _nearest_on_sides(nodes_mm: Points, seen: list[Slice]) -> tuple[np.ndarray, np.ndarray]:
    """The nearest observed pixel below and above each node, along the slices' normal.

    Returns:
        Distance to it in mm, infinite where no slice lies on that side, shape (2, nodes), and the nearest point of its
        line through the slab, shape (2, nodes, 3).
    """
    count, axis = len(nodes_mm), seen[0].normal
    distance, points = np.full((2, count), np.inf), np.zeros((2, count, 3))
    least, first = np.full((2, count), np.inf), np.full((2, count), -1)
    trees = [cKDTree(piece.pixel_centers_mm()) for piece in seen]
    # first which slice has the nearest face on each side, then its pixels, then those of others that may be nearer
    # still: these are few, since the wall lies over the wall
    for turn in ("faces", "nearest", "others"):
        for number, piece in enumerate(seen):
            normal = piece.normal if piece.normal @ axis >= 0 else -piece.normal
            half = piece.thickness_mm / 2
            offset = (nodes_mm - piece.affine[:3, 3]) @ normal
            beyond = np.maximum(np.abs(offset) - half, 0)
            for side, here in enumerate((offset >= 0, offset < 0)):
                if turn == "faces":
                    better = here & (beyond < least[side])
                    least[side, better], first[side, better] = beyond[better], number
                    continue
                own = first[side] == number
                wanted = np.flatnonzero(here & (own if turn == "nearest" else ~own & (beyond < distance[side])))
                across, pixel = trees[number].query(nodes_mm[wanted] - np.outer(offset[wanted], normal))
                away = np.hypot(across, beyond[wanted])
                nearer = away < distance[side, wanted]
                wanted, pixel = wanted[nearer], pixel[nearer]
                distance[side, wanted] = away[nearer]
                along = np.clip(offset[wanted], -half, half)
                points[side, wanted] = trees[number].data[pixel] + np.outer(along, normal)
    return distance, points
