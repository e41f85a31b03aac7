"""Labels of one grid brought onto the grid of the image that they were drawn on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from cardioscar.errors import GeometryError
from cardioscar.imaging.labels import WALL
from cardioscar.imaging.slices import slice_numbers
from cardioscar.imaging.volume import Volume, holding_voxel

SAME_GRID = 0.01
"""Grids whose voxel centres lie within this share of a voxel of each other are one: float32 headers lose as much."""
PLANES = 0.1
"""Planes coincide within this share of the distance between the image's slices, or half a pixel of the labels."""
VOLUME_CHANGE = 0.1
"""Largest change of the wall's volume by another grid, as a share of it."""


@dataclass(frozen=True)
class Regridded:
    """Labels on the grid of an image.

    Attributes:
        labels: The labels, on the image's grid.
        kept: Share of the wall's voxels, as drawn, whose centre lies in a wall voxel of the image's grid.
        before_ml: Wall as drawn.
        after_ml: Wall on the image's grid.
    """

    labels: Volume
    kept: float
    before_ml: float
    after_ml: float


def same_grid(a: Volume, b: Volume) -> bool:
    """Whether two volumes in the order of `canonical` have the same voxel centres, within a hundredth of a voxel."""
    if a.values.shape != b.values.shape:
        return False
    # the frames are affine, so no voxel lies farther apart than a corner does
    corners = np.indices((2, 2, 2)).reshape(3, -1).T * (np.array(a.values.shape) - 1)
    apart_mm = np.linalg.norm(a.index_to_mm(corners) - b.index_to_mm(corners), axis=1).max()
    return bool(apart_mm <= SAME_GRID * min(a.spacing_mm.min(), b.spacing_mm.min()))


def onto_grid(labels: Volume, image: Volume) -> Regridded:
    """Take for each voxel of an image the label of the voxel that holds its centre.

    Args:
        labels: Values of `Label`, in the order of `canonical`, with wall.
        image: In the order of `canonical`; its values play no part.

    Returns:
        The labels on the image's grid, background where they say nothing, with the image's slice numbers.

    Raises:
        GeometryError: If the wall lies outside of the image, slices do not lie in the planes of the labels, or the
            volume of the wall changes by more than `VOLUME_CHANGE`. It names both grids and what to do.
    """
    values, off_mm = _sampled(labels, image)
    wall, new_wall = np.isin(labels.values, WALL), np.isin(values, WALL)
    if not new_wall.any():
        raise _unlike(labels, image, "that holds the wall", f"no wall in it: {_how_far(labels, wall, image)}")
    tolerance_mm = max(PLANES * float(image.spacing_mm[2]), 0.5 * float(labels.spacing_mm[:2].max()))
    worst_mm = float(off_mm[new_wall].max())
    if worst_mm > tolerance_mm:
        raise _unlike(
            labels, image, f"with slices in its planes (within {tolerance_mm:.1f} mm)", f"{worst_mm:.1f} mm off"
        )
    before_ml, after_ml = float(wall.sum() * labels.voxel_ml), float(new_wall.sum() * image.voxel_ml)
    if abs(after_ml / before_ml - 1) > VOLUME_CHANGE:
        rule = f"that keeps the volume of the wall (within {VOLUME_CHANGE:.0%})"
        raise _unlike(labels, image, rule, f"{after_ml:.1f} ml of {before_ml:.1f} ml")
    index = holding_voxel(image.mm_to_index(labels.index_to_mm(np.argwhere(wall))))
    inside = ((index >= 0) & (index < values.shape)).all(axis=1)
    kept = float(new_wall[tuple(index[inside].T)].sum() / wall.sum())
    return Regridded(
        replace(
            labels,
            values=values,
            affine=image.affine,
            slice_thickness_mm=image.slice_thickness_mm,
            slice_numbers=slice_numbers(image),
        ),
        kept,
        before_ml,
        after_ml,
    )


def resampled_image(image: Volume, grid: Volume) -> Volume | None:
    """An image seen on another grid by linear interpolation, for pictures alone.

    Args:
        image: Any scalar image.
        grid: Where it is wanted.

    Returns:
        float32 values with the frame of `grid`, the nearest pixel's beyond the image's border; None where they do not
        overlap.
    """
    index = image.mm_to_index(grid.index_to_mm(np.indices(grid.values.shape).reshape(3, -1).T))
    inside = ((index >= -0.5) & (index <= np.array(image.values.shape) - 0.5)).all(axis=1)
    if not inside.any():
        return None
    values = ndimage.map_coordinates(image.values.astype(np.float32), index.T, order=1, mode="nearest")
    return replace(
        image,
        values=values.reshape(grid.values.shape),
        affine=grid.affine,
        slice_numbers=slice_numbers(grid),
    )


def _sampled(labels: Volume, image: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Label at the centre of each voxel of the image, and its distance in mm from the plane that the label is of."""
    values = np.zeros(image.values.shape, dtype=labels.values.dtype)
    off_mm = np.zeros(image.values.shape, dtype=np.float32)
    in_plane = np.indices(image.values.shape[:2]).reshape(2, -1).T
    for k in range(image.values.shape[2]):
        centers = image.index_to_mm(np.column_stack([in_plane, np.full(len(in_plane), k)]))
        index = labels.mm_to_index(centers)
        voxel = holding_voxel(index)
        held = np.flatnonzero(((voxel >= 0) & (voxel < labels.values.shape)).all(axis=1))
        at = (*in_plane[held].T, k)
        values[at] = labels.values[tuple(voxel[held].T)]
        off_mm[at] = np.abs(index[held, 2] - voxel[held, 2]) * labels.spacing_mm[2]
    return values, off_mm


def _how_far(labels: Volume, wall: np.ndarray, image: Volume) -> str:
    index = image.mm_to_index(labels.index_to_mm(np.argwhere(wall)))
    beyond = index - np.clip(index, -0.5, np.array(image.values.shape) - 0.5)
    apart_mm = float(np.linalg.norm(beyond * image.spacing_mm, axis=1).min())
    return f"the nearest lies {apart_mm:.1f} mm outside" if apart_mm > 0 else "none in its slices"


def _unlike(labels: Volume, image: Volume, rule: str, finding: str) -> GeometryError:
    grids = f"{_grid(image)} against {_grid(labels)}"
    remedy = "draw the labels on the image, or resample them onto it (nearest neighbour)"
    return GeometryError(image.source, f"the grid of {labels.source}, or one {rule}", f"{finding} ({grids}); {remedy}")


def _grid(volume: Volume) -> str:
    voxels, spacing = ("×".join(f"{n:.4g}" for n in row) for row in (volume.values.shape, volume.spacing_mm))
    return f"{voxels} voxels of {spacing} mm"
