"""Times of frames: their unit by what a header states, and by what a heart can do."""

from __future__ import annotations

import logging

import numpy as np
from jaxtyping import Float

from cardioscar.errors import InputError

BEAT_MS = (80.0, 4000.0)
"""Lengths of what a cine shows of a beat, from small animals to the slowest hearts.

They are less than a factor of 1000 apart, so that only one unit fits a number.
"""
LARGEST_GAP = 1.6
"""Longest time between two frames over the median one; twice as long means that a frame is missing."""
SMALLEST_GAP = 0.4
"""Shortest time likewise; frames closer than that are repeated."""

_MS_PER_UNIT = {8: ("s", 1000.0), 16: ("ms", 1.0), 24: ("µs", 0.001)}

log = logging.getLogger(__name__)


def nifti_times_ms(
    where: str, frames: int, *, step: float, first: float, code: int
) -> Float[np.ndarray, " frames"] | None:
    """Frame times of a NIfTI header.

    The unit is the one stated; where none is, the one in which the frames cover a heart beat. A step of 0, and of 1
    without unit or in seconds, is what programs write that know of no time.

    Args:
        where: File name, for errors.
        frames: Number of frames.
        step: Stated time between them.
        first: Stated time of the first.
        code: NIfTI's code of the unit: 0 none, 8 s, 16 ms, 24 µs.

    Returns:
        Milliseconds, or None where no time is stated, which is warned of.

    Raises:
        InputError: If the fourth axis is no time, or the frames cover no heart beat in the stated unit, or in any.

    >>> nifti_times_ms("cine.nii", 20, step=0.04, first=0.0, code=8)[:3]
    array([ 0., 40., 80.])
    >>> nifti_times_ms("cine.nii", 20, step=40, first=0.0, code=0)[:3]
    array([ 0., 40., 80.])
    """
    if code not in (0, *_MS_PER_UNIT):
        raise InputError(where, "a fourth axis of time", "one of another unit (frequency, concentration)")
    if step == 0 or (step == 1 and code in (0, 8)):
        log.warning("%s states no time between its frames; they are taken as evenly spread over one beat", where)
        return None
    if not np.isfinite(step) or step < 0:
        raise InputError(where, "a positive time between frames (pixdim 4)", "another number")
    fitting = [(name, ms) for name, ms in _MS_PER_UNIT.values() if _is_beat(frames * step * ms)]
    rule = f"frames that cover {BEAT_MS[0]:g} to {BEAT_MS[1]:g} ms of a heart beat"
    if code == 0:
        if not fitting:
            raise InputError(where, rule, f"{frames} frames {step:.4g} apart, without a unit")
        name, ms = fitting[0]
        log.info("%s states no unit of time; %.4g between frames was taken for %s", where, step, name)
    else:
        name, ms = _MS_PER_UNIT[code]
        if not _is_beat(frames * step * ms):
            hint = f" (in {fitting[0][0]} they would)" if fitting else ""
            raise InputError(where, rule, f"{frames} frames {step:.4g} {name} apart, as its header says{hint}")
    start = first * ms if np.isfinite(first) and 0 <= first * ms <= BEAT_MS[1] else 0.0
    # single precision of the header: a nanosecond is none of its digits
    return np.asarray(np.round(start + np.arange(frames) * step * ms, 4))


def check_spread(where: str, times_ms: Float[np.ndarray, " frames"], *, rule: str = "frames spread evenly") -> None:
    """Refuse the times of one slice that betray a missing or a repeated frame, or cover no heart beat.

    Args:
        where: File name, for errors.
        times_ms: Ascending.
        rule: What was expected, for the error.

    Raises:
        InputError: If a gap is longer than `LARGEST_GAP` or shorter than `SMALLEST_GAP` times the median one.
    """
    gaps = np.diff(times_ms)
    usual = float(np.median(gaps))
    covered = float(gaps.mean()) * len(times_ms)
    if not _is_beat(covered):
        finding = f"{len(times_ms)} frames that cover {covered:.3g}"
        raise InputError(where, f"frames that cover {BEAT_MS[0]:g} to {BEAT_MS[1]:g} ms of a heart beat", finding)
    if gaps.max() > LARGEST_GAP * usual:
        finding = f"one of {gaps.max():.4g} ms where {usual:.4g} ms are usual (a missing frame?)"
        raise InputError(where, rule, finding)
    if gaps.min() < SMALLEST_GAP * usual:
        finding = f"one of {gaps.min():.4g} ms where {usual:.4g} ms are usual (a repeated frame?)"
        raise InputError(where, rule, finding)


def _is_beat(ms: float) -> bool:
    return BEAT_MS[0] <= ms <= BEAT_MS[1]
