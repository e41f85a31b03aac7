"""What the user says of files that do not say it themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.activation.strain.checks import check_frame_times
from cardioscar.errors import InputError

_CLOSE_MS = 0.5


@dataclass(frozen=True)
class Given:
    """What is known of strain beside its files; it counts where the files are silent, and has to agree where not."""

    frame_ms: tuple[float, ...] = ()
    """Time of each frame after the R wave in ms."""
    first_ms: float | None = None
    """Time of the first frame in ms; default one interval."""
    interval_ms: float | None = None
    """Time between frames in ms, where they are evenly apart."""
    pixel_mm: tuple[float, ...] = ()
    """Size of a pixel in mm, one number or height and width."""
    location_mm: float | None = None
    """Where along the long axis the slice lies, growing towards the base, in mm."""
    first_sector: int = 0
    """The file's sector that begins at the middle of the septum."""
    towards_anterior: bool = False
    """Whether the file counts its sectors from the septum through the anterior wall, not through the inferior one."""
    septum: tuple[float, ...] = ()
    """Direction from the middle of the cavity to that of the septum: two numbers in a picture (columns, rows), three in
    space (LPS)."""

    def times(self, stored: np.ndarray | None, frames: int, *, where: str) -> Float[np.ndarray, " frames"]:
        """Frame times of a file.

        Args:
            stored: Those that it states, or the one time between its frames; None where it states none.
            frames: How many there have to be.
            where: Name for errors.

        Raises:
            InputError: If nobody states them, they are none, or file and user contradict each other.
        """
        told = self._told(frames)
        if stored is None:
            return check_frame_times(told, frames, where=where)
        if stored.size == 1 and frames > 1 and stored.dtype.kind in "iuf":
            stored = evenly(float(stored.ravel()[0]), self.first_ms, frames, where=where)
        times = check_frame_times(stored, frames, where=where)
        if told is not None and (len(told) != frames or np.abs(told - times).max() > _CLOSE_MS):
            raise InputError(where, "the frame times that the file itself states", "others given beside it")
        return times

    def _told(self, frames: int) -> np.ndarray | None:
        if self.frame_ms:
            return np.array(self.frame_ms, dtype=np.float64)
        if self.interval_ms is None:
            return None
        return evenly(self.interval_ms, self.first_ms, frames, where="interval_ms")

    def pixel(self, stored: np.ndarray | None, *, where: str) -> tuple[float, float]:
        """Height and width of a pixel in mm.

        Raises:
            InputError: If nobody states it, it is none, or file and user contradict each other.
        """
        rule = "the size of a pixel in mm (pixel_mm), one number or height and width"
        told = np.array(self.pixel_mm, dtype=np.float64) if self.pixel_mm else None
        size = told if stored is None else np.asarray(stored)
        if size is None:
            raise InputError(where, rule, "none")
        size = np.atleast_1d(np.squeeze(size))
        if size.ndim != 1 or size.size not in (1, 2) or size.dtype.kind not in "iuf":
            raise InputError(where, rule, f"shape {size.shape}, {size.dtype}")
        height, width = np.broadcast_to(size.astype(np.float64), 2).tolist()
        if not all(0.1 <= one <= 10 for one in (height, width)):
            raise InputError(where, "pixels of 0.1 to 10 mm", f"{height:g} × {width:g}")
        if stored is not None and told is not None and np.abs(np.broadcast_to(told, 2) - [height, width]).max() > 1e-3:
            raise InputError(where, "the size of a pixel that the file itself states", "another given beside it")
        return height, width


def evenly(interval_ms: float, first_ms: float | None, frames: int, *, where: str) -> Float[np.ndarray, " frames"]:
    """Times of frames that are evenly apart.

    Args:
        interval_ms: Time between frames.
        first_ms: Time of the first frame; None for one interval after the R wave, when the first frame is complete.
        frames: How many.
        where: Name for errors.

    Raises:
        InputError: If no sequence has such an interval.

    >>> evenly(17, None, 3, where="frame_ms")
    array([17., 34., 51.])
    """
    if not 1 <= interval_ms <= 500:
        raise InputError(where, "1 to 500 ms between frames", f"{interval_ms:g}")
    return (interval_ms if first_ms is None else first_ms) + interval_ms * np.arange(float(frames))


def told_times(stored: np.ndarray | None, given: Given) -> np.ndarray | None:
    """Times by whose number the axis of frames is told: a file's own or the user's, None where there is no list."""
    if stored is not None and stored.ndim == 1 and stored.size > 1:
        return stored
    return np.array(given.frame_ms) if given.frame_ms else None
