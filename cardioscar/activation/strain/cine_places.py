"""Where the slices of a labelled cine lie: middle, long axis, septum and radius, by the labels of one frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.slice_place import SlicePlace
from cardioscar.imaging.alignment.lv_axes import LVAxes
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.coordinates.lv_coordinates import RIGHT_ANTERIOR
from cardioscar.imaging.labels import WALL, Label


def cine_places(
    labels: Cine,
    slices: Sequence[StrainSlice],
    *,
    frame: int = 0,
    septum: Float[np.ndarray, " xyz"] | None = None,
) -> list[SlicePlace]:
    """Places of the slices of strain that the contours of a cine gave.

    Args:
        labels: Values of `Label`, slices from apex to base.
        slices: Of these, each with its `location_mm` along the normal.
        frame: End-diastole.
        septum: Direction from the cavity to the middle of the septum, LPS; default right and anterior of the patient.

    Returns:
        One for each slice, in the frame of the scanner.
    """
    grid = labels.grid
    normal = grid.normal(2)
    along = (grid.matrix[:3, 3] + np.outer(np.arange(labels.slices), grid.matrix[:3, 2])) @ normal
    pixel_mm2 = float(np.prod(grid.spacing_mm[:2]))
    found = []
    for one in slices:
        k = int(np.argmin(np.abs(along - (one.location_mm or 0.0))))
        shown = labels.values[:, :, k, frame]
        cavity, heart = shown == Label.BLOOD_POOL, np.isin(shown, [*WALL, Label.BLOOD_POOL])
        if not heart.any():
            found.append(SlicePlace(location_mm=one.location_mm))
            continue
        center = grid.index_to_mm(np.array([[*np.argwhere(heart).mean(axis=0), k]]))[0]
        radius = float(np.mean([np.sqrt(part.sum() * pixel_mm2 / np.pi) for part in (cavity, heart)]))
        axes = LVAxes.of(center, normal, RIGHT_ANTERIOR if septum is None else septum, where=labels.source)
        found.append(SlicePlace(axes, one.location_mm, radius))
    return found
