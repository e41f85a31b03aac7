"""Interpolation along the wall: from slice to slice at the same angle and depth, as the wall turns and tapers.

A wall that narrows towards the apex and leans between two slices is followed along itself and not along the scanner's
axis: each slice is unrolled by angle and depth, and a place between two slices takes what both show at its own angle
and depth. What a slice shows is blurred with the distance to it, for scars change along the way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage
from scipy.spatial import cKDTree

from cardioscar.imaging.slices import Slice, SliceStack
from cardioscar.types import NodeValues, Points

ANGLES, DEPTHS = 128, 10
"""Cells of an unrolled slice around and through the wall."""
BLURS_MM = (0.0, 3.0, 6.0, 10.0, 15.0, 22.0)
"""Distances from a slice at which its blurred map is kept; between them it is interpolated."""
MANY_NODES = 100_000
"""Coordinates of pixels are taken from about so many nodes at most: more are no nearer than a pixel."""


@dataclass(frozen=True)
class WallBlur:
    """How an unrolled slice is smoothed."""

    around_mm: float = 2.0
    """Standard deviation of the Gaussian around the wall at the slice itself, in mm."""
    through_mm: float = 1.0
    """The same through the wall."""
    around_growth: float = 0.25
    """Growth of the former with the distance from the slice, mm per mm."""
    through_growth: float = 0.1
    """Growth of the latter."""


@dataclass(frozen=True)
class Unrolled:
    """A slice by angle and depth.

    Attributes:
        piece: The slice.
        maps: Scar fraction at the distances of `BLURS_MM`, 0 to 1, shape (blurs, angles, depths).
    """

    piece: Slice
    maps: Float[np.ndarray, "blurs angles depths"]

    def at(self, height_mm: NodeValues, coordinates: Points) -> NodeValues:
        """Scar fraction that the slice shows at places, 0 to 1, shape (places,).

        Args:
            height_mm: Distance of the places from the slice's mid-plane, shape (places,).
            coordinates: Their apicobasal, rotational and transmural coordinates, shape (places, 3).
        """
        closed = np.concatenate([self.maps[:, -1:], self.maps, self.maps[:, :1]], axis=1)
        index = np.empty((3, len(coordinates)))
        index[0] = np.interp(np.abs(height_mm), BLURS_MM, np.arange(len(BLURS_MM)))
        index[1] = (coordinates[:, 1] / (2 * np.pi) + 0.5) % 1.0 * ANGLES + 0.5  # one more for the closing column
        index[2] = np.clip(coordinates[:, 2], 0, 1) * DEPTHS - 0.5
        return np.clip(ndimage.map_coordinates(closed, index, order=1, mode="nearest"), 0, 1)


@dataclass(frozen=True)
class Neighbours:
    """What the slices on either side show along the wall.

    Attributes:
        distance_mm: Distance to the mid-plane of the next slice below and above (against and along the normal of the
            first slice), infinite where there is none, shape (2, places).
        fraction: Scar fraction that it shows at the place's angle and depth, 0 to 1; that of the other side where
            there is no slice, shape (2, places).
    """

    distance_mm: Float[np.ndarray, "2 places"]
    fraction: Float[np.ndarray, "2 places"]

    def interpolated(self) -> NodeValues:
        """Linear interpolation by distance; beyond the outermost slices the last one holds. Shape (places,)."""
        below, above = self.distance_mm
        both = np.isfinite(below) & np.isfinite(above)
        share = np.where(np.isfinite(below), 1.0, 0.0)  # of the slice below
        way = np.maximum(below[both] + above[both], 1e-9)
        share[both] = above[both] / way
        # rounding would put a mean of ones above one
        return np.clip(share * self.fraction[0] + (1 - share) * self.fraction[1], 0, 1)


def along_wall(stack: SliceStack, nodes_mm: Points, coordinates: Points, *, blur: WallBlur | None = None) -> NodeValues:
    """Interpolate the scar fraction along the wall.

    Args:
        stack: Slices with scar fractions 0 to 1; those without wall are ignored.
        nodes_mm: Places in the wall in mm LPS, dense enough to tell the coordinates of pixels, shape (nodes, 3).
        coordinates: Their apicobasal (0 to 1), rotational (−π to π, rad) and transmural (0 to 1) coordinates, shape
            (nodes, 3).
        blur: How much each slice is smoothed.

    Returns:
        Scar fraction at the nodes, 0 to 1, shape (nodes,).
    """
    slices = unrolled(stack, nodes_mm, coordinates, blur or WallBlur())
    return neighbours_along_wall(slices, nodes_mm, coordinates).interpolated()


def unrolled(stack: SliceStack, nodes_mm: Points, coordinates: Points, blur: WallBlur) -> list[Unrolled]:
    """Unroll the slices that have wall; the arguments as for `along_wall`."""
    every = max(1, len(nodes_mm) // MANY_NODES)
    near, at = np.asarray(nodes_mm, dtype=np.float64)[::every], np.asarray(coordinates, dtype=np.float64)[::every]
    tree = cKDTree(near)
    return [_unroll(piece, tree, at, blur) for piece in stack if piece.observed.any()]


def neighbours_along_wall(slices: list[Unrolled], places_mm: Points, coordinates: Points) -> Neighbours:
    """Look up the next slice on either side of places.

    Args:
        slices: At least one.
        places_mm: Places in mm LPS, shape (places, 3).
        coordinates: Their apicobasal, rotational and transmural coordinates, shape (places, 3).
    """
    axis = slices[0].piece.normal
    count = len(places_mm)
    distance, which = np.full((2, count), np.inf), np.full((2, count), -1)
    for number, one in enumerate(slices):
        height = _height(one.piece, places_mm, axis)
        for side, here in enumerate((height >= 0, height < 0)):
            nearer = here & (np.abs(height) < distance[side])
            distance[side, nearer], which[side, nearer] = np.abs(height[nearer]), number
    fraction = np.zeros((2, count))
    for side in (0, 1):
        for number, one in enumerate(slices):
            mine = np.flatnonzero(which[side] == number)
            fraction[side, mine] = one.at(distance[side, mine], coordinates[mine])
    alone = ~np.isfinite(distance)
    fraction = np.where(alone, fraction[::-1], fraction)
    return Neighbours(distance, fraction)


def _height(piece: Slice, places_mm: Points, axis: np.ndarray) -> NodeValues:
    normal = piece.normal if piece.normal @ axis >= 0 else -piece.normal
    return np.asarray((places_mm - piece.affine[:3, 3]) @ normal)


def wall_coordinates_at(places_mm: Points, tree: cKDTree, coordinates: Points) -> Points:
    """Coordinates of places from those of the four nearest nodes; the angle by its sine and cosine.

    Args:
        places_mm: Places in mm LPS, shape (places, 3).
        tree: Tree of the nodes.
        coordinates: Apicobasal, rotational and transmural coordinates of the nodes, shape (nodes, 3).

    Returns:
        The same of the places, shape (places, 3).
    """
    distance, near = tree.query(places_mm, k=min(4, tree.n))
    distance, near = distance.reshape(len(places_mm), -1), near.reshape(len(places_mm), -1)
    weight = 1 / (distance**2 + 0.05)
    weight /= weight.sum(axis=1, keepdims=True)
    values = coordinates[near]
    angle = np.arctan2((weight * np.sin(values[..., 1])).sum(axis=1), (weight * np.cos(values[..., 1])).sum(axis=1))
    return np.column_stack([(weight * values[..., 0]).sum(axis=1), angle, (weight * values[..., 2]).sum(axis=1)])


def _unroll(piece: Slice, tree: cKDTree, coordinates: Points, blur: WallBlur) -> Unrolled:
    places_mm = piece.pixel_centers_mm()
    at = wall_coordinates_at(places_mm, tree, coordinates)
    seen = piece.values[piece.observed].astype(np.float64)
    radius_mm = float(np.linalg.norm(places_mm - places_mm.mean(axis=0), axis=1).mean())
    girth_mm = max(2 * np.pi * radius_mm, 1.0)
    pixel_mm2 = float(np.linalg.norm(np.cross(piece.affine[:3, 0], piece.affine[:3, 1])))
    thickness_mm = max(len(seen) * pixel_mm2 / girth_mm, 1.0)
    total, count = _spread(at, seen), _spread(at, np.ones(len(seen)))
    maps = []
    for away in BLURS_MM:
        sigma = (
            np.hypot(blur.around_mm, blur.around_growth * away) * ANGLES / girth_mm,
            np.hypot(blur.through_mm, blur.through_growth * away) * DEPTHS / thickness_mm,
        )
        maps.append(_smooth_ratio(total, count, sigma))
    return Unrolled(piece, np.array(maps))


def _spread(at: Points, values: np.ndarray) -> np.ndarray:
    """Sums of values over the cells of an unrolled slice, bilinearly, shape (angles, depths)."""
    around = (at[:, 1] / (2 * np.pi) + 0.5) % 1.0 * ANGLES - 0.5
    through = np.clip(at[:, 2], 0, 1) * DEPTHS - 0.5
    first, layer = np.floor(around).astype(np.int64), np.floor(through).astype(np.int64)
    a, b = around - first, through - layer
    result = np.zeros((ANGLES, DEPTHS))
    for i, share in ((0, 1 - a), (1, a)):
        for j, part in ((0, 1 - b), (1, b)):
            np.add.at(result, ((first + i) % ANGLES, np.clip(layer + j, 0, DEPTHS - 1)), share * part * values)
    return result


def _smooth_ratio(total: np.ndarray, count: np.ndarray, sigma: tuple[float, float]) -> np.ndarray:
    """Gaussian mean of the pixels about each cell; a cell without pixels near takes the nearest that has."""

    def smooth(cells: np.ndarray) -> np.ndarray:
        around = ndimage.gaussian_filter1d(cells, sigma[0], axis=0, mode="wrap")
        return np.asarray(ndimage.gaussian_filter1d(around, sigma[1], axis=1, mode="reflect"))

    weight = smooth(count)
    mean = np.divide(smooth(total), weight, out=np.zeros_like(weight), where=weight > 0)
    empty = weight < 1e-3 * weight.max()
    if empty.any():
        # around the seam: three turns, of which the middle one counts
        turns = np.tile(empty, (3, 1))
        near = ndimage.distance_transform_edt(turns, return_distances=False, return_indices=True)
        near = near[:, ANGLES : 2 * ANGLES]
        mean = mean[near[0] % ANGLES, near[1]]
    return np.clip(mean, 0, 1)
