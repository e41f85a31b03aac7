"""Onsets of the slices of a heart with where these lie, in one archive: what a map over the ventricle is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cardioscar.activation.formats.place_files import AXES, RADIUS, place_arrays
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.strain.slice_place import SlicePlace
from cardioscar.errors import InputError
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.alignment.lv_axes import LVAxes
from cardioscar.imaging.formats.array_files import read_npz

_TIMES = ("tos_ms", "low_ms", "high_ms", "classes")
_LOCATION = "location_mm"


@dataclass(frozen=True, eq=False)
class HeartOnsets:
    """Onsets of the slices of a heart.

    Attributes:
        slices: Two and more, of as many sectors each.
        places: Where each lies.
    """

    slices: tuple[SectorOnsets, ...]
    places: tuple[SlicePlace, ...]


def write_heart_onsets(path: Path, heart: HeartOnsets) -> None:
    """Write the archive; equal hearts give equal bytes.

    Args:
        path: `.npz` of `tos_ms`, `low_ms`, `high_ms` and `classes`, shape (slices, sectors), `location_mm`, and the
            arrays of `place_files` where all slices have them.
        heart: Onsets and places.
    """
    stored = {name: np.stack([getattr(one, name) for one in heart.slices]) for name in _TIMES}
    stored[_LOCATION] = np.array([np.nan if one.location_mm is None else one.location_mm for one in heart.places])
    stored |= {name: value.reshape(len(heart.slices), -1) for name, value in place_arrays(heart.places).items()}
    with atomic_file(path) as partial:
        np.savez_compressed(partial, allow_pickle=False, **stored)


def read_heart_onsets(path: Path) -> HeartOnsets:
    """Read the archive back.

    Raises:
        InputError: If it is another.
    """
    stored = read_npz(path, {*_TIMES, _LOCATION, *AXES, RADIUS})
    shapes = {stored[name].shape for name in _TIMES if name in stored}
    if len(shapes) != 1 or not all(name in stored for name in (*_TIMES, _LOCATION)):
        raise InputError(path.name, "onsets of slices × sectors, and where these lie", "others")
    classes = stored["classes"].astype(np.int64)
    rows = zip(stored["tos_ms"], stored["low_ms"], stored["high_ms"], classes, strict=True)
    slices = tuple(SectorOnsets(*row) for row in rows)
    return HeartOnsets(slices, tuple(_place(stored, row) for row in range(len(slices))))


def with_locations(places: Sequence[SlicePlace]) -> list[SlicePlace]:
    """Places with a location each: where the files state none, along the mean of the long axes that they state."""
    axes = [one.axes for one in places if one.axes is not None]
    if len(axes) < len(places) or all(one.location_mm is not None for one in places):
        return list(places)
    along = np.mean([one.long_axis for one in axes], axis=0)
    along /= np.linalg.norm(along)
    return [replace(place, location_mm=float(one.center_mm @ along)) for place, one in zip(places, axes, strict=True)]


def _place(stored: dict[str, np.ndarray], row: int) -> SlicePlace:
    axes = None
    if all(name in stored for name in AXES):
        axes = LVAxes.of(*(stored[name][row] for name in AXES))
    location = float(stored[_LOCATION][row])
    radius = float(stored[RADIUS][row].item()) if RADIUS in stored else None
    return SlicePlace(axes, location if np.isfinite(location) else None, radius)
