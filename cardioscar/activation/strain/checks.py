"""What a strain matrix has to be before anything is read off it; each rule that is broken has its own sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.errors import InputError, counted

FEWEST_FRAMES = 8
"""Frames of a cycle below which no time of onset can be told."""
FEWEST_SECTORS, MOST_SECTORS = 6, 1440
_LONGEST_MS = 3000.0
_SHORTEST_CYCLE_MS = 100.0
_PERCENT = 1.0
"""A length that grows by 73 %: no circumference of a wall does, and in percent every one does."""
_RIGHT_SIGN = 0.02
"""Mean strain by which a wall may be stretched before it shortens; more than that, and more than it shortens, is no
wall but another sign."""


def check_frame_times(frame_ms: Float[np.ndarray, " frames"] | None, frames: int, *, where: str) -> np.ndarray:
    """Times of frames, if they are that.

    Args:
        frame_ms: In ms after the R wave; None where nobody gave them.
        frames: How many frames the strain has.
        where: Name for errors.

    Raises:
        InputError: If they are missing, of another number, not finite, do not grow, or are no times in ms.
    """
    if frame_ms is None:
        raise InputError(where, "frame times in ms (frame_ms)", "none")
    times = np.asarray(frame_ms)
    if times.ndim != 1 or not (np.issubdtype(times.dtype, np.floating) or np.issubdtype(times.dtype, np.integer)):
        raise InputError(where, "frame times as a list of numbers", f"shape {times.shape}, {times.dtype}")
    times = times.astype(np.float64)
    if len(times) != frames:
        raise InputError(where, f"a frame time for each of {frames} frames", f"{len(times)}")
    if not np.isfinite(times).all() or (len(times) > 1 and np.diff(times).min() <= 0):
        raise InputError(where, "finite frame times that grow", "others")
    if times[0] < 0 or times[-1] > _LONGEST_MS:
        raise InputError(where, f"frame times of 0 to {_LONGEST_MS:g} ms", f"{times[0]:g} to {times[-1]:g}")
    if len(times) >= FEWEST_FRAMES and times[-1] < _SHORTEST_CYCLE_MS:
        raise InputError(where, "frame times in ms", f"a cycle of {times[-1]:g} (seconds, or numbers of frames?)")
    return times


def check_matrix(
    strain: np.ndarray, frame_ms: np.ndarray | None, *, where: str, sectors: int | None = None
) -> Float[np.ndarray, "sectors frames"]:
    """A strain matrix, if it is one of sectors × frames.

    Args:
        strain: As it was read.
        frame_ms: Frame times, by whose number a transposed matrix is told; None where there are none.
        where: Name for errors.
        sectors: Number of sectors where something else has told it.

    Raises:
        InputError: If it is no matrix of numbers, transposed, or has too few sectors or frames.
    """
    values = np.asarray(strain)
    rule = "strain as a matrix of sectors × frames"
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise InputError(where, rule, f"shape {values.shape}, {values.dtype}")
    rows, columns = values.shape
    frames = None if frame_ms is None or np.ndim(frame_ms) != 1 else len(frame_ms)
    told = (frames is not None and columns != frames and rows == frames) or (
        sectors is not None and rows != sectors and columns == sectors
    )
    if told or ((frames is None or rows == columns) and _begins_in_rows(values)):
        raise InputError(where, rule, f"{rows} × {columns}: frames × sectors (transposed)")
    if sectors is not None and rows != sectors:
        raise InputError(where, f"strain of {sectors} sectors", f"{rows}")
    if not FEWEST_SECTORS <= rows <= MOST_SECTORS:
        raise InputError(where, f"{FEWEST_SECTORS} to {MOST_SECTORS} sectors", f"{rows}")
    return values.astype(np.float64)


def _begins_in_rows(values: np.ndarray) -> bool:
    """Whether the first row, and not the first column, is the frame at which nothing has moved yet."""
    if min(values.shape) < FEWEST_SECTORS or not np.isfinite(values).all():
        return False
    whole = float(np.sqrt((values**2).mean()))
    row, column = (float(np.sqrt((line**2).mean())) for line in (values[0], values[:, 0]))
    return row < whole / 4 and column > whole / 2


def check_strain(one: StrainSlice) -> StrainSlice:
    """The slice, if its circumferential strain is that of a beating wall, in fractions, shortening negative.

    Raises:
        InputError: If a value is not finite, frames are too few, or values are in percent, of the other sign, or no
            Green–Lagrange strain.
    """
    for name, values in (
        ("circumferential", one.circumferential),
        ("radial", one.radial),
        ("longitudinal", one.longitudinal),
    ):
        if values is None:
            continue
        if values.shape != one.circumferential.shape:
            raise InputError(one.source, f"{name} strain of shape {one.circumferential.shape}", f"{values.shape}")
        bad = ~np.isfinite(values)
        if bad.any():
            found = f"{counted(int(bad.sum()), 'value')} not finite in {counted(int(bad.any(axis=1).sum()), 'sector')}"
            raise InputError(one.source, f"finite {name} strain", found)
    if one.frames < FEWEST_FRAMES:
        raise InputError(one.source, f"{FEWEST_FRAMES} frames and more", f"{one.frames}")
    check_frame_times(one.frame_ms, one.frames, where=one.source)
    strain = one.circumferential
    size = float(np.quantile(np.abs(strain), 0.99))
    if size > _PERCENT:
        rule = "circumferential strain in fractions (−0.2 for a fifth shorter)"
        raise InputError(one.source, rule, f"values of {size:.3g} (percent?)")
    low = float(np.quantile(strain, 0.01))
    if low < -0.5:
        raise InputError(one.source, "Green–Lagrange strain, which is never below −0.5", f"{low:.3g}")
    mean = strain.mean(axis=0)
    if mean.max() > _RIGHT_SIGN and mean.max() > -mean.min():
        rule = "circumferential shortening as negative strain"
        found = f"mean strain from {mean.min():.3g} to {mean.max():.3g} (the other sign?)"
        raise InputError(one.source, rule, found)
    return one


def check_study(slices: Sequence[StrainSlice]) -> list[StrainSlice]:
    """Slices of one heart from apex to base, if a map along the long axis can be made of them.

    Args:
        slices: Of one heart, in any order, each as `check_strain` wants it.

    Returns:
        Sorted by location.

    Raises:
        InputError: If there is one slice, or none, a location is missing or told twice, or numbers of sectors differ.
    """
    if len(slices) < 2:
        rule = "2 slices and more along the long axis"
        raise InputError(slices[0].source if slices else "slices", rule, f"{len(slices)}")
    for one in slices:
        check_strain(one)
        if one.location_mm is None or not np.isfinite(one.location_mm):
            raise InputError(one.source, "a slice location in mm (location_mm)", "none")
    counts = sorted({one.sectors for one in slices})
    if len(counts) > 1:
        odd = next(one for one in slices if one.sectors != slices[0].sectors)
        rule = "as many sectors in each slice of a heart"
        raise InputError(odd.source, rule, f"{odd.sectors} here and {slices[0].sectors} in another")
    ordered = sorted(slices, key=lambda one: one.location_mm or 0.0)
    places = np.array([one.location_mm for one in ordered], dtype=np.float64)
    if np.diff(places).min() < 0.1:
        twice = ordered[int(np.diff(places).argmin()) + 1]
        raise InputError(twice.source, "slices apart from each other", "a location that another slice has too")
    return ordered
