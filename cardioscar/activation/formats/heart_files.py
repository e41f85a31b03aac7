"""All slices of a heart in one archive: what is made of any source of strain, and read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cardioscar.activation.formats.given import Given
from cardioscar.activation.formats.matrix_files import slice_of, write_matrix
from cardioscar.activation.formats.place_files import place_arrays
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.slice_place import SlicePlace
from cardioscar.errors import InputError
from cardioscar.files.atomic import atomic_file

_MOST_SLICES = 100
_BY_SECTOR = ("radial", "longitudinal")


def write_heart(path: Path, slices: Sequence[StrainSlice], places: Sequence[SlicePlace] = ()) -> None:
    """Write the slices of a heart; equal slices give equal bytes.

    One slice is written as `write_matrix` does: `strain` of sectors × frames and `frame_ms` of the frames. Of several,
    `strain` has the shape (slices, sectors, frames), `frame_ms` (frames,), or (slices, frames) where they have times of
    their own, and `location_mm` (slices,). Where slices have fewer frames than others, NaN fills the end of their rows.
    `radial` and `longitudinal` are there where all slices have them.

    Args:
        path: `.npz`.
        slices: One and more, of as many sectors each.
        places: Of each, where more is known of them than their location; see `place_files`.

    Raises:
        InputError: If there are none, or numbers of sectors differ.
        PlatformError: If it cannot be written.
    """
    if not slices or len({one.sectors for one in slices}) > 1:
        raise InputError("slices", "one slice and more of as many sectors each", "others")
    more = place_arrays(places)
    if len(slices) == 1:
        write_matrix(path, slices[0], more)
        return
    first, frames = slices[0], max(one.frames for one in slices)
    same = all(np.array_equal(one.frame_ms, first.frame_ms) for one in slices)
    times = first.frame_ms if same else np.stack([_filled(one.frame_ms, frames) for one in slices])
    stored = {"strain": _stacked([one.circumferential for one in slices], frames), "frame_ms": times}
    for name in _BY_SECTOR:
        values = [getattr(one, name) for one in slices]
        if all(value is not None for value in values):
            stored[name] = _stacked(values, frames)
    if any(one.location_mm is not None for one in slices):
        stored["location_mm"] = np.array([np.nan if one.location_mm is None else one.location_mm for one in slices])
    with atomic_file(path) as partial:
        np.savez_compressed(partial, allow_pickle=False, **stored, **more)


def slices_of(stored: dict[str, np.ndarray], given: Given, where: str) -> list[StrainSlice]:
    """The slices of an archive whose `strain` has three axes.

    Args:
        stored: Its arrays.
        given: What it does not say.
        where: Name for errors.

    Raises:
        InputError: If its arrays do not fit each other, or a slice breaks a rule of a matrix.
    """
    strain, times, places = stored["strain"], stored.get("frame_ms"), stored.get("location_mm")
    count = len(strain)
    if not 1 <= count <= _MOST_SLICES:
        raise InputError(where, f"strain of 1 to {_MOST_SLICES} slices × sectors × frames", f"shape {strain.shape}")
    if places is not None and places.shape != (count,):
        raise InputError(where, f"a location in mm for each of {count} slices", f"shape {places.shape}")
    found = []
    for number in range(count):
        own = None if times is None else times[number] if times.ndim == 2 and len(times) == count else times
        kept = slice(None)
        if own is not None and own.ndim == 1 and own.dtype.kind == "f" and len(own) == strain.shape[2]:
            kept = slice(0, int(np.isfinite(own).sum()))
            own = own[kept]
        parts = {"strain": strain[number][:, kept]} | ({} if own is None else {"frame_ms": own})
        for name in _BY_SECTOR:
            if name in stored and stored[name].shape == strain.shape:
                parts[name] = stored[name][number][:, kept]
        if places is not None and np.isfinite(places[number]):
            parts["location_mm"] = places[number : number + 1]
        name = f"{where}: slice {number + 1}"
        found.append(replace(slice_of(parts, given, name), source=name))
    return found


def _stacked(values: Sequence[np.ndarray], frames: int) -> np.ndarray:
    return np.stack([_filled(one, frames) for one in values])


def _filled(values: np.ndarray, frames: int) -> np.ndarray:
    missing = frames - values.shape[-1]
    return np.concatenate([values, np.full((*values.shape[:-1], missing), np.nan)], axis=-1)
