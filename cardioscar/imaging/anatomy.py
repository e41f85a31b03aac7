"""Whether labels can be a left ventricle: the cavity inside the wall, the wall about it, scar in the wall.

Numbers of another label table are often all legal, and a map of the blood pool looks as smooth as one of the wall. What
tells them apart is where each label lies. Everything is measured over the whole stack, so that an open ring at the
base, an apical cap, a papillary muscle or a gap between two contours decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from cardioscar.errors import InputError
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.slices import slice_axis
from cardioscar.imaging.surrounding import ENCLOSED, surrounded
from cardioscar.imaging.volume import Volume

MAX_LABELLED = 2**26
"""Voxels of the largest box of labels that is measured: a heart of 120 mm in voxels of 0.3 mm."""

_MIDDLE = 0.7
"""The middle of a heart is what lies this share of the greatest depth below its outline."""
_REACH_PERCENTILE = 95
_SPECK_MM2 = 10.0
"""In-plane pieces of scar smaller than this are specks, and say nothing of where the scar lies."""


@dataclass(frozen=True)
class Anatomy:
    """Where the labels of a volume lie, over all its slices; shares 0 to 1, NaN where there is nothing to measure.

    Attributes:
        slices: Slices that show wall and blood pool.
        wall_slices: Slices that show wall.
        middle: Share of each `Label` in the middle of the heart: in the slices that show wall and blood pool or, where
            no slice does, in those that show wall.
        pool_by_wall: Share of the directions in which the blood pool meets wall, and
        wall_by_pool: of those in which the wall meets blood pool, in the slices that show both.
        pool_outline: Share of the heart's outline that is blood pool, in these slices.
        solid_mm: In-plane thickness of the wall, the third quartile over its slices of the greatest.
        second_cavity: Area of the second largest place that the wall surrounds in each slice over that of the largest.
        scar: Share of the wall that is scar.
        scar_in_pool: Share of the scar that blood pool surrounds on all sides, specks left out.
        scar_apart: Share of the scar in pieces of the heart that hold no myocardium, specks left out.
        scar_reach_mm: In-plane distance of the scar from the cavity, its 95th percentile, and
        wall_reach_mm: of the myocardium.
    """

    slices: int
    wall_slices: int
    middle: tuple[float, ...]
    pool_by_wall: float
    wall_by_pool: float
    pool_outline: float
    solid_mm: float
    second_cavity: float
    scar: float
    scar_in_pool: float
    scar_apart: float
    scar_reach_mm: float
    wall_reach_mm: float


def measure(labels: Volume) -> Anatomy:
    """Measure where the labels lie.

    Args:
        labels: Values of `Label`, with wall in at least one voxel; the planes are across `slice_axis`.

    Raises:
        InputError: If the labels lie in a box of more than `MAX_LABELLED` voxels.
    """
    axis = slice_axis(labels)
    pixel_mm = np.delete(labels.spacing_mm, axis)
    values = _cropped(np.moveaxis(np.asarray(labels.values), axis, 2), labels.source)
    wall, pool = np.isin(values, WALL), values == Label.BLOOD_POOL
    muscle, scar = values == Label.MYOCARDIUM, values == Label.SCAR
    large = _without_specks(scar, float(pixel_mm.prod()))
    shown = wall.any(axis=(0, 1)) & pool.any(axis=(0, 1))
    by_wall, by_pool = surrounded(wall), surrounded(pool)
    outline = _outline(_filled(values > 0))
    heart = (values > 0) | (surrounded(values > 0) > ENCLOSED)
    middle = _middle(heart, pixel_mm) & (shown if shown.any() else wall.any(axis=(0, 1)))
    inside = ~wall & (by_wall > ENCLOSED)
    areas = [_areas(plane) for plane in np.moveaxis(inside, 2, 0)]
    cavity = np.where(pool.any(axis=(0, 1)), pool, inside)
    reach = _distance_mm(cavity, pixel_mm)
    return Anatomy(
        slices=int(shown.sum()),
        wall_slices=int(wall.any(axis=(0, 1)).sum()),
        middle=tuple(_share(values == label, middle) for label in Label),
        pool_by_wall=_mean(by_wall, pool & shown),
        wall_by_pool=_mean(by_pool, wall & shown),
        pool_outline=_share(pool, outline & shown & (wall | pool)),
        solid_mm=_solid_mm(wall, pixel_mm),
        second_cavity=sum(second for _, second in areas) / max(sum(first for first, _ in areas), 1),
        scar=_share(scar, wall),
        scar_in_pool=_share(_filled(pool) & large, scar),
        scar_apart=_share(_without(heart, muscle) & large, scar),
        scar_reach_mm=_reach_mm(reach, large),
        wall_reach_mm=_reach_mm(reach, muscle),
    )


def _cropped(values: np.ndarray, where: str) -> np.ndarray:
    """The labelled part, with a border of background in the plane."""
    rows, columns = (np.flatnonzero((values > 0).any(axis=axes)) for axes in ((1, 2), (0, 2)))
    sizes = (int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1, values.shape[2])
    if prod(sizes) > MAX_LABELLED:
        raise InputError(where, f"labels in a box of at most {MAX_LABELLED} voxels", "×".join(map(str, sizes)))
    part = values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.pad(part, ((1, 1), (1, 1), (0, 0)))


def _filled(mask: Bool[np.ndarray, "i j k"]) -> Bool[np.ndarray, "i j k"]:
    return np.stack([ndimage.binary_fill_holes(plane) for plane in np.moveaxis(mask, 2, 0)], axis=2)


def _middle(heart: Bool[np.ndarray, "i j k"], pixel_mm: np.ndarray) -> Bool[np.ndarray, "i j k"]:
    depth = np.stack(
        [ndimage.distance_transform_edt(plane, sampling=pixel_mm) for plane in np.moveaxis(heart, 2, 0)], axis=2
    )
    return heart & (depth >= _MIDDLE * depth.max(axis=(0, 1)))


def _outline(heart: Bool[np.ndarray, "i j k"]) -> Bool[np.ndarray, "i j k"]:
    across = ndimage.generate_binary_structure(2, 1)[:, :, None]
    return heart & ~ndimage.binary_erosion(heart, across)


def _areas(plane: Bool[np.ndarray, "i j"]) -> tuple[int, int]:
    """Pixels of the largest and of the second largest piece."""
    pieces, count = ndimage.label(plane)
    sizes = np.sort(np.bincount(pieces.ravel(), minlength=count + 3)[1:])[::-1]
    return int(sizes[0]), int(sizes[1])


def _solid_mm(wall: Bool[np.ndarray, "i j k"], pixel_mm: np.ndarray) -> float:
    planes = [plane for plane in np.moveaxis(wall, 2, 0) if plane.any()]
    depths = [ndimage.distance_transform_edt(np.pad(plane, 1), sampling=pixel_mm).max() for plane in planes]
    return 2 * float(np.percentile(depths, 75))


def _without_specks(scar: Bool[np.ndarray, "i j k"], pixel_mm2: float) -> Bool[np.ndarray, "i j k"]:
    in_plane = np.zeros((3, 3, 3), dtype=bool)
    in_plane[:, 1, 1] = in_plane[1, :, 1] = True
    pieces, _ = ndimage.label(scar, in_plane)
    large = np.bincount(pieces.ravel()) * pixel_mm2 >= _SPECK_MM2
    large[0] = False
    return np.asarray(large[pieces])


def _without(heart: Bool[np.ndarray, "i j k"], muscle: Bool[np.ndarray, "i j k"]) -> Bool[np.ndarray, "i j k"]:
    """Pieces of the heart, also those that touch by a corner or in the next slice, that hold no myocardium.

    What the wall surrounds joins its slices: an apical cap lies beneath the cavity of the next slice, not its wall.
    """
    pieces, _ = ndimage.label(heart, np.ones((3, 3, 3)))
    return heart & ~np.isin(pieces, np.unique(pieces[muscle]))


def _distance_mm(cavity: Bool[np.ndarray, "i j k"], pixel_mm: np.ndarray) -> np.ndarray:
    """In-plane distance from the cavity; infinite in slices without."""
    planes = [
        ndimage.distance_transform_edt(~plane, sampling=pixel_mm) if plane.any() else np.full(plane.shape, np.inf)
        for plane in np.moveaxis(cavity, 2, 0)
    ]
    return np.stack(planes, axis=2)


def _reach_mm(distance_mm: np.ndarray, region: Bool[np.ndarray, "i j k"]) -> float:
    known = distance_mm[region & np.isfinite(distance_mm)]
    return float(np.percentile(known, _REACH_PERCENTILE)) if known.size else float("nan")


def _share(part: Bool[np.ndarray, "i j k"], whole: Bool[np.ndarray, "i j k"]) -> float:
    return float((part & whole).sum() / whole.sum()) if whole.any() else float("nan")


def _mean(values: np.ndarray, region: Bool[np.ndarray, "i j k"]) -> float:
    return float(values[region].mean()) if region.any() else float("nan")
