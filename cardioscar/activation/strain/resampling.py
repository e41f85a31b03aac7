"""Other numbers of sectors, other times of frames."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator, make_interp_spline

from cardioscar.errors import InputError

_SLACK_MS = 1e-6


def resample_sectors(values: Float[np.ndarray, "sectors ..."], sectors: int) -> Float[np.ndarray, "sectors_ ..."]:
    """Means over other shares of the circumference, which is closed.

    Values are taken to change linearly between the middles of neighbouring sectors, and averaged exactly over each new
    one. Halving the sectors gives the means of pairs but for a share of the neighbours' difference.

    Args:
        values: One value, or one row, for each sector.
        sectors: New number, 1 and more.

    Returns:
        One value or row for each new sector; the mean over the circumference stays.

    >>> resample_sectors(np.array([0.0, 0, 4, 4]), 2)
    array([0.5, 3.5])
    >>> resample_sectors(np.ones((18, 3)), 126).shape
    (126, 3)
    """
    if sectors < 1:
        raise InputError("sectors", "1 sector and more", str(sectors))
    values = np.asarray(values, dtype=np.float64)
    old = len(values)
    if old == sectors:
        return values.copy()
    middles = (np.arange(-1, old + 1) + 0.5) / old
    spread = make_interp_spline(middles, np.concatenate([values[-1:], values, values[:1]]), k=1).antiderivative()
    edges = np.arange(sectors + 1) / sectors
    return np.diff(spread(edges), axis=0) * sectors


def resample_frames(
    values: Float[np.ndarray, "sectors frames"],
    frame_ms: Float[np.ndarray, " frames"],
    new_ms: Float[np.ndarray, " frames_"],
    *,
    where: str = "frame_ms",
) -> Float[np.ndarray, "sectors frames_"]:
    """Strain at other times, by monotone cubic interpolation: it makes no peak that no frame shows.

    Args:
        values: Strain, shape (sectors, frames).
        frame_ms: Their times in ms, increasing.
        new_ms: New times in ms, within the old ones.
        where: Name for errors.

    Returns:
        Shape (sectors, new frames).

    Raises:
        InputError: If a new time lies outside of the frames: there nothing was measured.
    """
    new_ms = np.asarray(new_ms, dtype=np.float64)
    if new_ms.min() < frame_ms[0] - _SLACK_MS or new_ms.max() > frame_ms[-1] + _SLACK_MS:
        finding = f"{new_ms.min():g} to {new_ms.max():g} ms"
        raise InputError(where, f"times within its frames, {frame_ms[0]:g} to {frame_ms[-1]:g} ms", finding)
    return np.asarray(PchipInterpolator(frame_ms, values, axis=1)(np.clip(new_ms, frame_ms[0], frame_ms[-1])))
