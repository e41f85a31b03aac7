"""What archives of strain say of the place of their slices: middle, long axis and septum, radius, location."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cardioscar.activation.formats.displacement_files import read_displacement
from cardioscar.activation.formats.given import Given
from cardioscar.activation.formats.matrix_files import STRAIN_KEYS
from cardioscar.activation.formats.strain_parts import strain_parts
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.ring import find_ring
from cardioscar.activation.strain.sectors import heading_in_picture, sector_centers
from cardioscar.activation.strain.slice_place import SlicePlace
from cardioscar.errors import InputError
from cardioscar.imaging.alignment.lv_axes import LVAxes
from cardioscar.imaging.formats.array_files import read_npz

log = logging.getLogger(__name__)

AXES = ("center_mm", "long_axis", "septum_direction")
"""Arrays of an archive that state where its slice lies in the frame of the scanner (LPS): the middle of the cavity, the
direction from apex to base, and that from the middle to the septum; shape (3,), or (slices, 3) of several slices."""
RADIUS = "radius_mm"
"""Radius of the middle of the wall at the reference, a number, or one of each slice."""
_FIELD = "displacement.npz"
_RADIUS_MM = (5.0, 80.0)


def places_of(path: Path, slices: Sequence[StrainSlice], given: Given = Given()) -> list[SlicePlace]:
    """Places of the slices that `read_strain` has read of a path.

    Args:
        path: As for `read_strain`.
        slices: What that returned.
        given: As for `read_strain`.

    Returns:
        One for each slice, with the locations of these; axes and radius where the archives state them. Axes that are
        stated of some slices and not of others count for none.

    Raises:
        InputError: If axes or radius are none.
    """
    found = _of(path, given)
    if len(found) != len(slices):
        if any(one.axes is not None for one in found):
            log.warning(
                "places are stated of %d slices, strain of %d: the places do not count", len(found), len(slices)
            )
        found = [SlicePlace()] * len(slices)
    return [replace(place, location_mm=one.location_mm) for place, one in zip(found, slices, strict=True)]


def place_arrays(places: Sequence[SlicePlace]) -> dict[str, np.ndarray]:
    """Arrays of an archive that say the same, those of several slices one below the other; none without axes."""
    axes = [one.axes for one in places if one.axes is not None]
    stored: dict[str, np.ndarray] = {}
    if axes and len(axes) == len(places):
        parts = ([one.center_mm for one in axes], [one.long_axis for one in axes], [one.septum for one in axes])
        stored |= {name: np.stack(part) for name, part in zip(AXES, parts, strict=True)}
    if places and all(one.radius_mm is not None for one in places):
        stored[RADIUS] = np.array([one.radius_mm for one in places], dtype=np.float64)
    return stored if len(places) > 1 else {name: value[0] for name, value in stored.items()}


def _of(path: Path, given: Given) -> list[SlicePlace]:
    if path.is_dir():
        if (path / _FIELD).is_file():
            return _of(path / _FIELD, given)
        return [place for one in strain_parts(path) for place in _of(one, given)]
    if path.suffix.lower() != ".npz":
        return [SlicePlace()]
    stored = read_npz(path, {*AXES, RADIUS, *STRAIN_KEYS})
    strain = next((stored.pop(name) for name in STRAIN_KEYS if name in stored), None)
    if strain is not None and strain.ndim == 3:
        return [_place({name: _row(value, n, len(strain), path) for name, value in stored.items()}, path)
                for n in range(len(strain))]  # fmt: skip
    place = _place(stored, path)
    return [place if strain is not None or RADIUS in stored else replace(place, radius_mm=_ring_mm(path, given))]


def _row(value: np.ndarray, number: int, count: int, path: Path) -> np.ndarray:
    if len(np.atleast_1d(value)) != count:
        raise InputError(path.name, f"a place of each of {count} slices", f"shape {value.shape}")
    return np.asarray(value[number])


def _place(stored: Mapping[str, np.ndarray], path: Path) -> SlicePlace:
    axes, there = None, [name for name in AXES if name in stored]
    if there:
        if len(there) < len(AXES) or any(stored[name].size != 3 for name in AXES):
            raise InputError(path.name, f"{', '.join(AXES)}, three numbers each", f"{', '.join(there)}")
        center, axis, septum = (stored[name].ravel().astype(np.float64) for name in AXES)
        axes = LVAxes.of(center, axis, septum, where=path.name)
    radius = stored.get(RADIUS)
    if radius is None:
        return SlicePlace(axes)
    if radius.size != 1 or not _RADIUS_MM[0] <= float(radius.ravel()[0]) <= _RADIUS_MM[1]:
        raise InputError(path.name, f"a radius of {_RADIUS_MM[0]:g} to {_RADIUS_MM[1]:g} mm", "another")
    return SlicePlace(axes, radius_mm=float(radius.ravel()[0]))


def _ring_mm(path: Path, given: Given) -> float:
    """Radius of the middle of the wall of a mask."""
    field = read_displacement(path, given)
    inner, outer = find_ring(field.mask, where=path.name).borders(sector_centers(36), heading_in_picture())
    return float((inner + outer).mean() / 2 * np.mean(field.pixel_mm))
