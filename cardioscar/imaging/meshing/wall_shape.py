"""The LV wall as a continuous shape, interpolated between labelled slices.

Each slice gives two regions, the epicardial one (wall and cavity) and the cavity. Their signed distances are
interpolated through-plane (shape-based interpolation: Raya and Udupa, IEEE TMI 1990; Herman, Zheng and
Bucholtz, IEEE CG&A 1992), in a frame that follows the centre of the slices, so that slices which are
displaced against each other are joined by a slanted wall and not by a thinned one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from scipy.interpolate import PchipInterpolator

from cardioscar.errors import InputError, counted
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.slices import slice_axis, slice_numbers
from cardioscar.imaging.volume import Volume
from cardioscar.types import AffineMatrix

log = logging.getLogger(__name__)

# Standard deviation, in pixels, that smooths the pixel stairs of a contour; areas are restored afterwards.
STAIR_SIGMA = 0.8
# Largest number of grid points: with copies and slopes they take less than 2 GiB.
MAX_GRID_POINTS = 60_000_000


@dataclass(frozen=True)
class SlicedWall:
    """Outlines of the labelled slices, one signed distance a slice for the epicardial region and for the
    cavity.

    Attributes:
        epi_mm: Signed distance to the epicardial outline in mm, negative inside, shape (slices, i, j), each
            slice shifted so that its centre lies at index `center`.
        endo_mm: The same for the cavity, in the same shifted frame.
        shift_px: Shift that was applied to each slice, in pixels along i and j, shape (slices, 2).
        z_mm: Through-plane position of each labelled slice, ascending, mm from the first slice of the volume.
        wall_mm2: Labelled wall area of each slice, shape (slices,).
        pixel_mm: Pixel size along i and j.
        spacing_mm: Distance between the slices of the volume.
        first_px: Index (i, j) in the volume of the array's first pixel.
        frame: Maps (x, y, z) in mm along i, j and through-plane, from the centre of voxel 0, to LPS mm.
    """

    epi_mm: Float[np.ndarray, "slices i j"]
    endo_mm: Float[np.ndarray, "slices i j"]
    shift_px: Float[np.ndarray, "slices 2"]
    z_mm: Float[np.ndarray, " slices"]
    wall_mm2: Float[np.ndarray, " slices"]
    pixel_mm: Float[np.ndarray, " ij"]
    spacing_mm: float
    first_px: Float[np.ndarray, " ij"]
    frame: AffineMatrix

    @property
    def thin_mm(self) -> float:
        """Thickness in mm of the thinnest wall: the fifth percentile over the pixels of the wall."""
        inside = (self.epi_mm < 0) & (self.endo_mm > 0)
        # The sum of the distances to both outlines; never below a pixel, which is all that labels resolve.
        thickness = np.percentile((self.endo_mm - self.epi_mm)[inside], 5) if inside.any() else 0.0
        return max(float(thickness), float(self.pixel_mm.max()))

    def wall_ml(self, cap_mm: float) -> float:
        """Labelled wall volume in ml: areas through the slices (trapezoids), and `cap_mm` beyond the end
        slices.

        With `cap_mm` half the slice distance and no gap in the stack this is the voxel count times the voxel
        volume.
        """
        caps = (self.wall_mm2[0] + self.wall_mm2[-1]) * cap_mm
        return float(np.trapezoid(self.wall_mm2, self.z_mm) + caps) / 1000


@dataclass(frozen=True)
class WallGrid:
    """The wall sampled on an isotropic grid.

    Attributes:
        sides_mm: About the signed distance to the sides of the wall, negative inside, shape (x, y, z). The
            flat caps are apart from it, because they stay put when the wall is made thicker or thinner.
        caps_mm: Signed distance to the nearer cap plane, negative between the caps, shape (z,).
        origin_mm: Position (x, y, z) of the first grid point in the frame.
        step_mm: Grid spacing.
    """

    sides_mm: Float[np.ndarray, "x y z"]
    caps_mm: Float[np.ndarray, " z"]
    origin_mm: Float[np.ndarray, " xyz"]
    step_mm: float

    def distance_mm(self, thicker_mm: float = 0.0) -> Float[np.ndarray, "x y z"]:
        """Signed distance, negative inside, of the wall with its sides moved outwards by `thicker_mm`."""
        return np.maximum(self.sides_mm - np.float32(thicker_mm), self.caps_mm[None, None, :])


def slice_wall(labels: Volume, shifts_mm: Mapping[int, np.ndarray] | None = None) -> SlicedWall:
    """Turn a label volume into signed distances, slice by slice.

    The cavity is what is labelled as blood pool; where a volume has no such label at all, it is the holes of
    the wall.

    Args:
        labels: Values of `Label`, any orientation; the through-plane axis is `slice_axis`.
        shifts_mm: Displacement of the heart in a slice along i and j, by slice number; it is taken back.

    Returns:
        Outlines of the slices that hold wall. Unlabelled slices between them are left to the interpolation.

    Raises:
        InputError: If a value is no `Label`, no voxel is wall, or fewer than two slices hold wall.
    """
    axis = slice_axis(labels)
    in_plane = [a for a in range(3) if a != axis]
    values = np.moveaxis(np.asarray(labels.values), axis, 0)
    found, counts = np.unique(values, return_counts=True)
    for value, count in zip(found, counts, strict=True):
        if value not in tuple(Label):
            raise InputError(labels.source, "labels 0 to 3", f"{value:g} ({counted(count, 'voxel')})")
    wall = np.isin(values, WALL)
    slices, numbers = np.flatnonzero(wall.any(axis=(1, 2))), slice_numbers(labels)
    if len(slices) == 0:
        raise InputError(labels.source, "voxels labelled as wall (1 or 3)", "none")
    if len(slices) == 1:
        raise InputError(labels.source, "at least two slices with wall", f"one (slice {numbers[slices[0]]})")
    missing = np.setdiff1d(np.arange(slices[0], slices[-1] + 1), slices)
    if len(missing):
        told = ", ".join(str(numbers[n]) for n in missing)
        log.warning("%s: slices %s hold no wall, interpolated", labels.source, told)
    wall = wall[slices]
    cavity = values[slices] == Label.BLOOD_POOL
    if not cavity.any():
        cavity = np.stack([ndimage.binary_fill_holes(s) for s in wall]) & ~wall

    occupied = (wall | cavity).any(axis=0)
    rows, columns = (np.flatnonzero(occupied.any(axis=a)) for a in (1, 0))
    # The margin keeps outlines inside the array when slices are shifted onto a common centre.
    first = np.array([rows[0], columns[0]])
    size = np.array([rows[-1], columns[-1]]) + 1 - first
    margin = int(size.max() // 2) + 3
    box = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    pad = ((0, 0), (margin, margin), (margin, margin))
    wall, cavity = np.pad(wall[box], pad), np.pad(cavity[box], pad)

    spacing = labels.spacing_mm
    pixel = spacing[in_plane]
    centers = np.array([ndimage.center_of_mass(w | c) for w, c in zip(wall, cavity, strict=True)])
    shift = (np.array(wall.shape[1:]) - 1) / 2 - centers
    epi = np.stack([_outline(w | c, pixel) for w, c in zip(wall, cavity, strict=True)])
    endo = _with_closed_ends(
        [_outline(c, pixel) if c.any() else None for c in cavity], epi.shape, spacing[axis] * slices
    )
    epi, endo = (np.stack([_shifted(f, s) for f, s in zip(fields, shift, strict=True)]) for fields in (epi, endo))
    if shifts_mm:
        shift = shift + np.array([shifts_mm.get(numbers[n], np.zeros(2)) for n in slices]) / pixel
    frame = np.eye(4)
    frame[:3, :3] = (labels.affine[:3, :3] / spacing)[:, [*in_plane, axis]]
    frame[:3, 3] = labels.affine[:3, 3]
    return SlicedWall(
        epi_mm=epi,
        endo_mm=endo,
        shift_px=shift,
        z_mm=slices * float(spacing[axis]),
        wall_mm2=wall.sum(axis=(1, 2)) * float(pixel.prod()),
        pixel_mm=pixel,
        spacing_mm=float(spacing[axis]),
        first_px=first - float(margin),
        frame=frame,
    )


def sample_wall(wall: SlicedWall, *, step_mm: float, cap_mm: float) -> WallGrid:
    """Interpolate the outlines through-plane and sample the wall on an isotropic grid.

    The interpolation is monotone and cubic (Fritsch and Carlson), so it overshoots nowhere, whatever two
    neighbouring slices look like. Beyond the end slices the outline is continued straight for `cap_mm` and
    cut flat.

    Args:
        wall: Outlines of the slices.
        step_mm: Grid spacing.
        cap_mm: How far the wall reaches beyond the first and the last slice.

    Returns:
        The wall on a grid that leaves at least two steps around it.

    Raises:
        InputError: If the grid would have more than `MAX_GRID_POINTS` points.
    """
    low_mm = np.array([wall.first_px[0] * wall.pixel_mm[0], wall.first_px[1] * wall.pixel_mm[1]])
    inside = np.argwhere((_unshifted_extent(wall)) <= 0)
    near, far = (inside.min(0) - 2) * wall.pixel_mm + low_mm, (inside.max(0) + 2) * wall.pixel_mm + low_mm
    # An even number of steps below the lower cap, which is so on the lattice of `stuff_isosurface`.
    origin = np.array([*near, wall.z_mm[0] - cap_mm]) - 4 * step_mm
    end = np.array([*far, wall.z_mm[-1] + cap_mm]) + 4 * step_mm
    size = np.ceil((end - origin) / step_mm).astype(int) + 1
    if float(size.prod(dtype=float)) > MAX_GRID_POINTS:
        raise InputError("edge_mm", f"a grid of at most {MAX_GRID_POINTS:,} points", f"{size.prod(dtype=float):,.0f}")
    x, y, z = (origin[a] + step_mm * np.arange(size[a]) for a in range(3))
    z_inside = np.clip(z, wall.z_mm[0], wall.z_mm[-1])
    epi, endo, shift = (PchipInterpolator(wall.z_mm, f, axis=0) for f in (wall.epi_mm, wall.endo_mm, wall.shift_px))
    i, j = (x - low_mm[0]) / wall.pixel_mm[0], (y - low_mm[1]) / wall.pixel_mm[1]
    sides = np.empty(tuple(size), dtype=np.float32)
    for k, level in enumerate(z_inside):
        di, dj = shift(level)
        at = np.meshgrid(i + di, j + dj, indexing="ij")
        sides[:, :, k] = np.maximum(
            ndimage.map_coordinates(epi(level), at, order=1, mode="nearest"),
            -ndimage.map_coordinates(endo(level), at, order=1, mode="nearest"),
        )
    caps = np.maximum(wall.z_mm[0] - cap_mm - z, z - wall.z_mm[-1] - cap_mm).astype(np.float32)
    return WallGrid(sides, caps, origin, step_mm)


def _outline(region: Bool[np.ndarray, "i j"], pixel_mm: np.ndarray) -> Float[np.ndarray, "i j"]:
    """Signed distance to the outline of a region in mm, freed of pixel stairs, enclosing the region's area."""
    inside = ndimage.distance_transform_edt(region, sampling=pixel_mm)
    outside = ndimage.distance_transform_edt(~region, sampling=pixel_mm)
    half = float(np.sqrt(pixel_mm.prod())) / 2
    distance = np.where(region, half - inside, outside - half)
    smooth = ndimage.gaussian_filter(distance, STAIR_SIGMA, mode="nearest")
    # Smoothing shrinks small outlines; the level that encloses as many pixels as before is made the zero
    # level.
    count = int(region.sum())
    below = np.partition(smooth.ravel(), [count - 1, count])[[count - 1, count]]
    return smooth - below.mean()


def _with_closed_ends(
    outlines: list[np.ndarray | None], shape: tuple[int, ...], z_mm: np.ndarray
) -> Float[np.ndarray, "slices i j"]:
    """Give slices without a cavity a distance, such that the cavity of the nearest slice closes half-way to it."""
    known = [n for n, outline in enumerate(outlines) if outline is not None]
    filled = np.full(shape, float(shape[1] + shape[2]))
    for n, outline in enumerate(outlines):
        if outline is not None:
            filled[n] = outline
        elif known:
            nearest = outlines[min(known, key=lambda k: abs(z_mm[k] - z_mm[n]))]
            assert nearest is not None
            filled[n] = nearest - 2 * nearest.min()
    return filled


def _shifted(field: np.ndarray, shift_px: np.ndarray) -> np.ndarray:
    return np.asarray(ndimage.shift(field, shift_px, order=1, mode="nearest"))


def _unshifted_extent(wall: SlicedWall) -> Float[np.ndarray, "i j"]:
    """Smallest epicardial distance over the slices at each pixel of the volume's own frame."""
    return np.min([_shifted(f, -s) for f, s in zip(wall.epi_mm, wall.shift_px, strict=True)], axis=0)
