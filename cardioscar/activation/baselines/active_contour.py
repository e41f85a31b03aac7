"""Onset by an active contour: the closed line through the matrix that follows the bends of all curves at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cardioscar.activation.baselines.method import OnsetMethod
from cardioscar.activation.baselines.smoothing import GRID_MS, curves_of
from cardioscar.activation.strain.matrix import StrainSlice

_LATEST_MS = 260.0
"""Onsets are looked for up to here."""


@dataclass(frozen=True)
class ActiveContour(OnsetMethod):
    """The line of least energy: how much strain lies on its wrong side, and how it is bent itself.

    Before the line no sector should have shortened by more than a share of what it will, after it each should have. The
    best closed line is found exactly, by dynamic programming over sectors [@amini1990] from each time at which it may
    begin. Where a sector hardly shortens its neighbours have the say.
    """

    share: float = 0.1
    """Of the way from the greatest length before the peak to the peak."""
    stiffness: float = 1.0
    """Energy of a step of 10 ms from a sector to the next, in 126 sectors; a sector's is strain × 100 × ms / 10."""
    steepest_ms: float = 30.0
    """Largest step from one sector to the next, in 126 sectors."""

    def shown_ms(self, one: StrainSlice) -> Float[np.ndarray, " sectors"]:
        """Times along the line."""
        curves = curves_of(one)
        candidates = curves.times_ms[curves.times_ms <= max(_LATEST_MS, curves.times_ms[0] + 4 * GRID_MS)]
        energy = region_energy(curves.strain, curves.peak, self.share)[:, : len(candidates)] * 100 * GRID_MS / 10
        steps = candidates[:, None] - candidates[None, :]
        bending = self.stiffness * (steps / 10) ** 2 * (one.sectors / 126)
        bending[np.abs(steps) > self.steepest_ms * 126 / one.sectors + 1e-9] = np.inf
        return candidates[closed_path(energy, bending)]


def region_energy(
    strain: Float[np.ndarray, "sectors times"], peak: Int[np.ndarray, " sectors"], share: float
) -> Float[np.ndarray, "sectors times"]:
    """Strain on the wrong side of each time: shortened before it, or not shortened from it to the peak.

    Args:
        strain: Curves on an even grid.
        peak: Index of the greatest shortening of each sector.
        share: Of the way from the greatest length to the peak from which on a sector has shortened.

    Returns:
        Sums over the grid, in strain.

    >>> region_energy(np.array([[0.0, 0, -1, -2]]), np.array([3]), 0.25)
    array([[1. , 0.5, 0. , 0.5]])
    """
    sectors, grid = np.arange(len(strain)), np.arange(strain.shape[1])
    shortest, until = strain[sectors, peak][:, None], grid <= peak[:, None]
    # a sector that others stretch has not shortened: what counts is the way from the greatest length so far
    so_far = np.maximum.accumulate(strain, axis=1)
    longest = so_far[sectors, peak][:, None]
    below = np.cumsum(np.maximum(so_far - share * (so_far - shortest) - strain, 0) * until, axis=1)
    above = np.cumsum(np.maximum(strain - longest + share * (longest - shortest), 0) * until, axis=1)
    before = np.pad(below, ((0, 0), (1, 0)))[:, :-1]
    return before + above[:, -1:] - np.pad(above, ((0, 0), (1, 0)))[:, :-1]


def closed_path(
    energy: Float[np.ndarray, "sectors times"], bending: Float[np.ndarray, "times times"]
) -> Int[np.ndarray, " sectors"]:
    """The closed line of least energy, exactly.

    Args:
        energy: Of the line at each sector and time, finite.
        bending: Of a step between neighbouring sectors, from one time to another, symmetric; infinite where a step is
            too steep; 0 for none.

    Returns:
        Index of the time at each sector.

    >>> closed_path(np.array([[0.0, 9, 9], [9, 9, 0], [0, 9, 9]]), np.abs(np.subtract.outer(range(3), range(3))) * 9.0)
    array([0, 0, 0])
    """
    sectors, times = energy.shape
    # total[i, j]: least energy of lines that begin at time i in sector 0 and are at time j now
    total = np.where(np.eye(times, dtype=bool), energy[0][:, None], np.inf)
    came = np.empty((sectors, times, times), dtype=np.int32)
    for sector in range(1, sectors):
        ways = total[:, :, None] + bending[None]
        came[sector] = ways.argmin(axis=1)
        total = np.take_along_axis(ways, came[sector][:, None], axis=1)[:, 0] + energy[sector]
    closing = total + bending.T
    begin, now = np.unravel_index(int(np.argmin(closing)), closing.shape)
    path = np.empty(sectors, dtype=np.int64)
    for sector in range(sectors - 1, 0, -1):
        path[sector] = now
        now = came[sector][begin, now]
    path[0] = begin
    return path
