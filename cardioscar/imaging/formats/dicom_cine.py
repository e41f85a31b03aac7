"""A DICOM cine: images put in order by their slice's place and their time after the trigger."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from cardioscar.errors import GeometryError, InputError, counted
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.formats.cine_times import check_spread
from cardioscar.imaging.formats.dicom_dataset import numbers_of
from cardioscar.imaging.formats.dicom_pixels import read_stack
from cardioscar.imaging.formats.dicom_series import check_same_frame, slice_step, stated_slice_thickness
from cardioscar.imaging.formats.dicom_slice import DicomSlice, read_slice
from cardioscar.imaging.formats.header_trust import HeaderTrust, say_odd_thickness
from cardioscar.imaging.short_axis import check_short_axis

log = logging.getLogger(__name__)

_POSITION_TOLERANCE_MM = 0.05
_SAME_TIME_MS = 0.5
"""Trigger times closer than this are one: some writers round to whole milliseconds."""
_BEATS_DIFFER = 0.35
"""Share by which frame intervals of two slices may differ: breath-holds change the heart rate."""


def read_dicom_cine(paths: Sequence[Path], *, where: str, trust: HeaderTrust = "agree") -> Cine:
    """Read single-frame DICOM files as one short-axis cine, rescale slope and intercept applied.

    Slices are ordered along their normal, frames by trigger time (0018,1060). Where no file states one, frames follow
    the temporal position (0020,0100), or else the instance number (0020,0013), and the nominal interval (0018,1062) is
    spread over them. Messages never carry header text.

    Args:
        paths: The files of one series, or of one stack whose slices are a series each.
        where: Name of the folder, for errors and as the source of the cine.
        trust: As for `read_dicom_series`.

    Returns:
        Float32 values, shape (i, j, slices, frames).

    Raises:
        InputError: If a file is no single-frame DICOM image or carries identifiers; if sizes differ; if a slice has
            frames missing or repeated, or only one; if times are stated in some files only, or contradict each other.
        GeometryError: If slices are not parallel, or of several pixel sizes or distances, or long-axis.
    """
    if not paths:
        raise InputError(where, "a folder of DICOM files", "no files")
    headers = [read_slice(path, where, trust) for path in paths]
    _check_orientations(headers, where)
    check_same_frame(headers, where)
    _check_series(headers, where)
    first = headers[0]
    place = _places(headers)
    slices = int(place.max()) + 1
    check_short_axis(where, first.normal, slices=slices)
    order = _order(headers, place, where)
    stacks = [[headers[n] for n in order[place[order] == k]] for k in range(slices)]
    _check_frames(stacks, where)
    times = _times_ms(stacks, where)
    thickness = stated_slice_thickness(headers, where)
    affine = np.eye(4)
    affine[:3, :2] = first.axes * first.pixel_mm
    affine[:3, 2] = slice_step([stack[0] for stack in stacks], thickness, where, trust)
    affine[:3, 3] = stacks[0][0].position_mm
    if thickness is not None:
        say_odd_thickness(where, thickness, float(np.linalg.norm(affine[:3, 2])))
    values = np.stack([read_stack(stack, where) for stack in stacks], axis=2)
    return Cine(values, affine, times, where, thickness)


def image_numbers(paths: Sequence[Path], *, where: str, trust: HeaderTrust = "agree") -> dict[int, tuple[int, int]]:
    """Slice and frame of each image by its number (0020,0013), as `read_dicom_cine` puts them in order.

    Args:
        paths: Files that `read_dicom_cine` reads.
        where: Name of the folder, for errors.
        trust: As for `read_dicom_cine`.

    Raises:
        InputError: If images lack a number, or share one.
    """
    headers = [read_slice(path, where, trust) for path in paths]
    place = _places(headers)
    order = _order(headers, place, where)
    numbers = _stated(headers, "InstanceNumber", where)
    if numbers is None or len(np.unique(numbers)) != len(numbers):
        raise InputError(where, "a number (0020,0013) of its own for each image", "others")
    found: dict[int, tuple[int, int]] = {}
    for k in range(int(place.max()) + 1):
        for t, n in enumerate(order[place[order] == k]):
            found[int(numbers[n])] = (k, t)
    return found


def _check_orientations(headers: Sequence[DicomSlice], where: str) -> None:
    """Name long-axis slices in a folder of several orientations, before it is refused for these."""
    normals = np.array([h.normal for h in headers])
    kinds = np.unique(np.round(normals, 1), axis=0)
    if len(kinds) > 1 and np.abs(normals @ normals.T).min() < 0.95:
        finding = f"{len(kinds)} orientations (long-axis series among them?)"
        raise GeometryError(where, "one stack of parallel short-axis slices", finding)


def _check_series(headers: Sequence[DicomSlice], where: str) -> None:
    """One series, or a series for each slice in one frame of reference."""
    series = {h.series for h in headers}
    if len(series) == 1:
        return
    frames = {h.frame for h in headers}
    if len(frames) > 1 or "" in frames:
        raise InputError(where, "one DICOM series", f"{len(series)}")
    place = _places(headers)
    if any(len({int(k) for h, k in zip(headers, place, strict=True) if h.series == uid}) > 1 for uid in series):
        raise InputError(where, "one DICOM series, or one for each slice", f"{len(series)}")
    log.warning("%s holds %d series; they were taken for the slices of one stack", where, len(series))


def _places(headers: Sequence[DicomSlice]) -> Int[np.ndarray, " images"]:
    """Number of the slice that each image shows, counted along the normal."""
    along = np.array([float(h.position_mm @ headers[0].normal) for h in headers])
    order = np.argsort(along, kind="stable")
    number = np.empty(len(headers), dtype=int)
    number[order] = np.concatenate([[0], np.cumsum(np.diff(along[order]) > _POSITION_TOLERANCE_MM)])
    return number


def _stated(headers: Sequence[DicomSlice], keyword: str, where: str) -> Float[np.ndarray, " images"] | None:
    """An attribute of all images; None where none has it."""
    found = [numbers_of(h.dataset, keyword, 1) for h in headers]
    missing = sum(one is None for one in found)
    if missing == len(found):
        return None
    if missing:
        raise InputError(where, f"{keyword} in every file, or in none", f"{missing} of {len(found)} files without")
    return np.array([float(one[0]) for one in found if one is not None])


def _order(headers: Sequence[DicomSlice], place: np.ndarray, where: str) -> Int[np.ndarray, " images"]:
    """Images in the order of slices and of time, none of them twice."""
    for keyword in ("TriggerTime", "TemporalPositionIdentifier", "InstanceNumber"):
        key = _stated(headers, keyword, where)
        if key is None or ((key == key[0]).all() and len(key) > 1 and keyword != "InstanceNumber"):
            continue
        order = np.lexsort([key, place])
        same = (np.diff(place[order]) == 0) & (np.diff(key[order]) < _SAME_TIME_MS)
        if same.any():
            kinds = len({h.image_type for h in headers})
            hint = f"{kinds} image types, such as magnitude and phase" if kinds > 1 else "repeated frames"
            finding = f"{counted(int(same.sum()), 'image')} at the slice and time of another ({hint})"
            raise InputError(where, "one image at each slice and time", finding)
        return order
    raise InputError(where, "trigger times (0018,1060) or numbers of the frames", "neither")


def _check_frames(stacks: Sequence[Sequence[DicomSlice]], where: str) -> None:
    counts = [len(stack) for stack in stacks]
    usual = max(set(counts), key=counts.count)
    if max(counts) == 1:
        raise InputError(where, "at least two frames of a beat", "one at each slice")
    odd = [number for number, count in enumerate(counts) if count != usual]
    if odd:
        finding = f"{counts[odd[0]]} at slice {odd[0]} (from 0, of {len(stacks)})"
        word = "missing" if counts[odd[0]] < usual else "more"
        raise InputError(where, f"{usual} frames at every slice", f"{finding}: {word} frames")
    if usual == 1:
        raise InputError(where, "at least two frames of a beat", "one at each slice")


def _times_ms(stacks: Sequence[Sequence[DicomSlice]], where: str) -> Float[np.ndarray, " frames"] | None:
    headers, frames = [one for stack in stacks for one in stack], len(stacks[0])
    stated = _stated(headers, "TriggerTime", where)
    if stated is None or (stated == stated[0]).all():
        interval = _stated(headers, "NominalInterval", where)
        if interval is None or interval.min() <= 0:
            log.warning("%s states no trigger times; its frames are taken as evenly spread over one beat", where)
            return None
        times = np.asarray(np.arange(frames) * float(interval.mean()) / frames)
        check_spread(where, times)
        return times
    by_slice = stated.reshape(len(stacks), frames)
    for number, times in enumerate(by_slice):
        check_spread(
            where, times, rule=f"frames spread evenly over the beat (slice {number}, from 0, of {len(stacks)})"
        )
    intervals = np.diff(by_slice, axis=1).mean(axis=1)
    if np.ptp(intervals) > _BEATS_DIFFER * intervals.mean():
        finding = f"{intervals.min():.4g} to {intervals.max():.4g} ms"
        raise InputError(where, "one time between frames for all slices", finding)
    return np.asarray(by_slice.mean(axis=0))
