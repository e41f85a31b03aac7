"""A scar map seen through the slices that it was made from: the mean over the part of the wall that a pixel holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cardioscar.errors import GeometryError
from cardioscar.imaging.affine import Affine
from cardioscar.imaging.cells_on_grid import points_in_cells
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.slices import Slice, slice_axis, stack_from_volume
from cardioscar.imaging.volume import Volume

DEPTHS = 5
"""Places through a slab at which a pixel is looked at."""


@dataclass(frozen=True)
class MapInSlices:
    """A map on the grid of an image.

    Attributes:
        probability: Scar probability, 0 to 1, float32; 0 outside the wall.
        uncertainty: Its standard deviation, likewise; None where the map has none.
        wall: Where at least half of a pixel's slab is wall, bool.
    """

    probability: Volume
    uncertainty: Volume | None
    wall: Volume

    def scar(self, threshold: float) -> np.ndarray:
        """Wall whose probability is at least the threshold, shape of the volumes."""
        return self.wall.values & (self.probability.values >= threshold)


def map_in_slices(
    mesh: LVMesh,
    image: Volume,
    *,
    thickness_mm: float | None = None,
    shifts_mm: Mapping[int, np.ndarray] | None = None,
) -> MapInSlices:
    r"""Look at a map through the slices of an image.

    $$p_{ij} = \frac{1}{|T|} \sum_{t \in T} s(x_{ijt})$$ over those of five places $t$ through the slab at the middle of
    the pixel that lie in the wall: what the fit is asked to make equal to the pixel. A pixel whose slab is wall for
    less than half is none, and 0.

    Args:
        mesh: The wall with point data `scar_probability` and, perhaps, `scar_uncertainty`.
        image: Image in the same frame; its pixel values do not matter.
        thickness_mm: Thickness of the slices; default what the file states, else their distance.
        shifts_mm: How far the heart lies from its stated place in each slice along i and j, mm, by slice number: where
            slices were aligned before the map was made.

    Raises:
        GeometryError: If no pixel lies in the wall: another heart, or another frame.
    """
    data = mesh.grid.point_data
    if "scar_probability" not in data:
        raise GeometryError(mesh.source, "point data 'scar_probability'", "none of that name")
    names = [name for name in ("scar_probability", "scar_uncertainty") if name in data]
    axis = slice_axis(image)
    seen = [
        _seen(mesh, names, piece, (shifts_mm or {}).get(piece.number))
        for piece in stack_from_volume(image, thickness_mm=thickness_mm)
    ]
    wall = np.stack([share >= 0.5 for share, _ in seen], axis=axis)
    if not wall.any():
        finding = "none of its pixels (another heart, or another frame?)"
        raise GeometryError(image.source, "an image of the mapped wall", finding)

    def volume(name: str) -> Volume | None:
        if name not in names:
            return None
        values = np.stack([of[names.index(name)] for _, of in seen], axis=axis)
        return Volume(np.where(wall, values, 0).astype(np.float32), image.affine, image.source)

    probability = volume("scar_probability")
    assert probability is not None
    return MapInSlices(probability, volume("scar_uncertainty"), Volume(wall, image.affine, image.source))


def _seen(
    mesh: LVMesh, names: list[str], piece: Slice, shift_mm: np.ndarray | None
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Share of each pixel's slab that is wall, and the means of fields over that part, shape (i, j) each."""
    frame = piece.affine.copy()
    if shift_mm is not None:
        frame[:3, 3] -= frame[:3, :2] @ (np.asarray(shift_mm) / piece.pixel_mm)
    local = Affine(frame).mm_to_index(mesh.nodes_mm)
    local[:, 2] = (local[:, 2] + 0.5) * DEPTHS - 0.5  # the middles of five layers of the slab become 0 to 4
    shape = (*piece.values.shape, DEPTHS)
    held = np.zeros(np.prod(shape), dtype=bool)
    fields = [np.asarray(mesh.grid.point_data[name], dtype=float) for name in names]
    values = [np.zeros(held.shape) for _ in names]
    for point, corners, weights in points_in_cells(local, mesh.tetrahedra, shape):
        held[point] = True
        for field, value in zip(fields, values, strict=True):
            value[point] = (field[corners] * weights).sum(axis=1)
    count = held.reshape(shape).sum(axis=2)
    return count / DEPTHS, [value.reshape(shape).sum(axis=2) / np.maximum(count, 1) for value in values]
